//! One particle from several, and several from one (formulas.md 6), with their transposes.

use crate::math::{Mat3, Scalar, Vec3, exp_symmetric, left_svd, ln_spd};
use crate::mpm::twin::context::Point;
use crate::mpm::twin::material::sinhc;

/// What changes of a particle when it is split or merged.
#[derive(Clone, Copy, Debug)]
pub struct Particle<R> {
    pub cell: [i32; 3],
    /// [cell widths]
    pub offset: Vec3<R>,
    pub v: Vec3<R>,
    pub c: Mat3<R>,
    pub f: Mat3<R>,
    pub history: R,
}

/// Cotangent of a [`Particle`]; the position's by metre.
#[derive(Clone, Copy, Debug)]
pub struct ParticleBar<R> {
    pub x: Vec3<R>,
    pub v: Vec3<R>,
    pub c: Mat3<R>,
    pub f: Mat3<R>,
    pub history: R,
}

impl<R: Scalar> ParticleBar<R> {
    pub fn zero() -> Self {
        let (vector, matrix) = (Vec3::zero(), Mat3::zero());
        Self { x: vector, v: vector, c: matrix, f: matrix, history: R::zero() }
    }
}

/// From the middle of a box to one of its corners.
fn corner<R: Scalar>(octant: u8, half: Vec3<R>) -> Vec3<R> {
    Vec3::from_fn(|a| if octant >> a & 1 == 1 { half[a] } else { -half[a] })
}

/// What eight children surround, and how far from it they lie along each axis [m].
#[derive(Clone, Copy, Debug)]
pub struct Nest<R> {
    pub cell: [i32; 3],
    /// [cell widths]
    pub offset: Vec3<R>,
    pub step: Vec3<R>,
    /// Along which axes it is the parent's own place, and not a site that stays where it is when the parent
    /// moves a little.
    pub is_parents: [bool; 3],
}

impl<R: Scalar> Nest<R> {
    /// The parent's own place, and a quarter of the spacing that its volume stands for.
    pub fn around(parent: &Particle<R>, point: &Point<R>) -> Self {
        let step = Vec3([point.volume.cbrt() * R::from_f64(0.25); 3]);
        Self { cell: parent.cell, offset: parent.offset, step, is_parents: [true; 3] }
    }
}

/// The child in an octant: `X + q o`, `v + q C o`, all else as the parent.
pub fn child<R: Scalar>(
    parent: &Particle<R>,
    nest: &Nest<R>,
    octant: u8,
    cell_width: R,
) -> Particle<R> {
    let step = corner(octant, nest.step);
    let (cell, offset) = settled(nest.cell, nest.offset + step * cell_width.recip());
    Particle { cell, offset, v: parent.v + parent.c * step, ..*parent }
}

/// Adds the cotangent of a child to its parent's: `v_bar`, F and history as they are, `x_bar` along the
/// axes on which the nest is the parent's place, `C_bar += q v_bar oᵀ + C_bar`.
pub fn child_adj<R: Scalar>(
    nest: &Nest<R>,
    octant: u8,
    bar: &ParticleBar<R>,
    sum: &mut ParticleBar<R>,
) {
    let step = corner(octant, nest.step);
    sum.x += Vec3::from_fn(|a| if nest.is_parents[a] { bar.x[a] } else { R::zero() });
    sum.v += bar.v;
    sum.c += bar.c + bar.v.outer(step);
    sum.f += bar.f;
    sum.history += bar.history;
}

/// An offset of any size, and the nearest node to it.
fn settled<R: Scalar>(cell: [i32; 3], offset: Vec3<R>) -> ([i32; 3], Vec3<R>) {
    let shift = offset.0.map(|o| (o.to_f64() + 0.5).floor());
    let cell = std::array::from_fn(|a| cell[a].wrapping_add(shift[a] as i32));
    (cell, Vec3::from_fn(|a| offset[a] - R::from_f64(shift[a])))
}

/// Several particles of one material, about to become one.
pub struct Group<'a, R> {
    pub particles: &'a [Particle<R>],
    pub points: &'a [Point<R>],
    pub cell_width: R,
    /// D of the level that the merged particle is for [m²].
    pub d: R,
}

/// Means that the merge and its adjoint share.
struct Means<R> {
    mass: R,
    volume: R,
    /// Mean position from the first particle's node [cells].
    centre: Vec3<R>,
    /// Mean velocity.
    v: Vec3<R>,
    /// `K⁻¹`, with `K = Σ m o oᵀ + M D I`, and `C = N K⁻¹`, with `N = Σ m u oᵀ + D Σ m C`.
    k_inverse: Mat3<R>,
    c: Mat3<R>,
    /// Mean left logarithmic strain.
    strain: Mat3<R>,
}

