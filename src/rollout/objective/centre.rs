//! Terms of the centre of mass.

use super::{Group, GroupBar};

/// Mean of `values` by mass; zero, without a derivative, as long as there is no mass.
fn mean(mass: &[f64], values: &[[f64; 3]]) -> [f64; 3] {
    let total: f64 = mass.iter().sum();
    if total == 0.0 {
        return [0.0; 3];
    }
    let mut sum = [0.0; 3];
    for (m, value) in mass.iter().zip(values) {
        for a in 0..3 {
            sum[a] += m * value[a];
        }
    }
    sum.map(|s| s / total)
}

/// Adds the cotangent of a mean to the values' cotangents.
fn mean_adj(mass: &[f64], mean_bar: [f64; 3], values_bar: &mut [[f64; 3]]) {
    let total: f64 = mass.iter().sum();
    if total == 0.0 {
        return;
    }
    for (m, bar) in mass.iter().zip(values_bar) {
        for a in 0..3 {
            bar[a] += m / total * mean_bar[a];
        }
    }
}

/// Whether none of the particles is there: then a term is zero.
fn is_nothing(group: Group) -> bool {
    group.mass.iter().all(|&m| m == 0.0)
}

/// `Σ_a (centre - point)_a²` over the chosen axes [m²].
pub(super) fn distance(group: Group, point: &[f64; 3], axes: &[bool; 3]) -> f64 {
    if is_nothing(group) {
        return 0.0;
    }
    let centre = mean(group.mass, group.x);
    (0..3).filter(|&a| axes[a]).map(|a| (centre[a] - point[a]).powi(2)).sum()
}

pub(super) fn distance_adj(
    group: Group,
    point: &[f64; 3],
    axes: &[bool; 3],
    value_bar: f64,
    bar: &mut GroupBar,
) {
    let centre = mean(group.mass, group.x);
    let centre_bar =
        std::array::from_fn(
            |a| {
                if axes[a] { 2.0 * value_bar * (centre[a] - point[a]) } else { 0.0 }
            },
        );
    mean_adj(group.mass, centre_bar, bar.x);
}

/// `-(velocity of the centre) . direction` [m/s].
pub(super) fn velocity(group: Group, direction: &[f64; 3]) -> f64 {
    let velocity = mean(group.mass, group.v);
    -(0..3).map(|a| velocity[a] * direction[a]).sum::<f64>()
}

pub(super) fn velocity_adj(group: Group, direction: &[f64; 3], value_bar: f64, bar: &mut GroupBar) {
    mean_adj(group.mass, direction.map(|d| -value_bar * d), bar.v);
}

/// `-(centre - from) . direction` [m].
pub(super) fn displacement(group: Group, from: &[f64; 3], direction: &[f64; 3]) -> f64 {
    if is_nothing(group) {
        return 0.0;
    }
    let centre = mean(group.mass, group.x);
    -(0..3).map(|a| (centre[a] - from[a]) * direction[a]).sum::<f64>()
}

pub(super) fn displacement_adj(
    group: Group,
    direction: &[f64; 3],
    value_bar: f64,
    bar: &mut GroupBar,
) {
    mean_adj(group.mass, direction.map(|d| -value_bar * d), bar.x);
}
