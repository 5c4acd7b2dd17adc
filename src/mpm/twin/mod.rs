//! The CPU twin: one plain function per stage, named as in `shaders/stage/`, generic over the scalar.
//!
//! It is the specification of the shaders (f64 for truth, duals for exact directional derivatives)
//! and the backend that needs no driver (f32 or f64, SIMD over particles, all cores). Results do
//! not depend on the number of threads: every sum has one owner and a fixed order.
//!
//! One substep, and one substep back:
//!
//! ```text
//! sort -> p2g -> grid_update -> g2p                 state n -> state n+1
//!         p2g_adj <- grid_update_adj <- g2p_adj     cotangent n <- cotangent n+1
//! ```
//!
//! Free rigid bodies add `rigid_predict` before and `rigid_update` after `grid_update` (`rigid`); sinks
//! and emitters add `exchange` at the end.

mod blocks;
pub mod contact;
mod context;
mod cotangents;
mod exchange;
mod follow;
mod g2p;
mod grid_update;
mod kirchhoff;
mod levels;
pub mod material;
mod p2g;
mod path;
mod rigid;
pub mod sdf;
mod sleep;
mod stopwatch;
mod storage;
#[cfg(test)]
pub(super) mod tests;
mod tiles;
mod transfer;
mod wrench;

use super::simulator::{
    Costs, Gradient, Observation, ObservationCotangent, SimulationError, Simulator, Wrench,
    check_come,
};
use super::state::{Archive, Cotangent, RigidCotangent, State, count_chunks};
use super::wrench::{means, means_adj};
use crate::agents::{BirthCotangent, Drive, DriveCotangent, PoseCotangent, field_at_adj};
use crate::math::{Scalar, Vec3};
use crate::model::Model;
use blocks::{Blocks, Sorted, sort};
use contact::PoseBar;
use context::{Command, Context};
use cotangents::ParameterBars;
use exchange::{Exchange, exchange, exchange_adj};
use follow::Change;
use g2p::{Divergence, Walking, g2p, g2p_adj};
use grid_update::{Solids, grid_update, grid_update_adj};
pub(super) use levels::{Adaptation, Adapted, Kind, Source};
use p2g::{p2g, p2g_adj};
pub use path::gradient_along;
pub use rigid::ROUNDS as RIGID_ROUNDS;
use rigid::{MassBar, RigidBar, rigid_predict, rigid_predict_adj, rigid_update, rigid_update_adj};
pub(super) use sleep::{Arrival, Asleep, Choice, Fate, Stir, Surroundings};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use stopwatch::Stopwatch;
use storage::{Stored, cotangent_by_id};
use tiles::{Grid, Scratch};
use wrench::{wrench, wrench_adj};

/// The simulator on the CPU.
pub struct Twin<R: Scalar> {
    model: Arc<Model>,
    ctx: Context<R>,
    drive: Option<Drive>,
    present: Stored<R>,
    /// The block tables of the last substep, reused while the same blocks are in use.
    blocks: Arc<Blocks>,
    checkpoints: Vec<Option<Stored<R>>>,
    /// Where particles are that sleep.
    archive: Arc<Archive>,
    /// Substeps that can be walked back, oldest first.
    live: Vec<Record<R>>,
    observations: BTreeMap<usize, Observation>,
    /// By substep and collider, if they are measured: impulses, and the derivative by them.
    senses: bool,
    impulses: Vec<Wrench>,
    impulses_bar: Vec<Wrench>,
    reverse: Reverse<R>,
    scratch: Scratch<R>,
    stopwatch: Stopwatch,
    peak_bytes: u64,
}

/// What a substep leaves for its adjoint.
struct Record<R: Scalar> {
    /// What sleep, splitting and merging did before it, in order.
    changes: Vec<Change<R>>,
    before: Stored<R>,
    sorted: Sorted,
    momentum: Grid<R>,
    exchange: Exchange<R>,
}

/// What a reverse pass accumulates.
struct Reverse<R: Scalar> {
    walking: Walking<R>,
    /// What belongs to particles that sleep.
    asleep: Asleep<R>,
    parameters: ParameterBars,
    drive: DriveCotangent,
    masses: Vec<MassBar<R>>,
}

