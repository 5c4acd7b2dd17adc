//! What levels of resolution save, and what they cost in accuracy: a blade dragged through sand,
//! against the same bed uniformly fine.
//!
//! The scene is `scenes/plough.toml`, halved by its plane of symmetry: forces are doubled. Two
//! controls show that the comparison sees errors: a uniform grid of twice the cell width, and
//! levels without the terms in the gradient of their shares.

use super::usage::cpu_secs;
use crate::agents::drive;
use crate::model::{
    ActionTarget, FILL_CELLS, LevelSummary, Model, UniformSummary, compile, level_summaries,
};
use crate::mpm::simulator::{Costs, SimulationError, Simulator};
use crate::mpm::state::State;
use crate::scene::{
    Band, Body, BodyShape, Bounds, Collider, ColliderShape, Contact, Effector, Fidelity, Levels,
    Scene, SceneError,
};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const SCENE: &str = include_str!("../../scenes/plough.toml");
/// Speed of the blade [m/s] and the time in which it is reached [s].
const SPEED: f64 = 0.3;
const RAMP_SECS: f64 = 0.03;
/// Parts of the stroke whose mean forces are compared one by one.
pub const PARTS: usize = 10;
/// How high the blade is lifted between two passes [m], and at what speed [m/s].
const LIFT: f64 = 0.14;
const LIFT_SPEED: f64 = 0.5;
/// Farther than the bed is long [m].
const FAR: f64 = 100.0;
/// Width of the columns whose heights are compared [m], and how far above the bed they are looked at [m].
const COLUMN: f64 = 0.02;
const HIGHEST: f64 = 0.2;

/// Which grids compute the bed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grids {
    /// The finest everywhere: what all else is held against.
    Fine,
    /// So many levels around the blade.
    Levels(u32),
    /// Cells twice as wide everywhere.
    Double,
    /// Three levels without the terms in the gradient of their shares: wrong.
    Uncoupled,
    /// Three levels of which only the finest is ever used: what levels cost where they save nothing.
    OnlyFinest,
}

impl Grids {
    pub fn name(self) -> String {
        match self {
            Grids::Fine => "uniform".into(),
            Grids::Levels(count) => format!("{count} levels"),
            Grids::Double => "uniform 2h (control)".into(),
            Grids::Uncoupled => "3 levels, shares uncoupled (control)".into(),
            Grids::OnlyFinest => "3 levels, all finest (overhead)".into(),
        }
    }

    /// Whether it must be told from the fine grid.
    pub fn is_control(self) -> bool {
        matches!(self, Grids::Double | Grids::Uncoupled)
    }
}

/// The experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct Plough {
    /// Length, width (of both halves) and depth of the bed [m].
    pub bed: [f64; 3],
    /// Way of the blade [m].
    pub stroke: f64,
    /// Random displacement of the particles, as a fraction of their own spacing.
    pub jitter: f64,
    /// Instead of the scene's, as many of them as there are levels to part; the scene's if empty.
    pub bands: Vec<Band>,
    /// How far the fine part reaches back along the track [m].
    pub trail: f64,
    /// How long its track stays fine [s].
    pub linger_secs: f64,
    /// The blade returns through the air and passes its own track again.
    pub second_pass: bool,
}

impl Plough {
    pub fn whole() -> Self {
        Self {
            bed: [1.28, 0.64, 0.32],
            stroke: 0.3,
            jitter: 0.0,
            bands: Vec::new(),
            trail: 0.0,
            linger_secs: 0.0,
            second_pass: false,
        }
    }

    /// The same in a smaller bed.
    pub fn quick() -> Self {
        Self { bed: [0.96, 0.48, 0.24], ..Self::whole() }
    }
}

