//! Singular values, polar rotation, matrix logarithm and exponential: accuracy where they are used,
//! and the hard cases (repeated, tiny, negative and zero singular values).

use crate::common::*;
use softscape::math::{
    Dual, Mat3, Real, Scalar, Svd, Vec3, exp_symmetric, ln_spd, nearest_rotation, polar_rotation,
    svd,
};

fn cast<R: Real>(m: Mat3<f64>) -> Mat3<R> {
    Mat3::from_f64(m.0)
}

fn widen<R: Scalar>(m: Mat3<R>) -> Mat3<f64> {
    Mat3(m.0.map(|row| row.map(R::to_f64)))
}

/// Every kind of matrix that a particle can have, and some that it should not.
fn matrices() -> Vec<(&'static str, Mat3<f64>)> {
    let mut rng = rng(1);
    let mut list = regimes(&mut rng);
    list.extend(inverted_regimes(&mut rng));
    for s in
        [[1.0, 1e-3, 1e-3], [1.0, 1e-4, 1e-5], [2.0, 1.0, 1e-6], [1.0, 0.0, 0.0], [5.0, 5.0, 5.0]]
    {
        list.push(("near-singular or scaled", with_singular_values(&mut rng, s)));
    }
    list.push(("zero", Mat3::zero()));
    list.push(("minus identity", Mat3::identity() * -1.0));
    list.push(("diagonal, ascending", Mat3::diagonal(Vec3([0.3, 0.9, 2.0]))));
    for _ in 0..200 {
        list.push(("random", random_matrix(&mut rng) * 2.0));
    }
    list
}

/// Reconstruction, orthogonality, orientation and order, all relative to |F|.
fn check_svd(name: &str, f: Mat3<f64>, Svd { u, s, v }: Svd<f64>, tolerance: f64) {
    let scale = f.double_dot(f).sqrt().max(1.0);
    let rebuilt = u * Mat3::diagonal(s) * v.transpose();
    let defect = |m: Mat3<f64>| {
        let d = m.transpose() * m - Mat3::identity();
        d.double_dot(d).sqrt()
    };
    let error = (rebuilt - f).double_dot(rebuilt - f).sqrt() / scale;
    assert!(error < tolerance, "{name}: U S Vᵀ misses F by {error:e}\n{f:?}");
    assert!(defect(u) < tolerance, "{name}: U is not orthogonal: {:e}", defect(u));
    assert!(defect(v) < tolerance, "{name}: V is not orthogonal: {:e}", defect(v));
    assert!(u.determinant() > 0.0 && v.determinant() > 0.0, "{name}: a factor is a reflection");
    let slack = tolerance * scale;
    assert!(s[0] >= s[1] - slack && s[1] >= s[2].abs() - slack, "{name}: order of {s:?}");
    assert!(s[0] >= 0.0 && s[1] >= -slack, "{name}: a sign on a large value, {s:?}");
}

#[test]
fn svd_holds_to_round_off_in_double_and_single_precision() {
    for (name, f) in matrices() {
        check_svd(name, f, svd(f), 4e-15);
        let single: Mat3<f32> = cast(f);
        let Svd { u, s, v } = svd(single);
        let s = Vec3(s.0.map(f64::from));
        check_svd(name, widen(single), Svd { u: widen(u), s, v: widen(v) }, 2e-6);
    }
}

#[test]
fn svd_of_eight_lanes_is_the_svd_of_each() {
    let list = matrices();
    for group in list.chunks(8) {
        let at = |lane: usize| cast::<f32>(group[lane.min(group.len() - 1)].1);
        let packed = Mat3::from_fn(|i, j| f32::pack(|lane| at(lane)[(i, j)]));
        let d = svd(packed);
        for (lane, (name, _)) in group.iter().enumerate() {
            let pick = |m: Mat3<<f32 as Scalar>::Lanes>| {
                Mat3::from_fn(|i, j| f64::from(f32::lane(m[(i, j)], lane)))
            };
            let s = Vec3(d.s.0.map(|x| f64::from(f32::lane(x, lane))));
            check_svd(name, widen(at(lane)), Svd { u: pick(d.u), s, v: pick(d.v) }, 2e-6);
        }
    }
}

