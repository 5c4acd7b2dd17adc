//! Materials at one particle: every adjoint against an independent derivative, in every regime and on
//! every branch; frame indifference; single precision in lanes against double.

use crate::common::derivatives::*;
use crate::common::laws::{cases, stress_adj};
use crate::common::*;
use rand::Rng;
use softscape::math::{Dual, Mat3, Real, Scalar, Vec3};
use softscape::model::{CONSTANTS, Family, Law, LawKind};
use softscape::mpm::twin::material::{
    Local, energy, muscle_stress, muscle_stress_adj, return_map, return_map_adj, stress,
};

/// The direction of a strain of 1e-7 is known to some 1e-9, and divisors (|dev e|, tr e) can be smaller.
const TINY_STRAIN: f64 = 5e-8;
/// Adjoint against central differences with the best step of 1e-6.
const DIFFERENCES: f64 = 1e-7;

/// Constants of laws whose branches are examined one by one.
const ELASTIC: [f64; CONSTANTS] = [4.0e4, 6.0e4, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
const SAND: [f64; CONSTANTS] = [4.0e5, 3.0e5, 0.6, 0.0, 0.0, 0.0, 0.0, 0.0];
const TENSILE: [f64; CONSTANTS] = [0.0, 2.0e5, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
const SLACK: [f64; CONSTANTS] = [0.0, 2.0e5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];

/// The order of magnitude of strain rates [1/s].
const RATE: f64 = 5.0;

fn constants<R: Copy>(x: &[R]) -> [R; CONSTANTS] {
    std::array::from_fn(|n| x[n])
}

/// Inputs F (9), C (9), history (1) and constants (8).
fn stress_of<R: Real>(kind: LawKind) -> impl Fn(&[R]) -> Vec<R> {
    move |x| {
        let at = Local { f: matrix(x), c: matrix(&x[9..]), history: x[18] };
        stress(kind, &constants(&x[19..]), &at).0.into_iter().flatten().collect()
    }
}

fn check_stress(
    name: &str,
    kind: LawKind,
    k: [f64; CONSTANTS],
    f: Mat3<f64>,
    history: f64,
    tolerance: f64,
) {
    let mut rng = rng(10);
    for _ in 0..3 {
        let tau_bar = random_matrix(&mut rng);
        let at = Local { f, c: random_matrix(&mut rng) * RATE, history };
        let x: Vec<f64> = [flat(f), flat(at.c), vec![history], k.to_vec()].concat();
        let (bar, k_bar) = stress_adj(kind, &k, &at, tau_bar);
        let adjoint = [flat(bar.f), flat(bar.c), vec![bar.history], k_bar.to_vec()].concat();
        let exact = if tolerance != DIFFERENCES {
            by_duals(&x, &flat(tau_bar), stress_of(kind))
        } else {
            by_differences(&x, &flat(tau_bar), stress_of(kind))
        };
        // A switch among the constants is not varied.
        let varied =
            |n: usize| n < 19 || kind.spec().constant_count > n - 19 && !is_switch(kind, n - 19);
        let kept = |list: Vec<f64>| -> Vec<f64> {
            list.into_iter().enumerate().map(|(n, v)| if varied(n) { v } else { 0.0 }).collect()
        };
        let (exact, adjoint) = (kept(exact), kept(adjoint));
        let groups = [9, 9, 1, CONSTANTS];
        compare(&format!("{kind:?}, {name}"), &groups, &flat(tau_bar), &exact, &adjoint, tolerance);
    }
}

/// The constant `tension` of liquids.
fn is_switch(kind: LawKind, constant: usize) -> bool {
    matches!(kind.spec().family, Family::Liquid | Family::Paste) && constant == 2
}

#[test]
fn stress_adjoint_is_exact_at_every_kind_of_deformation() {
    let mut rng = rng(11);
    for (name, f) in regimes(&mut rng) {
        for case in cases() {
            for history in [0.0, 0.03] {
                let name = format!("{}, {name}, history {history}", case.name);
                check_stress(&name, case.kind, case.k, f, history, ROUND_OFF);
            }
        }
    }
}

#[test]
fn stress_is_the_derivative_of_the_stored_energy() {
    let mut rng = rng(15);
    for (name, f) in regimes(&mut rng) {
        for case in cases() {
            let at = Local { f, c: Mat3::zero(), history: 0.02 };
            let k = case.k.map(Dual::from_f64);
            // P = dW/dF, tau = P Fᵀ.
            let p = Mat3::from_fn(|i, j| {
                let f = Mat3::from_fn(|a, b| {
                    Dual::new(f[(a, b)], f64::from(u8::from((a, b) == (i, j))))
                });
                let local = Local { f, c: Mat3::zero(), history: Dual::from_f64(0.02) };
                energy(case.kind, &k, &local).eps
            });
            let difference = p * f.transpose() - stress(case.kind, &case.k, &at);
            let error = difference.double_dot(difference).sqrt();
            let bound = 1e-12 * case.stiffness() * f.double_dot(f).max(1.0);
            assert!(error < bound, "{}, {name}: {error:e}", case.name);
        }
    }
}

#[test]
fn elastic_stress_adjoint_is_exact_where_inverted() {
    let mut rng = rng(12);
    for (name, f) in inverted_regimes(&mut rng) {
        check_stress(name, LawKind::Elastic, ELASTIC, f, 0.0, ROUND_OFF);
        check_stress(name, LawKind::Elastic, ELASTIC, f, 0.0, DIFFERENCES);
    }
}

#[test]
fn elastic_stress_derivative_stays_bounded_where_the_rotation_jumps() {
    let mut rng = rng(13);
    for gap in [1e-4, 1e-8, 0.0] {
        let f = with_singular_values(&mut rng, [1.1, 0.5, -0.5 + gap]);
        let (bar, _) =
            stress_adj(LawKind::Elastic, &ELASTIC, &Local::of_f(f), random_matrix(&mut rng));
        let f_bar = bar.f;
        let size = f_bar.double_dot(f_bar).sqrt();
        assert!(size < 1e4 * (ELASTIC[0] + ELASTIC[1]), "gap {gap}: {size:e}");
    }
}

#[test]
fn sand_stress_adjoint_follows_the_guard_of_its_logarithm() {
    let mut rng = rng(14);
    for s in [[1.0, 0.5, 0.02], [0.5, 0.02, 0.01], [0.9, 0.6, -0.2]] {
        let f = with_singular_values(&mut rng, s);
        check_stress("floored", LawKind::Sand, SAND, f, 0.0, DIFFERENCES);
    }
}

#[test]
fn liquid_without_tension_pulls_nothing_and_still_feels_rest() {
    let stretched = Mat3::<f64>::identity() * 1.1;
    let stretched = Local::of_f(stretched);
    assert_eq!(stress(LawKind::Liquid, &SLACK, &stretched), Mat3::zero());
    let (bar, k_bar) = stress_adj(LawKind::Liquid, &SLACK, &stretched, Mat3::identity());
    assert_eq!((bar.f, k_bar), (Mat3::zero(), [0.0; CONSTANTS]));
    // At J = 1 the compressed side is taken.
    let rest = Local::of_f(Mat3::identity());
    let (bar, _) = stress_adj(LawKind::Liquid, &SLACK, &rest, Mat3::identity());
    assert_eq!(bar.f, Mat3::identity() * (3.0 * SLACK[1]));
}

/// Inputs F_trial (9), history (1), constants (8); outputs F (9), history (1).
fn return_map_of<R: Real>(kind: LawKind) -> impl Fn(&[R]) -> Vec<R> {
    move |x| {
        let (f, history) = return_map(kind, &constants(&x[10..]), matrix(x), x[9]);
        f.0.into_iter().flatten().chain([history]).collect()
    }
}

fn check_return_map(
    name: &str,
    kind: LawKind,
    k: [f64; CONSTANTS],
    f: Mat3<f64>,
    history: f64,
    tolerance: f64,
) {
    let mut rng = rng(20);
    for _ in 0..3 {
        let (f_bar, history_bar) = (random_matrix(&mut rng), rng.random_range(-1.0..1.0));
        let x: Vec<f64> = flat(f).into_iter().chain([history]).chain(k).collect();
        let w: Vec<f64> = flat(f_bar).into_iter().chain([history_bar]).collect();
        let (f_bar, history_bar, k_bar) = return_map_adj(kind, &k, f, history, f_bar, history_bar);
        let adjoint: Vec<f64> = flat(f_bar).into_iter().chain([history_bar]).chain(k_bar).collect();
        let exact = if tolerance != DIFFERENCES {
            by_duals(&x, &w, return_map_of(kind))
        } else {
            by_differences(&x, &w, return_map_of(kind))
        };
        compare(&format!("{kind:?}, {name}"), &[9, 1, CONSTANTS], &w, &exact, &adjoint, tolerance);
    }
}

/// Log strains and history by branch of the sand's return map, for [`SAND`].
const SAND_BRANCHES: [(&str, [f64; 3], f64); 13] = [
    ("elastic", [-0.10, -0.12, -0.15], 0.0),
    ("elastic, isotropic", [-0.03, -0.03, -0.03], 0.0),
    ("elastic, two equal", [-0.10, -0.12, -0.12], 0.0),
    ("elastic, corrects volume", [-0.10, -0.12, -0.15], 0.02),
    ("cone", [0.15, -0.05, -0.3], 0.0),
    ("cone, two equal", [0.1, -0.2, -0.2], 0.0),
    ("cone, two almost equal", [0.1, -0.2, -0.2000001], 0.0),
    ("cone, two equal and large", [0.05, 0.05, -0.4], 0.0),
    ("cone, corrects volume", [0.15, -0.05, -0.3], 0.03),
    ("cone, extreme", [1.0, -0.3, -2.0], 0.0),
    ("apex", [0.2, 0.1, -0.1], 0.0),
    ("apex, isotropic", [0.05, 0.05, 0.05], 0.0),
    ("apex by history", [-0.02, -0.01, -0.03], 0.1),
];

#[test]
fn return_map_adjoint_is_exact_on_every_branch() {
    let mut rng = rng(21);
    for (name, e, history) in SAND_BRANCHES {
        let f = with_singular_values(&mut rng, e.map(f64::exp));
        check_return_map(name, LawKind::Sand, SAND, f, history, ROUND_OFF);
    }
    for (name, f) in regimes(&mut rng) {
        for case in cases() {
            for history in [0.0, 0.01] {
                let tolerance = if name == "I + 1e-7 A" { TINY_STRAIN } else { ROUND_OFF };
                let name = format!("{}, {name}, history {history}", case.name);
                check_return_map(&name, case.kind, case.k, f, history, tolerance);
            }
        }
    }
}

/// How far to either side of a yield surface its branches are tried, relative.
const BESIDE: f64 = 1e-7;

#[test]
fn return_map_adjoint_is_that_of_its_own_branch_on_both_sides_of_yield() {
    let mut rng = rng(25);
    // Two principal values are equal here, where a formula that divides by differences fails.
    let shear = [2.0, -1.0, -1.0].map(|c| c / 6f64.sqrt());
    for side in [1.0 - BESIDE, 1.0 + BESIDE] {
        let at_strain = |e: [f64; 3], rng: &mut _| with_singular_values(rng, e.map(f64::exp));
        let clay = Law::typical(LawKind::Plasticine).constants();
        let limit = (2.0f64 / 3.0).sqrt() * clay[2] / (2.0 * clay[0]);
        let f = at_strain(shear.map(|n| n * limit * side - 0.01), &mut rng);
        check_return_map("at yield", LawKind::Plasticine, clay, f, 0.0, ROUND_OFF);
        // The cone at tr e = -0.3.
        let f = at_strain(shear.map(|n| n * SAND[2] * 0.3 * side - 0.1), &mut rng);
        check_return_map("at yield", LawKind::Sand, SAND, f, 0.0, ROUND_OFF);
        // Its tip, where tr e = 0: the trace is known to round-off over its size.
        let f = at_strain(shear.map(|n| n * 0.1 + (side - 1.0)), &mut rng);
        check_return_map("at the tip", LawKind::Sand, SAND, f, 0.0, TINY_STRAIN);
        let snow = Law::typical(LawKind::Snow).constants();
        let f = with_singular_values(&mut rng, [snow[4] * side, 1.0, snow[3] * side]);
        // The tensor form inverts a matrix with eigenvalues as small as the distance from a bound.
        check_return_map("at its bounds", LawKind::Snow, snow, f, 0.01, TINY_STRAIN);
    }
}

#[test]
fn return_map_adjoint_follows_the_floors() {
    let mut rng = rng(22);
    for s in [[1.0, 0.5, 0.02], [0.5, 0.03, 0.01], [0.9, 0.6, -0.2], [1.5, 1.2, 0.03]] {
        let f = with_singular_values(&mut rng, s);
        check_return_map("floored", LawKind::Sand, SAND, f, 0.01, DIFFERENCES);
    }
    let flat = with_singular_values(&mut rng, [0.5, 0.4, 0.3]);
    check_return_map("floored", LawKind::Liquid, TENSILE, flat, 0.0, ROUND_OFF);
}

#[test]
fn the_two_forms_of_the_sand_law_agree() {
    let mut rng = rng(23);
    for (name, e, history) in SAND_BRANCHES {
        let f = with_singular_values(&mut rng, e.map(f64::exp));
        let dual = |m: Mat3<f64>| Mat3(m.0.map(|row| row.map(Dual::from_f64)));
        let k = SAND.map(Dual::from_f64);
        let value = |m: Mat3<Dual>| Mat3(m.0.map(|row| row.map(|x| x.re)));
        let (principal, vc) = return_map(LawKind::Sand, &SAND, f, history);
        let (tensor, vc_tensor) = return_map(LawKind::Sand, &k, dual(f), Dual::from_f64(history));
        assert!(relative_error(value(tensor), principal) < 1e-13, "{name}");
        assert!((vc - vc_tensor.re).abs() < 1e-14, "{name}: {vc} {}", vc_tensor.re);
        let tau = stress(LawKind::Sand, &SAND, &Local::of_f(f));
        let difference = value(stress(LawKind::Sand, &k, &Local::of_f(dual(f)))) - tau;
        assert!(difference.double_dot(difference).sqrt() < 1e-13 * SAND[0], "{name}");
    }
}

#[test]
fn sand_keeps_the_logarithm_of_its_volume_and_stays_inside_the_cone() {
    let mut rng = rng(24);
    for (name, e, history) in SAND_BRANCHES {
        let trial = with_singular_values(&mut rng, e.map(f64::exp));
        let (f, vc) = return_map(LawKind::Sand, &SAND, trial, history);
        let before = trial.determinant().ln() + history;
        let after = f.determinant().ln() + vc;
        assert!((before - after).abs() < 1e-14, "{name}: {before} {after}");
        // |dev tau| <= 2 mu beta (-tr e): Drucker-Prager in stresses.
        let tau = stress(LawKind::Sand, &SAND, &Local::of_f(f));
        let deviator = tau.deviator();
        let pressure = -tau.trace() / (3.0 * SAND[1] + 2.0 * SAND[0]);
        let excess = deviator.double_dot(deviator).sqrt() - 2.0 * SAND[0] * SAND[2] * pressure;
        assert!(excess < 1e-9 * SAND[0], "{name}: {excess}");
    }
}

#[test]
fn muscle_adjoint_is_exact() {
    let mut rng = rng(30);
    for (name, f) in regimes(&mut rng) {
        let (fibre, activation) = (Vec3([0.6, 0.0, 0.8]), 1.7e3);
        let tau_bar = random_matrix(&mut rng);
        let x: Vec<f64> = flat(f).into_iter().chain([activation]).collect();
        let (f_bar, activation_bar) = muscle_stress_adj(f, fibre, activation, tau_bar);
        let adjoint: Vec<f64> = flat(f_bar).into_iter().chain([activation_bar]).collect();
        let exact = by_duals(&x, &flat(tau_bar), |x| {
            let fibre = Vec3(fibre.0.map(Dual::from_f64));
            muscle_stress(matrix(x), fibre, x[9]).0.into_iter().flatten().collect()
        });
        compare(name, &[9, 1], &flat(tau_bar), &exact, &adjoint, ROUND_OFF);
    }
}

#[test]
fn stress_turns_with_the_body() {
    let mut rng = rng(31);
    let mut deformations = regimes(&mut rng);
    deformations.extend(inverted_regimes(&mut rng));
    for (name, f) in deformations {
        let turn = random_rotation(&mut rng);
        for case in cases() {
            // Inverted, logarithms are floored: a law of its own, indifferent all the same.
            let c = random_matrix(&mut rng) * RATE;
            let at = Local { f, c, history: 0.01 };
            let turned_at = Local { f: turn * f, c: turn * c * turn.transpose(), history: 0.01 };
            let turned = stress(case.kind, &case.k, &turned_at);
            let expected = turn * stress(case.kind, &case.k, &at) * turn.transpose();
            let difference = (turned - expected).double_dot(turned - expected).sqrt();
            let bound = 1e-12 * (case.stiffness() + expected.double_dot(expected).sqrt());
            assert!(difference < bound, "{}, {name}: {difference:e}", case.name);
            if matches!(case.law.spec().family, Family::Liquid | Family::Paste) {
                // A liquid forgets its shape, and with it the rotation.
                continue;
            }
            let (returned, _) = return_map(case.kind, &case.k, turn * f, 0.01);
            let (plain, _) = return_map(case.kind, &case.k, f, 0.01);
            let error = relative_error(returned, turn * plain);
            assert!(error < 1e-12, "{} return map, {name}: {error:e}", case.name);
        }
    }
}

/// Eight particles in single precision against each of them in double. Stress is compared to the
/// stiffness times |F|², since tau is a difference of numbers of that size near rest; cotangents
/// to themselves.
#[test]
fn single_precision_lanes_agree_with_double_precision() {
    const STRESS: f64 = 2e-6;
    const COTANGENT: f64 = 1e-5;
    type Lanes = <f32 as Scalar>::Lanes;
    let mut rng = rng(40);
    let mut deformations = regimes(&mut rng);
    deformations.extend(inverted_regimes(&mut rng));
    for (_, e, _) in SAND_BRANCHES {
        deformations.push(("by log strain", with_singular_values(&mut rng, e.map(f64::exp))));
    }
    // Round to single precision first: the laws are compared, not the rounding of their input.
    let single = |m: Mat3<f64>| Mat3(m.0.map(|row| row.map(|x| f64::from(x as f32))));
    let pack = |list: &[Mat3<f64>]| {
        Mat3::from_fn(|i, j| f32::pack(|lane| list[lane.min(list.len() - 1)][(i, j)] as f32))
    };
    let unpack = |m: Mat3<Lanes>, lane| Mat3::from_fn(|i, j| f64::from(f32::lane(m[(i, j)], lane)));
    for case in cases() {
        let (kind, name) = (case.kind, &case.name);
        let k_lanes = case.k.map(|k| f32::splat(k as f32));
        let k = case.k.map(|k| f64::from(k as f32));
        for group in deformations.chunks(8) {
            let f: Vec<Mat3<f64>> = group.iter().map(|c| single(c.1)).collect();
            let random = |rng: &mut _| group.iter().map(|_| single(random_matrix(rng))).collect();
            let bars: Vec<Mat3<f64>> = random(&mut rng);
            let c: Vec<Mat3<f64>> = random(&mut rng);
            let history = 0.0625;
            let (f_lanes, bar_lanes) = (pack(&f), pack(&bars));
            let history_lanes = f32::splat(history as f32);
            let at = Local { f: f_lanes, c: pack(&c), history: history_lanes };
            let tau = stress(kind, &k_lanes, &at);
            let (local_bar, _) = stress_adj(kind, &k_lanes, &at, bar_lanes);
            let (mapped, _) = return_map(kind, &k_lanes, f_lanes, history_lanes);
            let (trial_bar, ..) =
                return_map_adj(kind, &k_lanes, f_lanes, history_lanes, bar_lanes, history_lanes);
            for (lane, (regime, _)) in group.iter().enumerate() {
                let (f, bar) = (f[lane], bars[lane]);
                // J = 1 is the kink of a liquid without tension: rounding decides the side.
                let is_liquid = matches!(case.law.spec().family, Family::Liquid | Family::Paste);
                if is_liquid && (f.determinant() - 1.0).abs() < 1e-6 {
                    continue;
                }
                let at = Local { f, c: c[lane], history };
                let exact = stress(kind, &k, &at);
                let scale = (k[0] + k[1]) * f.double_dot(f).max(1.0);
                let scale = scale.max(exact.double_dot(exact).sqrt());
                let difference = unpack(tau, lane) - exact;
                let error = difference.double_dot(difference).sqrt() / scale;
                assert!(error < STRESS, "{name} stress, {regime}: {error:e}");
                let (exact, _) = stress_adj(kind, &k, &at, bar);
                let error = relative_error(unpack(local_bar.f, lane), exact.f);
                assert!(error < COTANGENT, "{name} stress_adj, {regime}: {error:e}");
                // Flat, a viscous stress and this cotangent vanish with J, but for its rounding.
                let size = exact.c.double_dot(exact.c).sqrt().max(1e-3 * (k[0] + k[1]));
                let difference = unpack(local_bar.c, lane) - exact.c;
                let error = difference.double_dot(difference).sqrt() / size;
                assert!(error < COTANGENT, "{name} stress_adj by C, {regime}: {error:e}");
                let error =
                    relative_error(unpack(mapped, lane), return_map(kind, &k, f, history).0);
                assert!(error < STRESS, "{name} return_map, {regime}: {error:e}");
                let exact = return_map_adj(kind, &k, f, history, bar, history).0;
                let error = relative_error(unpack(trial_bar, lane), exact);
                assert!(error < COTANGENT, "{name} return_map_adj, {regime}: {error:e}");
            }
        }
    }
}