/// The scalar that the CPU computes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    F32,
    F64,
}

/// The CPU backend at the model's initial state. (Callers outside the crate that name [`Twin`]
/// itself compile the whole solver once more; this one is compiled here.)
pub fn simulator(
    model: &Arc<Model>,
    precision: Precision,
) -> Result<Box<dyn Simulator>, SimulationError> {
    Ok(match precision {
        Precision::F32 => Box::new(Twin::<f32>::new(model)?),
        Precision::F64 => Box::new(Twin::<f64>::new(model)?),
    })
}

impl<R: Scalar> Twin<R> {
    /// A simulator at the model's initial state; motion is set by [`Simulator::drive`].
    pub fn new(model: &Arc<Model>) -> Result<Self, SimulationError> {
        let ctx = Context::new(model);
        let reverse = Reverse {
            walking: Walking { bar: Cotangent::zeros(0), place: Vec::new() },
            asleep: Asleep::new(),
            parameters: ParameterBars::zeros(&ctx),
            drive: DriveCotangent::default(),
            masses: Vec::new(),
        };
        let mut twin = Self {
            model: model.clone(),
            ctx,
            drive: None,
            present: Stored::zeros(0),
            blocks: Arc::default(),
            checkpoints: Vec::new(),
            archive: Arc::new(Archive::new(
                model.levels.sleep.as_ref().map_or(0, |sleep| sleep.archive_bytes),
            )),
            live: Vec::new(),
            observations: BTreeMap::new(),
            senses: false,
            impulses: Vec::new(),
            impulses_bar: Vec::new(),
            reverse,
            scratch: Scratch::new(),
            stopwatch: Stopwatch::default(),
            peak_bytes: 0,
        };
        twin.load(&model.initial)?;
        Ok(twin)
    }

    /// Like [`Simulator::load`], in the twin's own scalar (a dual number keeps its tangent).
    pub fn load_scalar(&mut self, state: State<R>) {
        self.present = Stored::from_state(state, &self.ctx.points);
        self.live.clear();
    }

    /// Like [`Simulator::read`], in the twin's own scalar.
    pub fn read_scalar(&self) -> State<R> {
        self.present.to_state(self.model.levels.changes(), self.model.exchanges())
    }

    fn has_levels(&self) -> bool {
        self.ctx.lattices.len() > 1
    }

    fn command(&self, substep: usize) -> Result<Command<R>, SimulationError> {
        let covered = self.drive.as_ref().map_or(0, Drive::substeps);
        let drive = self.drive.as_ref().filter(|_| substep < covered);
        let drive = drive.ok_or_else(|| SimulationError::Capacity {
            what: "substeps of the drive".into(),
            needed: substep as u64 + 1,
            allowed: covered as u64,
        })?;
        Ok(Command::at(&self.model, drive, substep))
    }

    /// One substep: the next state becomes the present one; returns what the adjoint needs.
    fn substep(&mut self, substep: usize) -> Result<Record<R>, SimulationError> {
        let command = self.command(substep)?;
        check_come(&self.model, substep, self.present.id.len() + self.present.gone.len())?;
        self.stopwatch.start();
        let changes = self.follow(substep)?;
        if self.model.levels.changes() {
            self.stopwatch.lap("levels");
        }
        let (ctx, before, scratch) = (&self.ctx, &self.present, &mut self.scratch);
        let sorted = sort(before, &self.blocks);
        self.stopwatch.lap("sort");
        let momentum = p2g(ctx, &command, before, &sorted, scratch);
        self.stopwatch.lap("p2g");
        let predicted = rigid_predict(ctx, &command.colliders, &before.rigid);
        let solids = Solids::new(&predicted.solids, &command);
        let (velocities, impulses) = grid_update(ctx, solids, &sorted, &momentum, scratch);
        if self.senses {
            let row = substep * command.colliders.len();
            let given = wrench(ctx, solids, &sorted, &momentum);
            self.impulses[row..row + given.len()].copy_from_slice(&given);
        }
        self.stopwatch.lap("grid_update");
        let mut after = g2p(ctx, before, &sorted, &velocities, scratch).map_err(|divergence| {
            let Divergence { particle, cause } = divergence;
            SimulationError::Diverged { particle: particle as usize, substep, cause }
        })?;
        self.stopwatch.lap("g2p");
        after.rigid.clear();
        for (b, motion) in before.rigid.iter().enumerate() {
            let body = &ctx.rigid[b];
            let moved = rigid_update(ctx, body, motion, predicted.twists[b], impulses[b]);
            if let Some(cause) = rigid::cause_of_divergence(ctx, &moved) {
                let body = self.model.rigid_bodies[b].name.clone();
                return Err(SimulationError::RigidDiverged { body, substep, cause });
            }
            after.rigid.push(moved);
        }
        after.gone = before.gone.clone();
        after.chunks = before.chunks.clone();
        let births = self.drive.as_ref().map_or(&[][..], |d| &d.births[d.births_at(substep)]);
        let exchange = exchange(ctx, births, &mut after);
        self.blocks = sorted.blocks.clone();
        self.scratch.give_grid(velocities);
        let before = std::mem::replace(&mut self.present, after);
        Ok(Record { changes, before, sorted, momentum, exchange })
    }

