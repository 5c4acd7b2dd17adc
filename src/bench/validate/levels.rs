//! Law 13: across levels of resolution (numerics.md 5). A pulse that crosses a band is not reflected, a
//! spinning ball that flies through one keeps its momentum and its spin as on a uniform grid, and a
//! bed at rest stays at rest. Without the terms in the gradient of the shares all of it fails.

use super::check::{Check, Plot, Report};
use super::lab::Lab;
use crate::bench::setup::{SLIP, Setup};
use crate::math::Vec3;
use crate::model::{Band, Law, Levels, Model, Reach, compile};
use crate::mpm::simulator::SimulationError;
use crate::mpm::state::State;
use crate::scene::{Fidelity, Scene};
use std::path::Path;
use std::sync::Arc;

const H: f64 = 0.01;
const DENSITY: f64 = 1000.0;
const YOUNG: f64 = 1e5;
/// Width of the bands, in cells of the finer level.
const BAND_CELLS: f64 = 8.0;
/// Far from everything [m].
const FAR: f64 = 1e3;

/// Half the length of the bar and where the pulse starts [m], its width, and its speed over that of
/// sound.
const BAR: [f64; 2] = [1.0, -0.45];
const PULSE_WIDTH: f64 = 10.0 * H;
const MACH: f64 = 1e-3;
/// Most of the pulse's amplitude that may come back, and how much more than on a uniform grid.
const REFLECTED: f64 = 0.015;
const REFLECTED_MORE: f64 = 0.005;

/// Radius of the ball, its way [m], its speed [m/s] and spin [rad/s].
const RADIUS: f64 = 6.0 * H;
const WAY: f64 = 0.5;
const FLIGHT: f64 = 1.5;
const SPIN: f64 = 15.0;
/// Relative change of the momentum, and how far the spin may be from that of a uniform grid.
const MOMENTUM: f64 = 1e-6;
const SPIN_ERROR: f64 = 1e-3;

/// How far a bed at rest may move [m] and for how long [s].
const STILL: f64 = 2e-4;
const REST_SECS: f64 = 0.3;

/// A level for x < 0, the next one behind the band that begins there.
fn levels(coupled: bool, hysteresis: f64) -> Levels {
    let reach = Reach {
        position: Vec3([0.0; 3]),
        along: [1.0, 0.0],
        low: Vec3([-FAR; 3]),
        high: [-0.5 * BAND_CELLS * H - 1e-3, FAR],
        depth_weight: 1.0,
    };
    Levels {
        bands: vec![Band { start: 1e-3, width: BAND_CELLS * H }],
        regions: vec![reach],
        blend: H,
        hysteresis,
        per_axis: vec![2],
        coupled,
        ..Levels::uniform()
    }
}

/// A bar between smooth walls, with a pulse that runs along it.
fn bar(levels: Levels) -> Arc<Model> {
    let law = Law::Elastic { young_modulus: YOUNG, poisson_ratio: 0.0 };
    let sound = (YOUNG / DENSITY).sqrt();
    let speed = MACH * sound;
    let shape = move |x: f64| speed * (-((x - BAR[1]) / PULSE_WIDTH).powi(2) / 2.0).exp();
    let slope = move |x: f64| -(x - BAR[1]) / PULSE_WIDTH.powi(2) * shape(x);
    let thick = 2.0 * H;
    let model = Setup::new("pulse", H)
        .body(DENSITY, law, [[-BAR[0], 0.0, 0.0], [BAR[0], thick, thick]], |_| true)
        .moving(
            |[x, ..]| [shape(x), 0.0, 0.0],
            |[x, ..]| [[slope(x), 0.0, 0.0], [0.0; 3], [0.0; 3]],
        )
        .plane([0.0, 1.0, 0.0], [0.0; 3], SLIP)
        .plane([0.0, -1.0, 0.0], [0.0, thick, 0.0], SLIP)
        .plane([0.0, 0.0, 1.0], [0.0; 3], SLIP)
        .plane([0.0, 0.0, -1.0], [0.0, 0.0, thick], SLIP)
        .build(speed);
    let mut model = Model::clone(&model);
    // A wave that runs forward: strain and speed are of opposite signs.
    for p in 0..model.initial.particle_count() {
        let [x, ..] = model.initial.world_position(p, H, model.origin);
        model.initial.f[p][(0, 0)] = 1.0 - shape(x) / sound;
    }
    model.levels = levels;
    Arc::new(model)
}

