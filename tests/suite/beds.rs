//! Beds that start at rest (`at_rest`), of every law, against the law itself: the stress carries the
//! weight above, the state is admissible, and what yielded is where slow pressing leads; and they stay at
//! rest.

use softscape::agents::drive;
use softscape::math::{Mat3, Vec3};
use softscape::model::{Law, LawKind, Model, compile};
use softscape::mpm::twin::material::{Local, return_map, stress};
use softscape::mpm::twin::{Precision, simulator};
use softscape::scene::{Fidelity, Scene};
use std::path::Path;
use std::sync::Arc;

const GRAVITY: f64 = 9.81;
/// Heavy enough that what can yield does so above the floor, one metre down.
const DENSITY: f64 = 1600.0;

/// A law in a scene's words, with typical parameters.
fn stated(kind: LawKind) -> String {
    let parameters = kind.spec().parameters.iter();
    let value = |p: &softscape::laws::Parameter| match p.is_switch {
        true => format!("{}", p.typical != 0.0),
        false => format!("{:?}", p.typical),
    };
    let keys: String = parameters.map(|p| format!(", {} = {}", p.key, value(p))).collect();
    format!("{{ type = \"{}\"{keys} }}", kind.name())
}

/// A column one metre deep between smooth walls, its surface at z = 1.
fn column(law: &str, cell_width: f64, at_rest: bool) -> Model {
    let wall = |name: &str, normal: &str, position: &str| {
        format!(
            "[[collider]]\nname = \"{name}\"\ncontact = {{ type = \"slip\" }}\n\
             shape = {{ type = \"half_space\", normal = {normal} }}\nposition = {position}\n"
        )
    };
    // A bed at rest is filled below the floor's nodes, one that drops cannot be.
    let below = if at_rest { 2.0 * cell_width } else { 0.0 };
    let text = format!(
        "format = 1\n[world]\ncell_width = {cell_width}\ncontrol_secs = 0.05\nmax_speed = 1.0\n\
         [[material]]\nname = \"soil\"\ndensity = {DENSITY}\nlaw = {law}\n\
         [[body]]\nname = \"bed\"\nmaterial = \"soil\"\nat_rest = {at_rest}\n\
         shape = {{ type = \"box\", size = [0.2, 0.2, {}] }}\nposition = [0.1, 0.1, {}]\n\
         [[collider]]\nname = \"floor\"\nshape = {{ type = \"half_space\" }}\n\
         contact = {{ type = \"sticky\" }}\n{}{}{}{}",
        1.0 + below,
        0.5 * (1.0 - below),
        wall("a", "[1, 0, 0]", "[0, 0, 0]"),
        wall("b", "[-1, 0, 0]", "[0.2, 0, 0]"),
        wall("c", "[0, 1, 0]", "[0, 0, 0]"),
        wall("d", "[0, -1, 0]", "[0, 0.2, 0]"),
    );
    let scene = Scene::parse(Path::new("bed.toml"), &text).unwrap_or_else(|e| panic!("{e}"));
    compile(&scene, Fidelity::Standard).unwrap_or_else(|e| panic!("{e}"))
}

/// What a particle of a bed starts with.
struct Start {
    /// Height [m].
    z: f64,
    f: Mat3<f64>,
    history: f64,
    /// Rest volume over present volume.
    volume_ratio: f64,
}

/// The particles on one vertical line, from the surface down.
fn line(model: &Model) -> Vec<Start> {
    let place = |p: usize| model.initial.world_position(p, model.cell_width, model.origin);
    let [x, y, _] = place(0);
    let spacing = 0.5 * model.cell_width;
    let near = |p: &usize| {
        let at = place(*p);
        (at[0] - x).abs() + (at[1] - y).abs() < 0.1 * spacing
    };
    let mut line: Vec<Start> = (0..model.particles.mass.len())
        .filter(near)
        .map(|p| Start {
            z: place(p)[2],
            f: model.initial.f[p],
            history: model.initial.history[p],
            volume_ratio: model.particles.volume[p] / spacing.powi(3),
        })
        .collect();
    line.sort_by(|a, b| b.z.total_cmp(&a.z));
    line
}

fn law_of(model: &Model) -> Law {
    model.materials[0].law
}

/// Cauchy vertical and lateral stress [Pa]: a rest volume times Kirchhoff's stress is the present volume
/// times Cauchy's.
fn cauchy(law: Law, at: &Start) -> [f64; 2] {
    let local = Local { f: at.f, c: Mat3::zero(), history: at.history };
    let tau = stress(law.kind(), &law.constants(), &local);
    [tau[(2, 2)], tau[(0, 0)]].map(|tau| tau * at.volume_ratio)
}

