//! Materials in WGSL against the same functions of the CPU twin in double precision.
//!
//! Each function runs once on some thousand random inputs of every regime. The inputs are rounded to
//! single precision first, so that what is compared is the arithmetic.

use crate::adapter::gpu;
use crate::adapter::pointwise::*;
use crate::common::laws::{cases, stress_adj};
use crate::common::*;
use rand::Rng;
use softscape::math::{Mat3, Svd, Vec3, polar_rotation, svd};
use softscape::model::CONSTANTS;
use softscape::mpm::twin::material::{
    Local, LocalBar, muscle_stress, muscle_stress_adj, return_map, return_map_adj, stress,
};

/// Inputs of each regime.
const EACH: usize = 300;

/// The order of magnitude of strain rates [1/s].
const RATE: f64 = 5.0;

/// Rounding of the input, relative: what a result may differ by besides its own arithmetic. Where a
/// branch is decided by rounding, or a derivative is ill-conditioned, that is much.
const INPUT_ROUNDING: f64 = 2e-7;

/// Deformation gradients of every regime, rounded, with the regime's name.
fn deformations(seed: u64, inverted: bool) -> Vec<(&'static str, Mat3<f64>)> {
    let mut rng = rng(seed);
    let mut list = Vec::new();
    for _ in 0..EACH {
        list.extend(regimes(&mut rng));
        if inverted {
            list.extend(inverted_regimes(&mut rng));
        }
        // Sand beyond its cone: stretched in one direction, pressed in the others.
        let e = [0.15, -0.05, -0.3].map(|x| f64::exp(x * rng.random_range(0.2..2.0)));
        list.push(("sheared and pressed", with_singular_values(&mut rng, e)));
    }
    list.into_iter().map(|(name, f)| (name, round(f))).collect()
}

#[test]
fn shader_decompositions_hold_to_single_precision() {
    let Some(gpu) = gpu() else { return };
    let cases = deformations(1, true);
    let rows: Vec<_> = cases.iter().map(|c| flat(c.1)).collect();
    let out = run(
        &gpu,
        "let d = svd(matrix(0u)); write9(d.u); write3(d.s); write9(d.v); write9(polar_rotation(matrix(0u)));",
        &rows,
        30,
    );
    let (mut rebuilt, mut orthogonal, mut values, mut polar) =
        (Errors::default(), Errors::default(), Errors::default(), Errors::default());
    for ((name, f), row) in cases.iter().zip(&out) {
        let (u, s, v) = (matrix(row), Vec3([row[9], row[10], row[11]]), matrix(&row[12..]));
        rebuilt.push(name, norm(u * Mat3::diagonal(s) * v.transpose() - *f) / norm(*f));
        let defect = |m: Mat3<f64>| norm(m.transpose() * m - Mat3::identity());
        let reflected = u.determinant() < 0.0 || v.determinant() < 0.0;
        orthogonal.push(name, if reflected { 2.0 } else { defect(u).max(defect(v)) });
        let Svd { s: exact, .. } = svd(*f);
        values.push(name, (s - exact).norm_squared().sqrt() / norm(*f));
        if f.determinant() > 1e-3 {
            polar.push(name, norm(matrix(&row[21..]) - polar_rotation(*f)));
        }
    }
    rebuilt.check("svd, U S Vᵀ", 1e-6, 2e-6);
    orthogonal.check("svd, UᵀU", 1e-6, 3e-6);
    values.check("svd, values", 1e-6, 2e-6);
    polar.check("polar rotation", 5e-7, 2e-6);
}

#[test]
fn shader_logarithm_and_exponential_hold_to_round_off() {
    let Some(gpu) = gpu() else { return };
    let mut rng = rng(2);
    let rows: Vec<Vec<f64>> = (0..4000)
        .map(|i| {
            let exponent: f64 = rng.random_range(-1.0..1.0);
            let x = match i % 4 {
                0 => 1.0 + 1e-6 * exponent,
                1 => 1.0 + 0.01 * exponent,
                2 => (3.0 * exponent).exp(),
                _ => (60.0 * exponent).exp(),
            };
            vec![single(x), single(exponent * [1e-6, 0.1, 1.0, 60.0][i % 4])]
        })
        .collect();
    let body = "write(ln_exact(number(0u))); write(exp_exact(number(1u))); \
        write(cbrt_exact(number(0u))); write(sinhc(number(1u)));";
    let mut errors: [Errors; 4] = Default::default();
    for (x, y) in rows.iter().zip(run(&gpu, body, &rows, 4)) {
        let exact = [
            x[0].ln(),
            x[1].exp(),
            x[0].cbrt(),
            if x[1] == 0.0 { 1.0 } else { x[1].sinh() / x[1] },
        ];
        for (i, names) in ["ln", "exp", "cbrt", "sinhc"].iter().enumerate() {
            let error = (y[i] - exact[i]).abs();
            errors[i].push(names, if error == 0.0 { 0.0 } else { error / exact[i].abs() });
        }
    }
    for mut errors in errors {
        errors.check("relative", 2e-7, 1e-6);
    }
}