/// What comes back of the pulse, over its amplitude, and the speeds along the bar at the end.
fn reflected(lab: &Lab, levels: Levels) -> Result<(f64, Vec<[f64; 2]>), SimulationError> {
    let model = bar(levels);
    let sound = (YOUNG / DENSITY).sqrt();
    let secs = 2.0 * BAR[1].abs() / sound;
    let mut experiment = lab.experiment(model.clone(), secs)?;
    experiment.run_until(secs)?;
    let state = experiment.state()?;
    let speed = MACH * sound;
    let mut speeds: Vec<[f64; 2]> = (0..state.particle_count())
        .map(|p| [state.world_position(p, H, model.origin)[0], state.v[p][0] / speed])
        .collect();
    speeds.sort_by(|a, b| a[0].total_cmp(&b[0]));
    // The pulse itself is in the other half by then.
    let back = speeds.iter().filter(|[x, _]| *x < -BAND_CELLS * H);
    let most = back.fold(0.0, |most: f64, [_, v]| most.max(v.abs()));
    let thin = speeds.len().div_ceil(400);
    Ok((most, speeds.into_iter().step_by(thin).collect()))
}

fn ball(levels: Levels) -> Arc<Model> {
    let law = Law::Elastic { young_modulus: YOUNG, poisson_ratio: 0.2 };
    let centre = [-0.5 * WAY, 0.0, 0.0];
    let inside = |x: [f64; 3]| {
        let d: [f64; 3] = std::array::from_fn(|a| x[a] - centre[a]);
        d.iter().map(|c| c * c).sum::<f64>() < RADIUS * RADIUS
    };
    let low = centre.map(|c| c - RADIUS - H);
    let high = centre.map(|c| c + RADIUS + H);
    let model = Setup::new("ball", H)
        .body(DENSITY, law, [low, high], inside)
        .moving(
            |[x, y, _]| [FLIGHT - SPIN * (y - centre[1]), SPIN * (x - centre[0]), 0.0],
            |_| [[0.0, -SPIN, 0.0], [SPIN, 0.0, 0.0], [0.0; 3]],
        )
        .build(FLIGHT + SPIN * RADIUS);
    let mut model = Model::clone(&model);
    model.levels = levels;
    Arc::new(model)
}

/// Momentum along the way [kg m/s] and angular velocity [rad/s].
fn motion(model: &Model, state: &State<f64>) -> [f64; 2] {
    let particles = state.particles.as_deref().unwrap_or(&model.particles);
    let count = state.particle_count();
    let total: f64 = particles.mass.iter().sum();
    let place = |p: usize| Vec3(state.world_position(p, model.cell_width, model.origin));
    let (mut centre, mut momentum) = (Vec3::zero(), Vec3::zero());
    for p in 0..count {
        centre += place(p) * (particles.mass[p] / total);
        momentum += state.v[p] * particles.mass[p];
    }
    let mean = momentum * (1.0 / total);
    let (mut spin, mut inertia) = (0.0, 0.0);
    for p in 0..count {
        let (r, u, m) = (place(p) - centre, state.v[p] - mean, particles.mass[p]);
        spin += m * r.cross(u)[2];
        inertia += m * (r[0] * r[0] + r[1] * r[1]);
    }
    [momentum[0], spin / inertia]
}

/// Relative change of momentum, and angular velocity at the end over that at the start.
fn fly(lab: &Lab, levels: Levels) -> Result<[f64; 2], SimulationError> {
    let model = ball(levels);
    let secs = WAY / FLIGHT;
    let mut experiment = lab.experiment(model.clone(), secs)?;
    let before = motion(&model, &model.initial);
    experiment.run_until(secs)?;
    let after = motion(&model, &experiment.state()?);
    Ok([(after[0] / before[0] - 1.0).abs(), after[1] / before[1]])
}