impl<R: Scalar> Group<'_, R> {
    /// Places of the particles from the first one's node [cells].
    fn place(&self, p: usize) -> Vec3<R> {
        let (first, own) = (self.particles[0].cell, &self.particles[p]);
        Vec3::from_fn(|a| {
            R::from_f64(f64::from(own.cell[a].wrapping_sub(first[a]))) + own.offset[a]
        })
    }

    /// `(o, u)`: position from the centre [m] and velocity from the mean.
    fn relative(&self, p: usize, means: &Means<R>) -> (Vec3<R>, Vec3<R>) {
        let o = (self.place(p) - means.centre) * self.cell_width;
        (o, self.particles[p].v - means.v)
    }

    fn means(&self) -> Means<R> {
        let sum = |of: &dyn Fn(usize) -> R| {
            (0..self.particles.len()).map(of).fold(R::zero(), |a, b| a + b)
        };
        let mass = sum(&|p| self.points[p].mass);
        let volume = sum(&|p| self.points[p].volume);
        let (mut centre, mut v, mut strain) = (Vec3::zero(), Vec3::zero(), Mat3::zero());
        for (p, particle) in self.particles.iter().enumerate() {
            let share = self.points[p].mass / mass;
            centre += self.place(p) * share;
            v += particle.v * share;
            strain += left_log_strain(particle.f) * (self.points[p].volume / volume);
        }
        let zero = Mat3::zero();
        let mut means = Means { mass, volume, centre, v, k_inverse: zero, c: zero, strain };
        let mut k = Mat3::identity() * (mass * self.d);
        let mut n = Mat3::zero();
        for (p, particle) in self.particles.iter().enumerate() {
            let (o, u) = self.relative(p, &means);
            let m = self.points[p].mass;
            k += o.outer(o) * m;
            n += u.outer(o) * m + particle.c * (m * self.d);
        }
        means.k_inverse = k.inverse();
        means.c = n * means.k_inverse;
        means
    }

    /// Whether the strains and histories are close enough to be one, within `spread`.
    pub fn is_uniform(&self, spread: f64) -> bool {
        let spread = R::from_f64(spread);
        let first = left_log_strain(self.particles[0].f);
        self.particles.iter().all(|particle| {
            let apart = left_log_strain(particle.f) - first;
            // NaN (an inverted particle) is not close to anything.
            apart.double_dot(apart) < spread * spread
                && (particle.history - self.particles[0].history).abs() < spread
        })
    }

    /// The merged particle and its mass and volume: mass, momentum and volume are kept, C by least
    /// squares in the kinetic energy of the grid, `F = exp(Σ V h/ΣV)` with h the left logarithmic strain
    /// (without rotation, which isotropic laws do not see), history by volume.
    pub fn merged(&self) -> (Particle<R>, Point<R>) {
        let means = self.means();
        let first = &self.points[0];
        let level = self.points.iter().map(|p| p.level).min().unwrap_or(0) + 1;
        let point = Point { mass: means.mass, volume: means.volume, level, ..*first };
        let (cell, offset) = settled(self.particles[0].cell, means.centre);
        let mut history = R::zero();
        for (particle, point) in self.particles.iter().zip(self.points) {
            history += particle.history * (point.volume / means.volume);
        }
        let f = exp_symmetric(means.strain);
        (Particle { cell, offset, v: means.v, c: means.c, f, history }, point)
    }

    /// Cotangents of the particles from that of the merged one: with `Nb = C_bar K⁻¹`,
    /// `Kb = -(Cᵀ Nb + Nbᵀ C)/2`, a = m/M:  `x_bar = a X_bar + m (Nbᵀ u + 2 Kb o)`,
    /// `v_bar = a V_bar + m Nb o`, `C_bar = m D Nb`.
    pub fn merged_adj(&self, bar: &ParticleBar<R>) -> Vec<ParticleBar<R>> {
        let means = self.means();
        let nb = bar.c * means.k_inverse;
        let kb = (means.c.transpose() * nb).symmetric_part() * -R::one();
        let strain_bar = exp_symmetric_adj(means.strain, bar.f);
        let one = |p: usize| {
            let (o, u) = self.relative(p, &means);
            let m = self.points[p].mass;
            let (share, part) = (m / means.mass, self.points[p].volume / means.volume);
            ParticleBar {
                x: bar.x * share + (nb.transpose() * u + kb * o * R::from_f64(2.0)) * m,
                v: bar.v * share + nb * o * m,
                c: nb * (m * self.d),
                f: left_log_strain_adj(self.particles[p].f, strain_bar * part),
                history: bar.history * part,
            }
        };
        (0..self.particles.len()).map(one).collect()
    }
}

/// `h = U ln(S) Uᵀ = ln(F Fᵀ)/2`.
fn left_log_strain<R: Scalar>(f: Mat3<R>) -> Mat3<R> {
    if R::TENSOR_FORM {
        return ln_spd(f * f.transpose()) * R::from_f64(0.5);
    }
    let (u, s) = left_svd(f);
    u * Mat3::diagonal(Vec3(s.0.map(R::ln))) * u.transpose()
}

/// `F_bar = 2 U (g ∘ H) Uᵀ F`, `H = Uᵀ sym(h_bar) U`, `g_ij = Δ/(2 s_i s_j sinh Δ)`, Δ = ln s_i - ln s_j.
fn left_log_strain_adj<R: Scalar>(f: Mat3<R>, bar: Mat3<R>) -> Mat3<R> {
    let (u, s) = left_svd(f);
    let h = u.transpose() * bar.symmetric_part() * u;
    let scaled = Mat3::from_fn(|i, j| h[(i, j)] / (s[i] * s[j] * sinhc((s[i] / s[j]).ln())));
    u * scaled * u.transpose() * f
}

/// `h_bar = Q (k ∘ (Qᵀ sym(E_bar) Q)) Qᵀ`, `k_ij = sqrt(q_i q_j) sinh(Δ/2)/(Δ/2)`, `exp h = Q diag(q) Qᵀ`,
/// Δ = ln q_i - ln q_j.
fn exp_symmetric_adj<R: Scalar>(h: Mat3<R>, bar: Mat3<R>) -> Mat3<R> {
    let (axes, q) = left_svd(exp_symmetric(h));
    let turned = axes.transpose() * bar.symmetric_part() * axes;
    let half = R::from_f64(0.5);
    let scaled = Mat3::from_fn(|i, j| {
        turned[(i, j)] * (q[i] * q[j]).sqrt() * sinhc(half * (q[i] / q[j]).ln())
    });
    axes * scaled * axes.transpose()
}
