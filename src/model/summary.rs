//! Every number that follows from a scene, for `softscape inspect`.

use super::uniform::UniformSummary;
use super::{ActionTarget, Emitter, GroundSummary, Model, RigidBody, Stability, ground, stability};
use crate::mpm::state::{RigidMotion, State};
use crate::scene::Scene;
use serde::Serialize;
use std::collections::BTreeSet;

/// Bytes of one particle's dynamic state in f32: position 24, v 12, C 36, F 36, history 4.
pub(super) const STATE_BYTES_F32: u64 = 112;

/// Bytes of the constants of one particle in f32: mass, volume, material, body, muscle.
const CONSTANT_BYTES_F32: u64 = 20;

/// Cells along the edge of a grid block.
const BLOCK_CELLS: i32 = 4;

/// What a scene amounts to at one fidelity.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    pub name: String,
    /// [m]
    pub cell_width: f64,
    /// [s]
    pub substep_secs: f64,
    pub substeps_per_control: usize,
    /// [s]
    pub control_secs: f64,
    /// What limits the substep.
    pub stability: Stability,
    /// The substep over the stable one.
    pub substep_ratio: f64,
    /// Those that emitters will bring included.
    pub particle_count: usize,
    /// [kg]
    pub total_mass: f64,
    /// Lower and upper corner of all particles at the start, and of the nozzles [m], world.
    pub extents: [[f64; 3]; 2],
    pub bodies: Vec<BodySummary>,
    pub materials: Vec<MaterialSummary>,
    /// By level of resolution, finest first; empty where there is one level.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<LevelSummary>,
    /// What is awake, held, asleep and virgin at the start, where chunks sleep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ground: Option<GroundSummary>,
    /// The same bodies of the finest level alone.
    pub uniform: UniformSummary,
    /// Cells with a particle in them, each of the width of its particles' level.
    pub occupied_cells: usize,
    /// Blocks of 4 x 4 x 4 such cells with a particle in them.
    pub occupied_blocks: usize,
    /// One stored state of all particles in f32 [bytes]: what a checkpoint takes.
    pub state_bytes: u64,
    /// Two states and the constants in f32 [bytes]: what a forward run takes, without its grid.
    pub particle_bytes: u64,
    pub colliders: Vec<String>,
    pub emitters: Vec<EmitterSummary>,
    pub sinks: Vec<String>,
    pub rigid_bodies: Vec<RigidSummary>,
    pub actions: Vec<ChannelSummary>,
    /// Control steps of the task; `None` without a task.
    pub horizon: Option<usize>,
    /// Substeps of a whole run: of the horizon, or of `duration_secs`.
    pub substeps: usize,
    /// Simulated time of a whole run [s].
    pub duration_secs: f64,
}

/// One level of resolution.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LevelSummary {
    pub level: u8,
    /// [m]
    pub cell_width: f64,
    pub particle_count: usize,
    /// Of this level's width, with a particle of its size in them.
    pub occupied_cells: usize,
    /// Of its particles' state in f32.
    pub state_bytes: u64,
}

/// One body.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BodySummary {
    pub name: String,
    pub material: String,
    pub particle_count: usize,
    /// [kg]
    pub mass: f64,
    /// At rest [m³].
    pub volume: f64,
}

/// One material, as far as bodies use it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MaterialSummary {
    pub name: String,
    pub law: &'static str,
    /// [kg/m³]
    pub density: f64,
    /// Parameters by name, SI, angles in radians.
    pub parameters: Vec<(&'static str, f64)>,
    /// Speed of a confined compression wave [m/s].
    pub wave_speed: f64,
    pub particle_count: usize,
    /// [kg]
    pub mass: f64,
}

/// One free rigid body.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RigidSummary {
    pub name: String,
    /// [kg]
    pub mass: f64,
    /// Of its shape [m³].
    pub volume: f64,
    /// About the centre of mass, body axes [kg m²].
    pub inertia: [[f64; 3]; 3],
    /// Initial world position of the centre of mass [m].
    pub center_of_mass: [f64; 3],
    /// The layer of material that it moves at once, over its mass; stable below 1.
    pub layer_ratio: f64,
}

/// One emitter.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EmitterSummary {
    pub name: String,
    pub material: String,
    /// Particles that will leave it.
    pub particle_count: usize,
    /// While it emits.
    pub particles_per_sec: f64,
    /// [kg/s]
    pub mass_rate: f64,
    /// Of the material relative to the nozzle [m/s].
    pub speed: f64,
    /// When its first and its last particle leave [s].
    pub secs: [f64; 2],
}

/// One entry of an action.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChannelSummary {
    pub name: String,
    pub unit: &'static str,
    pub lower: f64,
    pub upper: f64,
}