    /// One substep back: turns the cotangent of the present state into that of the state before.
    fn substep_adj(&mut self, substep: usize, record: Record<R>) -> Result<(), SimulationError> {
        let command = self.command(substep)?;
        let Record { changes, before, sorted, momentum, exchange } = record;
        if let Some(drive) = &self.drive {
            let births_bar = &mut self.reverse.drive.births[drive.births_at(substep)];
            exchange_adj(exchange, &mut self.present, &mut self.reverse.walking, births_bar);
        }
        let (ctx, scratch) = (&self.ctx, &mut self.scratch);
        let (after, walking) = (&self.present, &self.reverse.walking);
        self.stopwatch.start();
        // Cheaper to compute again than to keep.
        let predicted = rigid_predict(ctx, &command.colliders, &before.rigid);
        let solids = Solids::new(&predicted.solids, &command);
        let (velocities, impulses) = grid_update(ctx, solids, &sorted, &momentum, scratch);
        self.stopwatch.lap("grid_update again");
        let (velocity_bar, mut bar, from_map) =
            g2p_adj(ctx, &before, after, &sorted, &velocities, walking, scratch);
        self.stopwatch.lap("g2p_adj");
        let (mut rigid_bars, twist_bars, impulse_bars): (Vec<_>, Vec<_>, Vec<_>) =
            (0..before.rigid.len())
                .map(|b| {
                    let (body, motion) = (&ctx.rigid[b], &before.rigid[b]);
                    let (twist, after_bar) = (predicted.twists[b], &walking.bar.rigid[b]);
                    rigid_update_adj(ctx, body, motion, twist, impulses[b], after_bar)
                })
                .collect();
        let bars = (&velocity_bar, &impulse_bars[..]);
        let (mut grid_bar, mut poses) =
            grid_update_adj(ctx, solids, &sorted, &momentum, bars, scratch);
        if !self.impulses_bar.is_empty() {
            let bars = &self.impulses_bar[substep * command.colliders.len()..];
            wrench_adj(ctx, solids, &sorted, &momentum, bars, (&mut grid_bar, &mut poses));
        }
        let from_nodes: Vec<_> =
            poses.drain(..before.rigid.len()).map(|bar| PoseBar::from_f64(&bar)).collect();
        if !before.rigid.is_empty() {
            let mut collider_bars = vec![PoseBar::zero(); poses.len()];
            let bars = (&twist_bars[..], &from_nodes[..]);
            let (colliders, motions) = (&command.colliders, &before.rigid);
            rigid_predict_adj(ctx, colliders, motions, bars, &mut rigid_bars, &mut collider_bars);
            for (pose, bar) in poses.iter_mut().zip(collider_bars) {
                *pose += bar.to_f64();
            }
        }
        self.stopwatch.lap("grid_update_adj");
        let from_stress = p2g_adj(ctx, &command, &before, &sorted, &grid_bar, &mut bar);
        self.stopwatch.lap("p2g_adj");

        bar.rigid.clear();
        let Reverse { walking, parameters, drive, masses, .. } = &mut self.reverse;
        for (mass, from) in masses.iter_mut().zip(&rigid_bars) {
            mass.mass += from.mass.mass;
            mass.inertia += from.mass.inertia;
            bar.rigid.push(from.motion);
        }
        for part in from_map.iter().chain(&from_stress) {
            parameters.add(part);
        }
        let activations =
            std::mem::replace(&mut parameters.activations, vec![0.0; command.activations.len()]);
        let step = substep / self.model.substeps_per_control;
        let row = step * activations.len();
        for (sum, a) in drive.activations[row..].iter_mut().zip(activations) {
            *sum += a;
        }
        let row = substep * poses.len();
        for (sum, pose) in drive.poses[row..].iter_mut().zip(poses) {
            *sum += pose;
        }
        let reaches = std::mem::take(&mut parameters.reaches);
        if let Some(of) = self.drive.as_ref().filter(|_| !reaches.is_empty()) {
            let start = step * self.model.substeps_per_control;
            field_at_adj(&self.model, of, start, &reaches, &mut drive.poses);
        }

        let after_bar = std::mem::replace(&mut walking.bar, bar);
        self.scratch.give_cotangent(after_bar);
        walking.place.resize(sorted.order.len(), 0);
        for (k, &p) in sorted.order.iter().enumerate() {
            walking.place[p as usize] = k as u32;
        }
        let after = std::mem::replace(&mut self.present, before);
        self.scratch.give_state(after);
        for grid in [momentum, velocities, velocity_bar, grid_bar] {
            self.scratch.give_grid(grid);
        }
        for change in changes.into_iter().rev() {
            let Reverse { walking: Walking { bar, place }, asleep, .. } = &mut self.reverse;
            // Ids are storage positions there: `place` serves as it is.
            (*bar, self.present) = change.undo(&self.ctx, bar, place, asleep);
            *place = (0..self.present.id.len() as u32).collect();
        }
        Ok(())
    }

