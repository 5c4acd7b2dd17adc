//! Materials in WGSL against the same functions of the CPU twin in double precision.
//!
//! Each function runs once on some thousand random inputs of every regime. The inputs are rounded to
//! single precision first, so that what is compared is the arithmetic.

mod adapter;
mod common;

use adapter::gpu;
use adapter::pointwise::*;
use common::*;
use rand::Rng;
use softscape::gpu::ShaderSource;
use softscape::math::{Mat3, Svd, Vec3, polar_rotation, svd};
use softscape::model::LawKind;
use softscape::mpm::twin::material::{
    muscle_stress, muscle_stress_adj, return_map, return_map_adj, stress, stress_adj,
};

/// Inputs of each regime.
const EACH: usize = 300;

const ELASTIC: [f64; 4] = [4.0e4, 6.0e4, 0.0, 0.0];
const SAND: [f64; 4] = [4.0e5, 3.0e5, 0.59375, 0.0];
const TENSILE: [f64; 4] = [0.0, 2.0e5, 1.0, 0.0];
const SLACK: [f64; 4] = [0.0, 2.0e5, 0.0, 0.0];

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

/// Laws by name, with whether they are defined where F is inverted.
const LAWS: [(&str, LawKind, [f64; 4], bool); 4] = [
    ("elastic", LawKind::Elastic, ELASTIC, true),
    ("liquid", LawKind::Liquid, TENSILE, true),
    ("liquid, slack", LawKind::Liquid, SLACK, true),
    ("sand", LawKind::Sand, SAND, false),
];

#[test]
fn shader_stress_and_adjoint_agree_with_double_precision() {
    let Some(gpu) = gpu() else { return };
    let mut rng = rng(3);
    for (law, kind, k, inverted) in LAWS {
        let cases = deformations(4, inverted);
        let bars: Vec<_> = cases.iter().map(|_| round(random_matrix(&mut rng))).collect();
        let rows: Vec<Vec<f64>> = cases
            .iter()
            .zip(&bars)
            .map(|(c, bar)| [vec![kind as u32 as f64], k.to_vec(), flat(c.1), flat(*bar)].concat())
            .collect();
        let body = "write9(stress(whole(0u), constants(1u), matrix(5u))); \
            let a = stress_adj(whole(0u), constants(1u), matrix(5u), matrix(14u)); \
            write9(a.f_bar); write(a.k_bar.x); write(a.k_bar.y);";
        let out = run(&gpu, body, &rows, 20);
        let (mut tau, mut f_bars, mut k_bars) =
            (Errors::default(), Errors::default(), Errors::default());
        for (((name, f), bar), row) in cases.iter().zip(&bars).zip(&out) {
            let stiffness = k[0] + k[1];
            let exact = stress(kind, k, *f);
            // Near rest tau is a difference of numbers as large as the stiffness times |F|².
            let scale = norm(exact).max(stiffness * f.double_dot(*f));
            tau.push(name, norm(matrix(row) - exact) / scale);
            // J = 1 is the kink of a liquid without tension: rounding decides the side.
            if k == SLACK && (f.determinant() - 1.0).abs() < 1e-6 {
                continue;
            }
            let (f_bar, k_bar) = stress_adj(kind, k, *f, *bar);
            // The nearest rotation jumps where s3 = -s2; close to it its derivative magnifies
            // round-off by 1/(s2 + s3).
            let spectrum = svd(*f).s;
            let closeness = (spectrum[1] + spectrum[2]).min(1.0);
            // The trace of tau_bar, all that a liquid sees of it, may cancel.
            let scale = norm(f_bar).max(0.1 * stiffness * norm(*bar));
            let error = norm(matrix(&row[9..]) - f_bar) / scale;
            f_bars.push(name, error * closeness);
            let error = (row[18] - k_bar[0]).abs().max((row[19] - k_bar[1]).abs());
            k_bars.push(name, error / (norm(*bar) * f.double_dot(*f)));
        }
        tau.check(&format!("{law}, stress"), 1e-6, 1e-5);
        f_bars.check(&format!("{law}, F_bar"), 1e-6, 1e-5);
        k_bars.check(&format!("{law}, k_bar"), 1e-6, 1e-5);
    }
}

