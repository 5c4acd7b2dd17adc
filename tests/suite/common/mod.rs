//! Random matrices of every regime, and independent derivatives, for the tests of pointwise physics.

pub mod beside;
pub mod contact_scene;
pub mod derivatives;
pub mod gradients;
pub mod ground;
pub mod laws;
pub mod meshes;
pub mod models;
pub mod pour;

use ndarray_npy::NpzReader;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use softscape::math::{Mat3, Vec3};
use std::fs::File;
use std::path::Path;

pub fn npz(path: impl AsRef<Path>) -> NpzReader<File> {
    NpzReader::new(File::open(path).expect("the file is there")).expect("an npz file")
}

pub fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

pub fn random_vector(rng: &mut impl Rng) -> Vec3<f64> {
    Vec3::from_fn(|_| rng.random_range(-1.0..1.0))
}

pub fn random_matrix(rng: &mut impl Rng) -> Mat3<f64> {
    Mat3::from_fn(|_, _| rng.random_range(-1.0..1.0))
}

/// Uniform over directions of a quaternion.
pub fn random_rotation(rng: &mut impl Rng) -> Mat3<f64> {
    loop {
        let q: [f64; 4] = std::array::from_fn(|_| rng.random_range(-1.0..1.0));
        let n2: f64 = q.iter().map(|x| x * x).sum();
        if (0.01..1.0).contains(&n2) {
            let [w, x, y, z] = q.map(|c| c / n2.sqrt());
            let axis = Vec3([x, y, z]);
            let k = Mat3::cross_matrix(axis);
            return Mat3::identity() + k * (2.0 * w) + k * k * 2.0;
        }
    }
}

/// `U diag(s) Vᵀ` with random rotations.
pub fn with_singular_values(rng: &mut impl Rng, s: [f64; 3]) -> Mat3<f64> {
    let (u, v) = (random_rotation(rng), random_rotation(rng));
    u * Mat3::diagonal(Vec3(s)) * v.transpose()
}

/// Deformation gradients with positive determinant where a formula that divides by differences of
/// singular values fails, and where none does.
pub fn regimes(rng: &mut impl Rng) -> Vec<(&'static str, Mat3<f64>)> {
    let identity = Mat3::identity();
    vec![
        ("identity", identity),
        ("I + 1e-7 A", identity + random_matrix(rng) * 1e-7),
        ("I + 1e-3 A", identity + random_matrix(rng) * 1e-3),
        ("0.97 R", random_rotation(rng) * 0.97),
        ("0.9 R", random_rotation(rng) * 0.9),
        ("two equal", with_singular_values(rng, [1.2, 0.8, 0.8])),
        ("two equal, large", with_singular_values(rng, [1.1, 1.1, 0.7])),
        ("extreme", with_singular_values(rng, [3.0, 1.0, 0.1])),
        ("generic", with_singular_values(rng, [1.3, 1.05, 0.75])),
    ]
}

/// Inverted or flat deformation gradients; the smallest singular value carries the sign.
pub fn inverted_regimes(rng: &mut impl Rng) -> Vec<(&'static str, Mat3<f64>)> {
    vec![
        ("inverted", with_singular_values(rng, [1.2, 0.9, -0.3])),
        ("inverted, two equal", with_singular_values(rng, [0.9, 0.9, -0.5])),
        ("reflection, almost", with_singular_values(rng, [1.0, 0.95, -0.9])),
        ("flat", with_singular_values(rng, [1.1, 0.8, 0.0])),
    ]
}

/// `|a - b| / |b|` in the Frobenius norm; absolute where b vanishes.
pub fn relative_error(a: Mat3<f64>, b: Mat3<f64>) -> f64 {
    let difference = (a - b).double_dot(a - b).sqrt();
    let scale = b.double_dot(b).sqrt();
    if scale > 0.0 { difference / scale } else { difference }
}
