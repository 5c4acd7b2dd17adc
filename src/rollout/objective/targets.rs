//! Every particle to a place of its own.

use super::{Group, GroupBar};

/// Particles that are not there have no mass; without any that is, the term is zero.
/// `Σ m |x - target|² / Σ m` [m²].
pub(super) fn distance(group: Group, targets: &[[f64; 3]]) -> f64 {
    let total: f64 = group.mass.iter().sum();
    let mut sum = 0.0;
    for ((m, x), target) in group.mass.iter().zip(group.x).zip(targets) {
        sum += m * (0..3).map(|a| (x[a] - target[a]).powi(2)).sum::<f64>();
    }
    if total == 0.0 { 0.0 } else { sum / total }
}

pub(super) fn distance_adj(group: Group, targets: &[[f64; 3]], value_bar: f64, bar: &mut GroupBar) {
    let total: f64 = group.mass.iter().sum();
    if total == 0.0 {
        return;
    }
    for (p, target) in targets.iter().enumerate() {
        let factor = 2.0 * value_bar * group.mass[p] / total;
        for a in 0..3 {
            bar.x[p][a] += factor * (group.x[p][a] - target[a]);
        }
    }
}
