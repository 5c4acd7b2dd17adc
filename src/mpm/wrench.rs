//! What material does to a rigid collider: force and torque.

use crate::math::Vec3;

/// Force [N] and torque [N m] in world axes, the torque about the collider's origin; or the impulse
/// [N s] and its moment [N m s] of a substep; or the derivative by either.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wrench {
    pub force: Vec3<f64>,
    pub torque: Vec3<f64>,
}

impl Wrench {
    pub const ZERO: Self = Self { force: Vec3([0.0; 3]), torque: Vec3([0.0; 3]) };

    /// Force, then torque.
    pub fn components(&self) -> [f64; 6] {
        let ([fx, fy, fz], [tx, ty, tz]) = (self.force.0, self.torque.0);
        [fx, fy, fz, tx, ty, tz]
    }

    /// From force and torque in a row.
    pub fn from_components(c: &[f64]) -> Self {
        Self { force: Vec3([c[0], c[1], c[2]]), torque: Vec3([c[3], c[4], c[5]]) }
    }

    pub fn add(&mut self, other: &Self) {
        self.force += other.force;
        self.torque += other.torque;
    }

    pub fn scaled(&self, factor: f64) -> Self {
        Self { force: self.force * factor, torque: self.torque * factor }
    }
}

/// Mean wrenches over control steps, `[control_step * collider_count + collider]`, from the impulses
/// of substeps, `[substep * collider_count + collider]`; substeps that were not run count as none.
pub(super) fn means(
    impulses: &[Wrench],
    collider_count: usize,
    substeps_per_control: usize,
    control_secs: f64,
) -> Vec<Wrench> {
    let row = (collider_count * substeps_per_control).max(1);
    let mut means = Vec::new();
    for step in impulses.chunks(row) {
        let mut sums = vec![Wrench::ZERO; collider_count];
        for substep in step.chunks(collider_count) {
            sums.iter_mut().zip(substep).for_each(|(sum, impulse)| sum.add(impulse));
        }
        means.extend(sums.iter().map(|sum| sum.scaled(1.0 / control_secs)));
    }
    means
}

/// The derivative by the impulses of every substep, from that by [`means`].
pub(super) fn means_adj(
    bars: &[Wrench],
    collider_count: usize,
    substeps_per_control: usize,
    control_secs: f64,
) -> Vec<Wrench> {
    let mut impulses = Vec::with_capacity(bars.len() * substeps_per_control);
    for step in bars.chunks(collider_count.max(1)) {
        let step: Vec<Wrench> = step.iter().map(|bar| bar.scaled(1.0 / control_secs)).collect();
        for _ in 0..substeps_per_control {
            impulses.extend_from_slice(&step);
        }
    }
    impulses
}