/// What one run came to.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    pub grids: String,
    pub jitter: f64,
    pub particles_at_start: usize,
    pub particles_at_end: usize,
    /// What there is at the end of each level, finest first; nothing where there is one.
    pub levels: Vec<LevelSummary>,
    /// Time of each level over the run, finest first, as [`Costs::level_secs`] [s].
    pub level_secs: Vec<f64>,
    /// What a uniform grid of the finest level would need for the ground at the end.
    pub uniform: UniformSummary,
    /// Of the half bed.
    pub particle_substeps: f64,
    pub cpu_secs: f64,
    pub wall_secs: f64,
    /// Wall time by stage [ns per particle-substep].
    pub stage_ns: Vec<(String, f64)>,
    /// Mean force against the motion [N], of the whole blade, by part of the stroke; of the
    /// second pass if there is one.
    pub force: [f64; PARTS],
    /// Height of the surface in the columns around the track at the end [m].
    #[serde(skip)]
    pub heights: Vec<f64>,
}

/// A run against the fine one.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Comparison {
    /// Relative error of the mean force, and the largest of its parts.
    pub mean_error: f64,
    pub worst_part_error: f64,
    /// How many times fewer particle-substeps, and how many times less processor time.
    pub fewer_particle_substeps: f64,
    pub less_cpu: f64,
    /// Root mean square of the difference in height, column by column [m].
    pub height_error: f64,
}

impl Run {
    fn mean(&self) -> f64 {
        self.force.iter().sum::<f64>() / PARTS as f64
    }

    /// This run against the fine one.
    pub fn against(&self, fine: &Run) -> Comparison {
        let error = |a: f64, b: f64| a / b - 1.0;
        let apart = self.heights.iter().zip(&fine.heights).map(|(a, b)| (a - b).powi(2));
        let parts = self.force.iter().zip(fine.force).map(|(&a, b)| error(a, b).abs());
        Comparison {
            mean_error: error(self.mean(), fine.mean()),
            worst_part_error: parts.fold(0.0, f64::max),
            fewer_particle_substeps: fine.particle_substeps / self.particle_substeps,
            less_cpu: fine.cpu_secs / self.cpu_secs,
            height_error: (apart.sum::<f64>() / fine.heights.len() as f64).sqrt(),
        }
    }
}

/// The half bed on given grids.
///
/// # Errors
/// The scene does not compile with the bands or as many levels as are given.
pub fn model(plough: &Plough, grids: Grids) -> Result<Model, SceneError> {
    let mut scene = Scene::parse(Path::new("scenes/plough.toml"), SCENE)?;
    let levels = scene.levels.as_mut().expect("the scene has levels");
    match grids {
        Grids::Fine => scene.levels = None,
        Grids::Double => {
            scene.levels = None;
            scene.world.cell_width *= 2.0;
        }
        Grids::Levels(count) => set_levels(levels, count, &plough.bands),
        Grids::Uncoupled => set_levels(levels, 3, &plough.bands),
        Grids::OnlyFinest => {
            levels.count = 3;
            levels.bands = Some([FAR, 2.0 * FAR].map(|start| Band { start, width: 1.0 }).to_vec());
        }
    }
    if let Some(levels) = &mut scene.levels {
        levels.trail = plough.trail;
        levels.linger_secs = plough.linger_secs;
    }
    let count = match grids {
        // The bed of the uniform grid, to the particle.
        Grids::OnlyFinest => 1,
        _ => scene.levels.as_ref().map_or(1, |levels| levels.count),
    };
    let coarsest = scene.world.cell_width * f64::from(1u32 << (count - 1));
    let [length, width, depth] = plough.bed;
    let (half, fill) = (0.5 * width, FILL_CELLS * coarsest);
    let bed: &mut Body = &mut scene.body[0];
    bed.shape = BodyShape::Box { size: [length, half, depth + fill] };
    bed.position = [0.0, 0.5 * half, -0.5 * (depth + fill)];
    bed.jitter = plough.jitter;
    for collider in &mut scene.collider {
        match collider.name.as_str() {
            "blade" => {
                collider.velocity = [0.0; 3];
                collider.position[0] = -0.5 * plough.stroke - 0.05;
            }
            "floor" => collider.position[2] = -depth,
            "rear_wall" => collider.position[0] = -0.5 * length,
            "front_wall" => collider.position[0] = 0.5 * length,
            "left_wall" => collider.position[1] = half,
            // The plane of symmetry.
            _ => mirror(collider),
        }
    }
    let drivable = Some(Bounds { min: -1.0, max: 1.0 });
    scene.effector = vec![Effector {
        collider: Some("blade".into()),
        emitter: None,
        vx: drivable,
        vy: None,
        vz: drivable,
        wx: None,
        wy: None,
        wz: None,
    }];
    let mut model = compile(&scene, Fidelity::Standard)?;
    model.levels.coupled = grids != Grids::Uncoupled;
    Ok(model)
}