const BED: &str = r#"
format = 1
[world]
cell_width = 0.01
control_secs = 0.00625
max_speed = 1.0
[[material]]
name = "sand"
density = 1600.0
law = { type = "sand", young_modulus = 2e5, poisson_ratio = 0.2, friction_angle_deg = 32.0 }
[[body]]
name = "bed"
material = "sand"
shape = { type = "box", size = [0.48, 0.24, 0.30] }
position = [0.0, 0.0, -0.15]
at_rest = true
[[collider]]
name = "floor"
shape = { type = "half_space" }
position = [0.0, 0.0, -0.24]
contact = { type = "sticky" }
[levels]
count = 3
region = [{ size = [0.06, 0.06, 0.06] }]
"#;

/// Largest way of a particle of a bed that should stand still [m].
fn stirred(lab: &Lab, coupled: bool, secs: f64) -> Result<f64, SimulationError> {
    let scene = Scene::parse(Path::new("bed.toml"), BED);
    let model = scene.and_then(|scene| compile(&scene, Fidelity::Standard));
    let mut model = model.map_err(|error| SimulationError::Device(error.to_string()))?;
    model.levels.coupled = coupled;
    for (normal, at) in
        [([1.0, 0.0], -0.24), ([-1.0, 0.0], 0.24), ([0.0, 1.0], -0.12), ([0.0, -1.0], 0.12)]
    {
        let point = [normal[0] * normal[0] * at, normal[1] * normal[1] * at, 0.0];
        let wall = Setup::new("wall", H).plane([normal[0], normal[1], 0.0], point, SLIP).build(1.0);
        model.colliders.extend(wall.colliders.iter().cloned());
    }
    let model = Arc::new(model);
    let mut experiment = lab.experiment(model.clone(), secs)?;
    experiment.run_until(secs)?;
    let state = experiment.state()?;
    // Sizes stay as they are in a field that does not move: the same particles.
    if state.particle_count() != model.initial.particle_count() {
        let problem = "a bed at rest was split or merged in a field that stands still";
        return Err(SimulationError::Device(problem.into()));
    }
    let place = |state: &State<f64>, p| Vec3(state.world_position(p, H, model.origin));
    let way = |p| (place(&state, p) - place(&model.initial, p)).norm_squared().sqrt();
    Ok((0..state.particle_count()).map(way).fold(0.0, f64::max))
}

pub fn run(lab: &Lab) -> Result<Report, SimulationError> {
    let (uniform, uniform_curve) = reflected(lab, Levels::uniform())?;
    let (blended, curve) = reflected(lab, levels(true, H))?;
    let (wrong, wrong_curve) = reflected(lab, levels(false, H))?;
    // No merging here: what the grids alone do to momentum and spin.
    let [_, spin_uniform] = fly(lab, Levels::uniform())?;
    let [drift, spin] = fly(lab, levels(true, FAR))?;
    let [_, spin_wrong] = fly(lab, levels(false, FAR))?;
    let [merged_drift, merged_spin] = fly(lab, levels(true, H))?;
    let rest = stirred(lab, true, REST_SECS)?;
    // Soon it has sunk so far that particles are split.
    let rest_wrong = stirred(lab, false, REST_SECS / 4.0)?;
    let name = "without the gradients of the shares";
    let back = |part| Check::at_most("reflected part of a pulse", part, REFLECTED);
    let more = |part| {
        Check::at_most("reflected more than on a uniform grid", part - uniform, REFLECTED_MORE)
    };
    let turned =
        |spin| Check::near("spin kept, as on a uniform grid", spin, spin_uniform, SPIN_ERROR);
    let still = |way| Check::at_most("way of a bed at rest [m]", way, STILL);
    Ok(Report {
        checks: vec![
            back(blended),
            back(wrong).control(name),
            more(blended),
            more(wrong).control(name),
            Check::at_most("momentum lost in flight", drift, MOMENTUM),
            turned(spin),
            turned(spin_wrong).control(name),
            still(rest),
            still(rest_wrong).control(name),
        ],
        remarks: vec![
            format!("a uniform grid reflects {:.2} %", 100.0 * uniform),
            format!(
                "with particles merged on the way: momentum {merged_drift:.1e}, spin kept {:.2} % (without: {:.2} %)",
                100.0 * merged_spin,
                100.0 * spin
            ),
        ],
        plot: Some(
            Plot::new("A pulse after it crossed a band at 0", "x [m]", "velocity / amplitude")
                .line("uniform", uniform_curve)
                .line("two levels", curve)
                .line(name, wrong_curve),
        ),
    })
}