/// The summary of a scene and the model that it compiled to.
pub fn summary(scene: &Scene, model: &Model) -> Summary {
    let stability = stability(model, scene.world.max_speed);
    let particle_count = model.initial.particle_count();
    let control_secs = model.substep_secs * model.substeps_per_control as f64;
    let duration_secs = scene.duration_secs();
    let cell_of = |p: usize| {
        let level = model.particles.level[p];
        (level, model.initial.cell[p].map(|c| c >> level))
    };
    let cells: BTreeSet<(u8, [i32; 3])> = model.initial.present().map(cell_of).collect();
    let blocks: BTreeSet<(u8, [i32; 3])> = cells
        .iter()
        .map(|&(level, cell)| (level, cell.map(|c| c.div_euclid(BLOCK_CELLS))))
        .collect();
    Summary {
        name: model.name.clone(),
        cell_width: model.cell_width,
        substep_secs: model.substep_secs,
        substeps_per_control: model.substeps_per_control,
        control_secs,
        substep_ratio: model.substep_secs / stability.stable_secs,
        stability,
        particle_count,
        total_mass: model.particles.mass.iter().sum(),
        extents: extents(model),
        bodies: bodies(model),
        materials: materials(model),
        levels: level_summaries(model, &model.initial),
        ground: ground(model, &model.initial),
        uniform: UniformSummary::new(model, &model.initial),
        occupied_cells: cells.len(),
        occupied_blocks: blocks.len(),
        state_bytes: particle_count as u64 * STATE_BYTES_F32,
        particle_bytes: particle_count as u64 * (2 * STATE_BYTES_F32 + CONSTANT_BYTES_F32),
        colliders: model.colliders.iter().map(|c| c.name.clone()).collect(),
        emitters: model.emitters.iter().map(emitter(model)).collect(),
        sinks: model.sinks.iter().map(|s| s.name.clone()).collect(),
        rigid_bodies: model
            .rigid_bodies
            .iter()
            .zip(&model.initial.rigid)
            .map(rigid(model))
            .collect(),
        actions: model.actions.iter().map(channel).collect(),
        horizon: scene.task.as_ref().map(|task| task.horizon),
        substeps: (duration_secs / model.substep_secs).round() as usize,
        duration_secs,
    }
}

fn extents(model: &Model) -> [[f64; 3]; 2] {
    let mut corners = [[f64::INFINITY; 3], [f64::NEG_INFINITY; 3]];
    for p in model.initial.present() {
        let x = model.initial.world_position(p, model.cell_width, model.origin);
        for axis in 0..3 {
            corners[0][axis] = corners[0][axis].min(x[axis]);
            corners[1][axis] = corners[1][axis].max(x[axis]);
        }
    }
    for emitter in &model.emitters {
        for axis in 0..3 {
            corners[0][axis] = corners[0][axis].min(emitter.pose.position[axis]);
            corners[1][axis] = corners[1][axis].max(emitter.pose.position[axis]);
        }
    }
    corners
}

/// What a state has of each level of resolution, finest first; nothing where there is one level.
pub fn level_summaries(model: &Model, state: &State<f64>) -> Vec<LevelSummary> {
    let count = model.levels.count() as u8;
    let particles = state.particles_or(&model.particles);
    let one = |level: u8| {
        let of_level = (0..state.particle_count())
            .filter(|&p| particles.level[p] == level)
            .map(|p| state.cell[p].map(|c| c >> level));
        let cells: Vec<[i32; 3]> = of_level.collect();
        let particle_count = cells.len();
        LevelSummary {
            level,
            cell_width: model.cell_width * f64::from(1u32 << level),
            particle_count,
            occupied_cells: cells.into_iter().collect::<BTreeSet<_>>().len(),
            state_bytes: STATE_BYTES_F32 * particle_count as u64,
        }
    };
    if count == 1 { Vec::new() } else { (0..count).map(one).collect() }
}

fn bodies(model: &Model) -> Vec<BodySummary> {
    let one = |body: &super::Body| BodySummary {
        name: body.name.clone(),
        material: model.materials[body.material as usize].name.clone(),
        particle_count: body.particles.len(),
        mass: model.particles.mass[body.particles.clone()].iter().sum(),
        volume: model.particles.volume[body.particles.clone()].iter().sum(),
    };
    model.bodies.iter().map(one).collect()
}

fn emitter<'a>(model: &'a Model) -> impl Fn(&Emitter) -> EmitterSummary + 'a {
    |emitter| {
        let body = &model.bodies[emitter.body as usize];
        let density = model.materials[body.material as usize].density;
        let volume_rate = emitter.opening.area() * emitter.speed;
        let count = emitter.emissions.len();
        EmitterSummary {
            name: emitter.name.clone(),
            material: model.materials[body.material as usize].name.clone(),
            particle_count: count,
            particles_per_sec: volume_rate / model.particles.volume[body.particles.start],
            mass_rate: density * volume_rate,
            speed: emitter.speed,
            secs: [emitter.emissions[0].secs, emitter.emissions[count - 1].secs],
        }
    }
}

fn rigid<'a>(model: &'a Model) -> impl Fn((&RigidBody, &RigidMotion<f64>)) -> RigidSummary + 'a {
    |(body, motion)| RigidSummary {
        name: body.name.clone(),
        mass: body.mass,
        volume: body.shape.volume(),
        inertia: body.inertia.0,
        center_of_mass: motion.world_position(model.cell_width, model.origin),
        layer_ratio: model.layer_ratio(body),
    }
}

fn materials(model: &Model) -> Vec<MaterialSummary> {
    let one = |(index, material): (usize, &super::Material)| {
        let of_this = || {
            model.particles.material.iter().enumerate().filter(move |&(_, &m)| m as usize == index)
        };
        let parameters = material.law.parameters();
        MaterialSummary {
            name: material.name.clone(),
            law: material.law.spec().name,
            density: material.density,
            parameters: parameters.into_iter().map(|p| (p.name, p.value)).collect(),
            wave_speed: (material.law.wave_modulus() / material.density).sqrt(),
            particle_count: of_this().count(),
            mass: of_this().map(|(p, _)| model.particles.mass[p]).sum(),
        }
    };
    model.materials.iter().enumerate().map(one).collect()
}

fn channel(action: &super::ActionChannel) -> ChannelSummary {
    ChannelSummary {
        name: action.name.clone(),
        unit: match action.target {
            ActionTarget::LinearVelocity { .. } | ActionTarget::EmitterVelocity { .. } => "m/s",
            ActionTarget::AngularVelocity { .. } | ActionTarget::EmitterAngularVelocity { .. } => {
                "rad/s"
            }
            ActionTarget::Activation { .. } => "Pa",
        },
        lower: action.lower,
        upper: action.upper,
    }
}