/// How far apart the results of `f` are when its matrix is moved by its own rounding.
fn spread(rng: &mut impl Rng, f: Mat3<f64>, of: impl Fn(Mat3<f64>) -> Vec<f64>) -> f64 {
    let here = of(f);
    let size = INPUT_ROUNDING * norm(f);
    // To both sides in volume, where many laws have a kink, and at random.
    let swelled = [-1.0, 1.0].map(|side| f * (1.0 + side * 2.0 * INPUT_ROUNDING));
    let moved = (0..4).map(|_| f + random_matrix(rng) * size).chain(swelled);
    moved.map(|moved| distance(&of(moved), &here)).fold(0.0, f64::max)
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

/// Error beyond what rounding of the input explains, relative to a scale.
fn excess(difference: f64, spread: f64, scale: f64) -> f64 {
    (difference - 8.0 * spread).max(0.0) / scale
}

#[test]
fn shader_stress_and_adjoint_agree_with_double_precision() {
    let Some(gpu) = gpu() else { return };
    let mut rng = rng(3);
    for case in cases() {
        let (kind, k) = (case.kind, case.k.map(single));
        let count = case.constant_count();
        let deformations = deformations(4, true);
        let inputs: Vec<(Local<f64>, Mat3<f64>)> = deformations
            .iter()
            .map(|&(_, f)| {
                let c = round((random_matrix(&mut rng) * RATE).symmetric_part());
                let history = single(rng.random_range(0.0..0.05));
                (Local { f, c, history }, round(random_matrix(&mut rng)))
            })
            .collect();
        let rows: Vec<Vec<f64>> = inputs
            .iter()
            .map(|(at, bar)| {
                let code = vec![kind as u32 as f64];
                [code, k.to_vec(), flat(at.f), flat(at.c), vec![at.history], flat(*bar)].concat()
            })
            .collect();
        let body = "let at = Local(matrix(9u), matrix(18u), number(27u)); \
            write9(stress(whole(0u), constants(1u), at)); \
            let a = stress_adj(whole(0u), constants(1u), at, matrix(28u)); \
            write9(a.f_bar); write9(a.rate_bar); write(a.history_bar); write_constants(a.k_bar);";
        let out = run(&gpu, body, &rows, 36);
        let (mut taus, mut f_bars, mut rate_bars, mut k_bars) =
            (Errors::default(), Errors::default(), Errors::default(), Errors::default());
        for (((regime, f), (at, bar)), row) in deformations.iter().zip(&inputs).zip(&out) {
            let stiffness = k[0] + k[1];
            let exact = stress(kind, &k, at);
            // Near rest tau is a difference of numbers as large as the stiffness times |F|².
            let scale = norm(exact).max(stiffness * f.double_dot(*f));
            let tau_of = |f| flat(stress(kind, &k, &Local { f, ..*at }));
            let tau_spread = spread(&mut rng, *f, tau_of);
            taus.push(regime, excess(norm(matrix(row) - exact), tau_spread, scale));
            let (exact, k_bar) = stress_adj(kind, &k, at, *bar);
            let adjoint = |f| stress_adj(kind, &k, &Local { f, ..*at }, *bar);
            let f_spread = spread(&mut rng, *f, |f| flat(adjoint(f).0.f));
            // The trace of tau_bar, all that a liquid sees of it, may cancel.
            let scale = norm(exact.f).max(0.1 * stiffness * norm(*bar));
            f_bars.push(regime, excess(norm(matrix(&row[9..]) - exact.f), f_spread, scale));
            let rate_spread = spread(&mut rng, *f, |f| flat(adjoint(f).0.c));
            let difference = norm(matrix(&row[18..]) - exact.c);
            let scale = norm(exact.c).max(1e-3 * stiffness * norm(*bar) / RATE);
            rate_bars.push(regime, excess(difference, rate_spread, scale));
            // Each constant has its own unit: its own scale is its largest effect.
            let history_and_constants = |(local, k_bar): (LocalBar<f64>, [f64; CONSTANTS])| {
                [vec![local.history], k_bar[..count].to_vec()].concat()
            };
            let here = history_and_constants((exact, k_bar));
            let spread = spread(&mut rng, *f, |f| history_and_constants(adjoint(f)));
            // Rounding of tau_bar counts as well: its trace may cancel.
            let rounded = *bar + random_matrix(&mut rng) * (INPUT_ROUNDING * norm(*bar));
            let rounded = history_and_constants(stress_adj(kind, &k, at, rounded));
            let spread = spread + distance(&rounded, &here);
            for (n, &exact) in here.iter().enumerate() {
                let unit = norm(*bar) * f.double_dot(*f).max(1.0);
                let scale = exact.abs().max(unit * if n < 3 { 1.0 } else { stiffness.max(1.0) });
                k_bars.push(regime, excess((row[27 + n] - exact).abs(), spread, scale));
            }
        }
        let name = &case.name;
        taus.check(&format!("{name}, stress"), 1e-6, 1e-5);
        f_bars.check(&format!("{name}, F_bar"), 1e-6, 1e-5);
        rate_bars.check(&format!("{name}, rate_bar"), 1e-6, 1e-5);
        k_bars.check(&format!("{name}, k_bar"), 1e-6, 1e-5);
    }
}

#[test]
fn shader_return_map_and_adjoint_agree_with_double_precision() {
    let Some(gpu) = gpu() else { return };
    let mut rng = rng(5);
    for case in cases() {
        let (kind, k) = (case.kind, case.k.map(single));
        let count = case.constant_count();
        let mut trials = deformations(6, true);
        for _ in 0..EACH {
            let pressed = [-0.1, -0.12, -0.15].map(|e| f64::exp(e * rng.random_range(0.5..1.5)));
            trials.push(("pressed", round(with_singular_values(&mut rng, pressed))));
            let floored = [0.9, 0.5, rng.random_range(-0.3..0.045)];
            trials.push(("floored", round(with_singular_values(&mut rng, floored))));
        }
        let extra: Vec<_> = (0..trials.len())
            .map(|i| {
                let history = if i % 3 == 0 { 0.0 } else { single(rng.random_range(0.0..0.05)) };
                (history, round(random_matrix(&mut rng)), single(rng.random_range(-1.0..1.0)))
            })
            .collect();
        let rows: Vec<Vec<f64>> = trials
            .iter()
            .zip(&extra)
            .map(|((_, f), (history, bar, history_bar))| {
                let code = vec![kind as u32 as f64];
                let scalars = vec![*history, *history_bar];
                [code, k.to_vec(), scalars, flat(*f), flat(*bar)].concat()
            })
            .collect();
        let body = "let r = return_map(whole(0u), constants(1u), matrix(11u), number(9u)); \
            write9(r.f); write(r.history); \
            let a = return_map_adj(whole(0u), constants(1u), matrix(11u), number(9u), matrix(20u), number(10u)); \
            write9(a.f_bar); write(a.history_bar); write_constants(a.k_bar);";
        let out = run(&gpu, body, &rows, 28);
        let (mut states, mut bars, mut k_bars) =
            (Errors::default(), Errors::default(), Errors::default());
        for (((regime, f), (history, bar, history_bar)), row) in trials.iter().zip(&extra).zip(&out)
        {
            let map = |f| {
                let (f, history) = return_map(kind, &k, f, *history);
                [flat(f), vec![history]].concat()
            };
            let exact = map(*f);
            let state_spread = spread(&mut rng, *f, map);
            let scale = norm(matrix(&exact));
            states.push(regime, excess(distance(&row[..10], &exact), state_spread, scale));
            let adjoint = |f| {
                let (f_bar, vc_bar, k_bar) =
                    return_map_adj(kind, &k, f, *history, *bar, *history_bar);
                ([flat(f_bar), vec![vc_bar]].concat(), k_bar[..count].to_vec())
            };
            let (exact, k_exact) = adjoint(*f);
            let bar_spread = spread(&mut rng, *f, |f| adjoint(f).0);
            let scale = distance(&exact, &[0.0; 10]).max(1e-3 * norm(*bar));
            bars.push(regime, excess(distance(&row[10..20], &exact), bar_spread, scale));
            let k_spread = spread(&mut rng, *f, |f| adjoint(f).1);
            for (n, exact) in k_exact.iter().enumerate() {
                let scale = exact.abs().max(norm(*bar) * norm(*f));
                k_bars.push(regime, excess((row[20 + n] - exact).abs(), k_spread, scale));
            }
        }
        let name = &case.name;
        states.check(&format!("{name}, return map"), 1e-6, 1e-5);
        bars.check(&format!("{name}, return map adj"), 1e-6, 1e-5);
        k_bars.check(&format!("{name}, return map k_bar"), 1e-6, 1e-5);
    }
}

#[test]
fn shader_muscle_and_adjoint_agree_with_double_precision() {
    let Some(gpu) = gpu() else { return };
    let mut rng = rng(7);
    let cases = deformations(8, true);
    let rows: Vec<Vec<f64>> = cases
        .iter()
        .map(|c| {
            let fibre = random_rotation(&mut rng).column(0);
            let activation = single(rng.random_range(-1e4..1e4));
            let tail = [activation];
            [
                flat(c.1),
                round3(fibre).0.to_vec(),
                tail.to_vec(),
                flat(round(random_matrix(&mut rng))),
            ]
            .concat()
        })
        .collect();
    let body = "write9(muscle_stress(matrix(0u), vector(9u), number(12u))); \
        let a = muscle_stress_adj(matrix(0u), vector(9u), number(12u), matrix(13u)); \
        write9(a.f_bar); write(a.activation_bar);";
    let out = run(&gpu, body, &rows, 19);
    let mut errors = Errors::default();
    for (((name, f), x), y) in cases.iter().zip(&rows).zip(&out) {
        let (fibre, activation, bar) = (Vec3([x[9], x[10], x[11]]), x[12], matrix(&x[13..]));
        let tau = muscle_stress(*f, fibre, activation);
        let (f_bar, activation_bar) = muscle_stress_adj(*f, fibre, activation, bar);
        let scale = activation.abs() * f.double_dot(*f);
        errors.push(name, norm(matrix(y) - tau) / scale);
        errors.push(name, norm(matrix(&y[9..]) - f_bar) / (scale * norm(bar)));
        errors.push(name, (y[18] - activation_bar).abs() / (f.double_dot(*f) * norm(bar)));
    }
    errors.check("muscle", 1e-6, 1e-5);
}

/// `f_adj` takes what `f` takes, by the same names and in the same order, then the cotangents of what
/// `f` gives: the two cannot drift apart.
#[test]
fn shader_adjoints_mirror_the_arguments_of_their_functions() {
    let module = source("", 1, 1).check().unwrap_or_else(|e| panic!("{e}")).module;
    let arguments = |name: &str| {
        let function = module.functions.iter().find(|f| f.1.name.as_deref() == Some(name))?.1;
        Some(
            function
                .arguments
                .iter()
                .map(|a| (a.name.clone().unwrap_or_default(), a.ty))
                .collect::<Vec<_>>(),
        )
    };
    let mut pairs = 0;
    for (_, function) in module.functions.iter() {
        let adjoint = function.name.as_deref().unwrap_or_default();
        let Some(name) = adjoint.strip_suffix("_adj") else { continue };
        // The flat case of the elastic stress has its forward in `elastic_stress` itself, radial
        // return maps theirs in those of sand and plasticine.
        let Some(forward) = arguments(name) else {
            let parts = ["elastic_flat_shear_adj", "radial_map_adj"];
            assert!(parts.contains(&adjoint), "{adjoint}: an adjoint without its function");
            continue;
        };
        let backward = arguments(adjoint).unwrap_or_default();
        assert_eq!(backward[..forward.len()], forward, "{adjoint} does not mirror {name}");
        for (argument, _) in &backward[forward.len()..] {
            let is_cotangent = argument.ends_with("_bar") || argument == "g";
            assert!(is_cotangent, "{adjoint} takes `{argument}` beyond {name}");
        }
        pairs += 1;
    }
    assert!(pairs >= 10, "only {pairs} pairs of a function and its adjoint");
}