    fn note_memory(&mut self) {
        let particle = Stored::<R>::particle_bytes() as u64;
        let particles = self.particle_count() as u64;
        let grid = |g: &Grid<R>| (g.len() * size_of_val(&g[..1.min(g.len())])) as u64;
        let stored = self.checkpoints.iter().flatten().count() as u64 + 2;
        let live: u64 =
            self.live.iter().map(|r| particles * (particle + 4) + grid(&r.momentum)).sum();
        let constant = particles * size_of::<context::Point<R>>() as u64;
        let walking = self.reverse.walking.place.len() as u64 * particle * 2;
        let asleep = count_chunks(&self.present.chunks).memory_bytes;
        let now = constant + stored * particles * particle + live + walking + asleep;
        self.peak_bytes = self.peak_bytes.max(now);
    }
}

impl<R: Scalar> Simulator for Twin<R> {
    fn describe(&self) -> String {
        let scalar = std::any::type_name::<R>();
        format!("CPU, {scalar}, {} threads", rayon::current_num_threads())
    }

    fn particle_count(&self) -> usize {
        self.present.id.len()
    }

    fn load(&mut self, state: &State<f64>) -> Result<(), SimulationError> {
        let own = state.particles.as_ref().map(|particles| particles.mass.len());
        let expected = own.unwrap_or(self.ctx.points.len());
        if state.particle_count() != expected {
            return Err(SimulationError::Capacity {
                what: "particles of the state".into(),
                needed: state.particle_count() as u64,
                allowed: expected as u64,
            });
        }
        let bodies = self.ctx.rigid.len();
        if state.rigid.len() != bodies {
            return Err(SimulationError::Capacity {
                what: "rigid bodies of the state".into(),
                needed: state.rigid.len() as u64,
                allowed: bodies as u64,
            });
        }
        self.load_scalar(state.cast());
        self.note_memory();
        Ok(())
    }

    fn read(&mut self) -> Result<State<f64>, SimulationError> {
        Ok(self.read_scalar().cast())
    }

    fn drive(&mut self, drive: &Drive) -> Result<(), SimulationError> {
        self.impulses = vec![Wrench::ZERO; drive.poses.len()];
        self.impulses_bar.clear();
        self.drive = Some(drive.clone());
        Ok(())
    }