fn set_levels(levels: &mut Levels, count: u32, bands: &[Band]) {
    levels.count = count;
    if !bands.is_empty() {
        levels.bands = Some(bands.iter().copied().take(count.saturating_sub(1) as usize).collect());
    }
}

fn mirror(wall: &mut Collider) {
    wall.position = [0.0; 3];
    wall.shape = ColliderShape::HalfSpace { normal: [0.0, 1.0, 0.0] };
    wall.contact = Contact::Slip {};
}

/// Control steps of the stroke that is measured.
pub fn measured_steps(plough: &Plough, model: &Model) -> usize {
    way(plough, model.substep_secs * model.substeps_per_control as f64).1.len()
}

/// Velocity of the blade (along x and z) in each control step, and the steps of the stroke that is
/// measured.
fn way(plough: &Plough, control_secs: f64) -> (Vec<[f64; 2]>, std::ops::Range<usize>) {
    let mut velocities = Vec::new();
    let stroke = |velocities: &mut Vec<[f64; 2]>| {
        let first = velocities.len();
        let mut x = 0.0;
        while x < plough.stroke {
            let time = (velocities.len() - first) as f64 * control_secs;
            let speed = SPEED * (time / RAMP_SECS + 0.1).min(1.0);
            velocities.push([speed, 0.0]);
            x += speed * control_secs;
        }
        (first..velocities.len(), x)
    };
    let (first, x) = stroke(&mut velocities);
    if !plough.second_pass {
        return (velocities, first);
    }
    let mut go = |distance: f64, speed: f64, axis: usize| {
        let steps = (distance.abs() / (speed * control_secs)).ceil();
        let mut v = [0.0; 2];
        v[axis] = distance / (steps * control_secs);
        velocities.extend(std::iter::repeat_n(v, steps as usize));
    };
    go(LIFT, LIFT_SPEED, 1);
    go(-x, 2.0 * LIFT_SPEED, 0);
    go(-LIFT, LIFT_SPEED, 1);
    let (second, _) = stroke(&mut velocities);
    (velocities, second)
}

/// Drags the blade; `reach` is told the control steps done and their number.
pub fn plough(
    plough: &Plough,
    grids: Grids,
    make: &dyn Fn(&Arc<Model>) -> Result<Box<dyn Simulator>, SimulationError>,
    reach: &mut dyn FnMut(usize, usize),
) -> Result<Run, Box<dyn std::error::Error + Send + Sync>> {
    let model = Arc::new(model(plough, grids)?);
    let control_secs = model.substep_secs * model.substeps_per_control as f64;
    let (velocities, measured) = way(plough, control_secs);
    let mut controls = Vec::new();
    for &[vx, vz] in &velocities {
        controls.extend(model.actions.iter().map(|action| match action.target {
            ActionTarget::LinearVelocity { axis: 0, .. } => vx,
            _ => vz,
        }));
    }
    let mut simulator = make(&model)?;
    simulator.drive(&drive(&model, &controls, velocities.len()))?;
    simulator.sense_wrenches(true)?;
    simulator.costs()?;
    let (started, cpu_before) = (Instant::now(), cpu_secs());
    let mut particle_substeps = 0.0;
    let per_control = model.substeps_per_control;
    let mut particles = model.initial.particle_count();
    for step in 0..velocities.len() {
        simulator.forward(step * per_control..(step + 1) * per_control)?;
        particles = simulator.particle_count();
        particle_substeps += (particles * per_control) as f64;
        reach(step + 1, velocities.len());
    }
    let (cpu, wall) = (cpu_secs() - cpu_before, started.elapsed().as_secs_f64());
    let Costs { stage_secs, level_secs, .. } = simulator.costs()?;
    let stage_ns = stage_secs
        .into_iter()
        .map(|(stage, secs)| (stage, secs * 1e9 / particle_substeps))
        .collect();
    let last = simulator.read()?;
    let colliders = model.colliders.len();
    let blade = model.colliders.iter().position(|c| c.name == "blade").unwrap_or(0);
    let wrenches = simulator.wrenches()?;
    // Half of the blade is in the half bed; the force on it points against its motion.
    let force = |step: usize| -2.0 * wrenches[step * colliders + blade].force[0];
    let count = measured.len();
    let mut parts = [0.0; PARTS];
    for (part, sum) in parts.iter_mut().enumerate() {
        let range =
            measured.start + part * count / PARTS..measured.start + (part + 1) * count / PARTS;
        let steps = range.len() as f64;
        *sum = range.map(force).sum::<f64>() / steps;
    }
    Ok(Run {
        grids: grids.name(),
        jitter: plough.jitter,
        particles_at_start: model.initial.particle_count(),
        particles_at_end: particles,
        levels: level_summaries(&model, &last),
        level_secs,
        uniform: UniformSummary::new(&model, &last),
        particle_substeps,
        cpu_secs: cpu,
        wall_secs: wall,
        stage_ns,
        force: parts,
        heights: heights(plough, &model, &last),
    })
}