/// Distance of a sand trial state from the kinks of its return map (cone, apex, floor), where
/// rounding decides the branch; and how ill its derivative is conditioned: on the cone, the
/// direction of dev e and the factor k/r are known to round-off over |dev e|.
fn sand_kinks(f: Mat3<f64>, history: f64) -> (f64, f64) {
    let s = svd(f).s;
    let e = Vec3::from_fn(|i| s[i].max(0.05).ln() + history / 3.0);
    let trace = e[0] + e[1] + e[2];
    let deviator = Vec3::from_fn(|i| e[i] - trace / 3.0);
    let radius = deviator.norm_squared().sqrt();
    let cone = if trace < 0.0 { (-SAND[2] * trace - radius).abs() } else { f64::INFINITY };
    let floor = (0..3).map(|i| (s[i] - 0.05).abs()).fold(f64::INFINITY, f64::min);
    let on_cone = trace < 0.0 && radius > -SAND[2] * trace;
    let conditioned = if on_cone { (10.0 * radius).min(1.0) } else { 1.0 };
    (cone.min(trace.abs()).min(floor), conditioned)
}

#[test]
fn shader_return_map_and_adjoint_agree_with_double_precision() {
    let Some(gpu) = gpu() else { return };
    let mut rng = rng(5);
    for (law, kind, k, _) in LAWS {
        let mut cases = deformations(6, true);
        for _ in 0..EACH {
            let pressed = [-0.1, -0.12, -0.15].map(|e| f64::exp(e * rng.random_range(0.5..1.5)));
            cases.push(("inside the cone", round(with_singular_values(&mut rng, pressed))));
            let floored = [0.9, 0.5, rng.random_range(-0.3..0.045)];
            cases.push(("floored", round(with_singular_values(&mut rng, floored))));
        }
        let extra: Vec<_> = cases
            .iter()
            .enumerate()
            .map(|(i, _)| {
                let history = if i % 3 == 0 { 0.0 } else { single(rng.random_range(0.0..0.05)) };
                (history, round(random_matrix(&mut rng)), single(rng.random_range(-1.0..1.0)))
            })
            .collect();
        let rows: Vec<Vec<f64>> = cases
            .iter()
            .zip(&extra)
            .map(|(c, (history, bar, history_bar))| {
                let code = vec![kind as u32 as f64];
                let scalars = vec![*history, *history_bar];
                [code, k.to_vec(), scalars, flat(c.1), flat(*bar)].concat()
            })
            .collect();
        let body = "let r = return_map(whole(0u), constants(1u), matrix(7u), number(5u)); \
            write9(r.f); write(r.history); \
            let a = return_map_adj(whole(0u), constants(1u), matrix(7u), number(5u), matrix(16u), number(6u)); \
            write9(a.f_bar); write(a.history_bar); write(a.k_bar.z);";
        let out = run(&gpu, body, &rows, 21);
        let (mut states, mut bars) = (Errors::default(), Errors::default());
        let mut compared = 0;
        for (((name, f), (history, bar, history_bar)), row) in cases.iter().zip(&extra).zip(&out) {
            let (exact, vc) = return_map(kind, k, *f, *history);
            let error = norm(matrix(row) - exact) / norm(exact);
            states.push(name, error.max((row[9] - vc).abs()));
            let (f_bar, vc_bar, k_bar) = return_map_adj(kind, k, *f, *history, *bar, *history_bar);
            let mut conditioned = 1.0;
            if kind == LawKind::Sand {
                let (kink, cone_conditioned) = sand_kinks(*f, *history);
                if kink < 1e-5 {
                    continue;
                }
                conditioned = cone_conditioned;
                // Floored, the quotients of unequal values divide by what is left between them.
                let s = svd(*f).s;
                if s[2] < 0.05 {
                    conditioned *= (s[1] + s[2]).clamp(0.05, 1.0);
                }
            }
            if kind == LawKind::Liquid {
                // The derivative of J^(1/3) has J itself in it: |F|³/J round-offs.
                let det = f.determinant();
                if (det - 0.1).abs() < 1e-5 {
                    continue;
                }
                conditioned = (det / norm(*f).powi(3)).clamp(1e-2, 1.0);
            }
            compared += 1;
            let scale = norm(f_bar).max(vc_bar.abs()).max(norm(*bar) * 1e-3);
            let error = norm(matrix(&row[10..]) - f_bar)
                .max((row[19] - vc_bar).abs())
                .max((row[20] - k_bar[2]).abs() / norm(*f));
            bars.push(name, error / scale * conditioned);
        }
        assert!(compared > 3000, "{law}: only {compared} cases away from a kink");
        states.check(&format!("{law}, return map"), 1e-6, 1e-5);
        bars.check(&format!("{law}, return map adj"), 1e-6, 1e-5);
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
    let source = ShaderSource { name: "pointwise", files: pointwise_files() };
    let module = source.check().unwrap_or_else(|e| panic!("{e}")).module;
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
        // The flat case of the elastic stress has its forward in `elastic_stress` itself.
        let Some(forward) = arguments(name) else {
            assert_eq!(adjoint, "elastic_flat_shear_adj", "an adjoint without its function");
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