    fn forward(&mut self, substeps: Range<usize>) -> Result<(), SimulationError> {
        for substep in substeps {
            let Record { before, momentum, .. } = self.substep(substep)?;
            self.scratch.give_state(before);
            self.scratch.give_grid(momentum);
        }
        self.note_memory();
        Ok(())
    }

    fn reserve(&mut self, checkpoints: usize, segment: usize) -> Result<(), SimulationError> {
        self.checkpoints = std::iter::repeat_with(|| None).take(checkpoints).collect();
        self.live = Vec::with_capacity(segment);
        Ok(())
    }

    fn state_bytes(&self) -> u64 {
        (self.present.points.len() * Stored::<R>::particle_bytes()) as u64
    }

    fn record_bytes(&self) -> u64 {
        // Half as many blocks again as are in use now, since particles will spread; and one for each
        // block's width of particles still to come, which come close together.
        let blocks = sort(&self.present, &self.blocks).blocks;
        let to_come =
            (self.present.points.len() - self.particle_count()).div_ceil(blocks::BLOCK_NODES);
        let node_rows = (blocks.node_keys.len() * 3 / 2 + to_come) * blocks::BLOCK_NODES;
        let order = self.present.points.len() * size_of::<u32>();
        self.state_bytes() + (order + node_rows * size_of::<transfer::Row<R>>()) as u64
    }

    fn change_bytes(&self) -> u64 {
        // A sweep up and one down for each level but one.
        let resizing = 2 * (self.ctx.lattices.len() - 1);
        (resizing + usize::from(self.model.levels.sleep.is_some())) as u64 * self.state_bytes()
    }

    fn save(&mut self, slot: usize) -> Result<(), SimulationError> {
        let slots = self.checkpoints.len();
        *self.checkpoints.get_mut(slot).ok_or_else(|| no_slot(slot, slots))? =
            Some(self.present.clone());
        self.note_memory();
        Ok(())
    }

    fn restore(&mut self, slot: usize) -> Result<(), SimulationError> {
        let slots = self.checkpoints.len();
        let stored = self.checkpoints.get(slot).and_then(Option::as_ref);
        self.present = stored.ok_or_else(|| no_slot(slot, slots))?.clone();
        self.live.clear();
        Ok(())
    }

    fn observe(&mut self, index: usize) -> Result<(), SimulationError> {
        let seen = self.present.seen(&self.model);
        self.observations.insert(index, seen);
        Ok(())
    }

    fn observation(&mut self, index: usize) -> Result<Observation, SimulationError> {
        let missing = || SimulationError::Device(format!("observation {index} was not taken"));
        self.observations.get(&index).cloned().ok_or_else(missing)
    }

    fn forward_recorded(&mut self, substeps: Range<usize>) -> Result<(), SimulationError> {
        for substep in substeps {
            let record = self.substep(substep)?;
            self.live.push(record);
        }
        self.note_memory();
        Ok(())
    }

    fn begin_reverse(&mut self) -> Result<(), SimulationError> {
        let count = self.particle_count();
        let drive = self.drive.as_ref();
        let bodies = self.ctx.rigid.len();
        let mut bar = Cotangent::zeros(count);
        bar.rigid = vec![RigidCotangent::zero(); bodies];
        self.reverse = Reverse {
            walking: Walking { bar, place: (0..count as u32).collect() },
            asleep: Asleep::new(),
            parameters: ParameterBars::zeros(&self.ctx),
            drive: DriveCotangent {
                poses: vec![PoseCotangent::ZERO; drive.map_or(0, |d| d.poses.len())],
                births: vec![BirthCotangent::ZERO; drive.map_or(0, |d| d.births.len())],
                activations: vec![0.0; drive.map_or(0, |d| d.activations.len())],
            },
            masses: vec![RigidBar::zero().mass; bodies],
        };
        self.impulses_bar.clear();
        self.note_memory();
        Ok(())
    }

    fn sense_wrenches(&mut self, on: bool) -> Result<(), SimulationError> {
        self.senses = on;
        Ok(())
    }

