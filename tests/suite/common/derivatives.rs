//! An adjoint against an independent derivative of the same function.

use softscape::math::{Dual, Mat3};

/// Adjoint against duals: both are exact, what is left is round-off of double precision.
pub const ROUND_OFF: f64 = 1e-10;

pub fn flat(m: Mat3<f64>) -> Vec<f64> {
    m.0.iter().flatten().copied().collect()
}

pub fn matrix<R: Copy>(x: &[R]) -> Mat3<R> {
    Mat3(std::array::from_fn(|i| std::array::from_fn(|j| x[3 * i + j])))
}

pub fn norm(x: &[f64]) -> f64 {
    x.iter().map(|a| a * a).sum::<f64>().sqrt()
}

/// Compares `Jᵀ w` of an adjoint with its rows from one derivative per input, group by group (each
/// group of inputs has its own unit). A derivative that cancels is compared to 1e-4 of `|w|`.
pub fn compare(
    name: &str,
    groups: &[usize],
    w: &[f64],
    exact: &[f64],
    adjoint: &[f64],
    tolerance: f64,
) {
    let mut start = 0;
    for (index, length) in groups.iter().enumerate() {
        let range = start..start + length;
        let (a, b) = (&exact[range.clone()], &adjoint[range]);
        let difference: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
        let error = norm(&difference) / norm(a).max(1e-4 * norm(w));
        assert!(error <= tolerance, "{name}, input group {index}: {error:e}\n{a:?}\n{b:?}");
        start += length;
    }
}

/// `w · ∂y/∂x_i` for each i, by dual numbers.
pub fn by_duals(x: &[f64], w: &[f64], f: impl Fn(&[Dual]) -> Vec<Dual>) -> Vec<f64> {
    (0..x.len())
        .map(|i| {
            let seeded: Vec<Dual> = x
                .iter()
                .enumerate()
                .map(|(j, &x)| Dual::new(x, f64::from(u8::from(i == j))))
                .collect();
            f(&seeded).iter().zip(w).map(|(y, w)| y.eps * w).sum()
        })
        .collect()
}

/// The same by central differences, for branches that duals do not take.
pub fn by_differences(x: &[f64], w: &[f64], f: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    (0..x.len())
        .map(|i| {
            let step = 1e-6 * x[i].abs().max(1.0);
            let at = |sign: f64| {
                let mut moved = x.to_vec();
                moved[i] += sign * step;
                f(&moved).iter().zip(w).map(|(y, w)| y * w).sum::<f64>()
            };
            (at(1.0) - at(-1.0)) / (2.0 * step)
        })
        .collect()
}