/// The surface over columns of 2 cm around the way of the blade [m]: where sand that lies on sand from the
/// ground up ends, half of a layer of 1 cm being full there. Grains that were thrown do not count. A particle
/// stands for a cube of its rest volume.
fn heights(plough: &Plough, model: &Model, state: &State<f64>) -> Vec<f64> {
    const LAYER: f64 = 0.01;
    let from = [-0.5 * plough.stroke - 0.15, 0.0, -plough.bed[2]];
    let edges = [COLUMN, COLUMN, LAYER];
    let extent = [plough.stroke + 0.35, 0.16, plough.bed[2] + HIGHEST];
    let counts: [usize; 3] = std::array::from_fn(|a| (extent[a] / edges[a]).round() as usize);
    let mut filled = vec![0.0; counts.iter().product()];
    let particles = state.particles.as_deref().unwrap_or(&model.particles);
    for p in 0..state.particle_count() {
        let x = state.world_position(p, model.cell_width, model.origin);
        let half = 0.5 * particles.volume[p].cbrt();
        // The layers that the cube reaches along an axis, and how much of each it takes.
        let span = |a: usize| {
            let (low, high) =
                ((x[a] - half - from[a]) / edges[a], (x[a] + half - from[a]) / edges[a]);
            let last = (high.ceil().max(0.0) as usize).min(counts[a]);
            (low.floor().max(0.0) as usize..last).map(move |i| {
                let i_low = i as f64;
                (i, (high.min(i_low + 1.0) - low.max(i_low)).max(0.0))
            })
        };
        for (i, of_x) in span(0) {
            for (j, of_y) in span(1) {
                let column = (i * counts[1] + j) * counts[2];
                span(2).for_each(|(k, of_z)| filled[column + k] += of_x * of_y * of_z);
            }
        }
    }
    filled.chunks(counts[2]).map(|column| surface(column) * LAYER - plough.bed[2]).collect()
}

/// How many layers are full from the bottom up, counted to where one is half full: between the middles
/// of the last that is at least that full and the next one.
fn surface(filled: &[f64]) -> f64 {
    let Some(top) = filled.iter().position(|&part| part < 0.5) else {
        return filled.len() as f64;
    };
    if top == 0 {
        return filled[0];
    }
    let (below, above) = (filled[top - 1], filled[top]);
    top as f64 - 0.5 + (below - 0.5) / (below - above)
}

#[cfg(test)]
mod tests {
    use super::surface;

    #[test]
    fn a_surface_is_where_half_of_a_layer_is_full_and_thrown_grains_do_not_count() {
        assert_eq!(surface(&[0.0, 0.0]), 0.0);
        // Two full layers end at their top, and so they do under grains in the air.
        assert_eq!(surface(&[1.0, 1.0, 0.0, 0.0]), 2.0);
        assert_eq!(surface(&[1.0, 1.0, 0.0, 0.3]), 2.0);
        // Half a layer more lies half a layer higher.
        assert_eq!(surface(&[1.0, 1.0, 0.5, 0.0]), 2.5);
        assert_eq!(surface(&[1.0, 1.0]), 2.0);
    }
}