#[test]
fn the_stress_of_a_bed_of_every_law_carries_the_weight_above_it() {
    for &kind in LawKind::ALL {
        let model = column(&stated(kind), 0.02, true);
        let law = law_of(&model);
        assert_eq!(law, Law::typical(kind));
        let line = line(&model);
        let spacing = 0.5 * model.cell_width;
        let mut above = 0.0;
        for start in &line {
            let weight = DENSITY * GRAVITY * spacing * start.volume_ratio;
            let carried = above + 0.5 * weight;
            above += weight;
            let [vertical, lateral] = cauchy(law, start);
            // Half a layer is taken to be as dense as its lower face (2.6e-4 of a layer and a half in
            // the softest law); without the change of density with depth the error would be 4e-2.
            let error = (vertical + carried).abs() / (carried + weight);
            let depth = 1.0 - start.z;
            assert!(error < 3e-4, "{kind:?} at {depth:.3} m: {vertical} {carried} {error:.1e}");
            assert!(vertical <= lateral && lateral <= 0.0, "{kind:?}: {vertical} {lateral}");
        }
        assert!(line.len() > 100, "{} particles on the line", line.len());
    }
}

#[test]
fn a_bed_at_rest_has_not_to_yield_first() {
    for &kind in LawKind::ALL {
        let model = column(&stated(kind), 0.05, true);
        let law = law_of(&model);
        for start in line(&model) {
            let (f, history) = return_map(kind, &law.constants(), start.f, start.history);
            let change = f - start.f;
            let change = change.double_dot(change).sqrt() + (history - start.history).abs();
            assert!(change < 1e-12, "{kind:?} at {:.3} m: {change:.1e}", 1.0 - start.z);
        }
    }
}

#[test]
fn a_bed_that_yielded_is_where_pressing_it_slowly_leads() {
    for kind in [LawKind::Plasticine, LawKind::Snow] {
        let model = column(&stated(kind), 0.05, true);
        let constants = law_of(&model).constants();
        let deepest = line(&model).pop().unwrap();
        assert!(deepest.history != 0.0, "{kind:?} did not yield");
        let steps = 20_000;
        let step = (-deepest.volume_ratio.ln() / f64::from(steps)).exp();
        let press = Mat3::diagonal(Vec3([1.0, 1.0, step]));
        let (mut f, mut history) = (Mat3::identity(), 0.0);
        for _ in 0..steps {
            (f, history) = return_map(kind, &constants, press * f, history);
        }
        let change = f - deepest.f;
        let change = change.double_dot(change).sqrt() + (history - deepest.history).abs();
        assert!(change < 1e-9, "{kind:?}: {change:.1e}, {history} {}", deepest.history);
    }
}

/// Largest speed [m/s] in a bed after half a second.
fn bed_speed(law: &str, at_rest: bool) -> f64 {
    let model = Arc::new(column(law, 0.1, at_rest));
    let mut twin = simulator(&model, Precision::F64).unwrap();
    twin.drive(&drive(&model, &[], 10)).unwrap();
    twin.forward(0..10 * model.substeps_per_control).unwrap();
    let state = twin.read().unwrap();
    state.v.iter().map(|v| v.norm_squared().sqrt()).fold(0.0, f64::max)
}

#[test]
fn a_bed_of_sand_that_starts_at_rest_stays_at_rest() {
    let sand = |friction_angle_deg: f64| {
        format!(
            "{{ type = \"sand\", young_modulus = 1e6, poisson_ratio = 0.2, \
             friction_angle_deg = {friction_angle_deg} }}"
        )
    };
    // The rest is that of the free surface and the floor (formulas.md 9: 1e-4 to 1e-3 m/s at half
    // this cell width); both lateral ratios, K0 and Jaky's.
    for friction_angle_deg in [40.0, 30.0] {
        let speed = bed_speed(&sand(friction_angle_deg), true);
        assert!(speed < 2e-3, "phi {friction_angle_deg}: {speed} m/s");
    }
    // Control: the same bed without its stress falls into itself.
    assert!(bed_speed(&sand(40.0), false) > 2e-2);
}

#[test]
fn a_bed_of_every_law_that_starts_at_rest_stays_at_rest() {
    for &kind in LawKind::ALL {
        let (rest, falls) = (bed_speed(&stated(kind), true), bed_speed(&stated(kind), false));
        println!("{}: {rest:.1e} m/s, without its stress {falls:.1e}", kind.name());
        // Seen: 9e-5 m/s at most, of the free surface and the floor.
        assert!(
            rest < 3e-4 && falls > 0.1,
            "{kind:?}: {rest:.1e} m/s, without its stress {falls:.1e}"
        );
    }
}