    fn wrenches(&mut self) -> Result<Vec<Wrench>, SimulationError> {
        if !self.senses {
            return Err(SimulationError::Device("no wrenches were summed".into()));
        }
        let (per_control, secs) = (self.model.substeps_per_control, self.model.substep_secs);
        let colliders = self.model.colliders.len();
        Ok(means(&self.impulses, colliders, per_control, per_control as f64 * secs))
    }

    fn seed_wrenches(&mut self, bars: &[Wrench]) -> Result<(), SimulationError> {
        let (per_control, secs) = (self.model.substeps_per_control, self.model.substep_secs);
        let colliders = self.model.colliders.len();
        self.impulses_bar = means_adj(bars, colliders, per_control, per_control as f64 * secs);
        Ok(())
    }

    fn seed(&mut self, seed: &ObservationCotangent) -> Result<(), SimulationError> {
        let Walking { bar, place } = &mut self.reverse.walking;
        for (&id, &k) in self.present.id.iter().zip(place.iter()) {
            bar.x[k as usize] += Vec3::from_f64(seed.x[id as usize]);
            bar.v[k as usize] += Vec3::from_f64(seed.v[id as usize]);
        }
        for (bar, seed) in bar.rigid.iter_mut().zip(&seed.rigid) {
            *bar += seed.cast();
        }
        Ok(())
    }

    fn reverse(&mut self, substeps: Range<usize>) -> Result<(), SimulationError> {
        for substep in substeps.rev() {
            let record = self.live.pop().ok_or_else(|| {
                SimulationError::Device(format!("substep {substep} was not recorded"))
            })?;
            self.substep_adj(substep, record)?;
        }
        Ok(())
    }

    fn gradient(&mut self) -> Result<Gradient, SimulationError> {
        let Reverse { walking, parameters, drive, masses, .. } = &self.reverse;
        let Walking { bar, place } = walking;
        // The id of each entry of the cotangent that belongs to a particle.
        let mut id = vec![blocks::NONE; bar.x.len()];
        for (&k, &i) in place.iter().zip(&self.present.id) {
            id[k as usize] = i;
        }
        let initial = cotangent_by_id(self.present.points.len(), &id, bar);
        if let Some(p) = (0..initial.x.len()).find(|&p| {
            let sum = initial.x[p].norm_squared() + initial.v[p].norm_squared();
            !(sum + initial.f[p].double_dot(initial.f[p])).is_finite()
        }) {
            return Err(SimulationError::Diverged {
                particle: p,
                substep: 0,
                cause: "its cotangent is not a number".into(),
            });
        }
        Ok(Gradient {
            initial: initial.cast(),
            constants: parameters.constants.clone(),
            drive: drive.clone(),
            rigid: masses.iter().map(|mass| mass.to_f64()).collect(),
        })
    }

    fn fingerprint(&mut self) -> Result<u64, SimulationError> {
        Ok(self.present.fingerprint())
    }

    fn peak_bytes(&self) -> u64 {
        self.peak_bytes
    }

    fn costs(&mut self) -> Result<Costs, SimulationError> {
        // sort: the cell twice, the id, the order. p2g and g2p: order, constants and the state that
        // each reads (p2g: all but the history; g2p: no v, no C); g2p writes the state.
        let (word, cell, point) = (4, 12, size_of::<context::Point<R>>());
        let scalar = size_of::<R>();
        let sort = 2 * cell + 4 * word;
        let p2g = 2 * word + point + cell + (3 + 3 + 9 + 9) * scalar;
        let g2p = 2 * word + point + cell + (3 + 9 + 1) * scalar + Stored::<R>::particle_bytes();
        Ok(Costs {
            stage_secs: self.stopwatch.take(),
            level_secs: self.ctx.clock.take(self.ctx.lattices.len()),
            dispatches_per_substep: 0,
            bytes_per_particle_substep: (sort + p2g + g2p) as f64,
        })
    }
}

fn no_slot(slot: usize, slots: usize) -> SimulationError {
    SimulationError::Capacity {
        what: "checkpoint slots (or the slot is empty)".into(),
        needed: slot as u64 + 1,
        allowed: slots as u64,
    }
}