#[test]
fn small_singular_values_keep_their_relative_accuracy() {
    let mut rng = rng(2);
    for _ in 0..50 {
        let f = with_singular_values(&mut rng, [1.0, 1e-3, 1e-5]);
        let s = svd(f).s;
        // F itself is only given to 1e-16, that is 1e-11 of its smallest singular value.
        assert!((s[1] / 1e-3 - 1.0).abs() < 1e-12 && (s[2] / 1e-5 - 1.0).abs() < 1e-10, "{s:?}");
    }
}

#[test]
fn polar_rotation_agrees_with_the_svd_wherever_the_determinant_is_positive() {
    let mut rng = rng(3);
    let mut worst = (0.0f64, 0.0f64);
    for i in 0..400 {
        let s = match i % 4 {
            0 => [1.3, 1.0, 0.7],
            1 => [3.0, 1.0, 0.1],
            2 => [1.0, 1.0, 1e-2],
            _ => [2.0, 2e-2, 1e-2],
        };
        let f = with_singular_values(&mut rng, s);
        let Svd { u, v, .. } = svd(f);
        let exact = u * v.transpose();
        worst.0 = worst.0.max(relative_error(polar_rotation(f), exact));
        let single: Mat3<f32> = cast(f);
        let Svd { u, v, .. } = svd(widen(single));
        let exact = u * v.transpose();
        worst.1 = worst.1.max(relative_error(widen(polar_rotation(single)), exact));
    }
    // Condition of the rotation: 1/(s2 + s3) = 33 times round-off at the worst.
    assert!(worst.0 < 1e-13 && worst.1 < 1e-5, "{worst:?}");
}

#[test]
fn nearest_rotation_agrees_with_the_svd_also_when_inverted() {
    for (name, f) in matrices() {
        let Svd { u, s, v } = svd(f);
        // Not unique where s3 = -s2.
        if s[1] + s[2] < 1e-2 {
            continue;
        }
        let error = relative_error(nearest_rotation(f), u * v.transpose());
        assert!(error < 1e-12, "{name}: {error:e}");
    }
}

#[test]
fn tangent_of_the_polar_rotation_agrees_between_newton_and_quaternion() {
    let mut rng = rng(4);
    for (name, f) in regimes(&mut rng) {
        let direction = random_matrix(&mut rng);
        let dual = Mat3::from_fn(|i, j| Dual::new(f[(i, j)], direction[(i, j)]));
        let eps = |m: Mat3<Dual>| Mat3(m.0.map(|row| row.map(|x| x.eps)));
        let error = relative_error(eps(polar_rotation(dual)), eps(nearest_rotation(dual)));
        assert!(error < 1e-12, "{name}: {error:e}");
    }
}

#[test]
fn logarithm_and_exponential_invert_each_other() {
    let mut rng = rng(5);
    for s in [[1.0, 1.0, 1.0], [1.2, 1.2, 0.7], [3.0, 1.0, 0.1], [1.0, 0.06, 0.05]] {
        let f = with_singular_values(&mut rng, s);
        let b = f * f.transpose();
        let log = ln_spd(b);
        let Svd { u, .. } = svd(f);
        let exact = {
            let s = svd(f).s;
            let e = Vec3::from_fn(|i| 2.0 * s[i].ln());
            u * Mat3::diagonal(e) * u.transpose()
        };
        let distance = (log - exact).double_dot(log - exact).sqrt();
        assert!(distance < 1e-12, "{s:?}: ln misses by {distance:e}");
        let error = relative_error(exp_symmetric(log), b);
        assert!(error < 1e-12, "{s:?}: exp(ln b) misses by {error:e}");
    }
}
