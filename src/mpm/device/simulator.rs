//! The [`Simulator`] interface of the GPU solver.

use super::ground::chunk_words;
use super::layout::{ABSENT_CELL, NONE, RigidMotionAt, UNLOADED_WORDS};
use super::rigid::motions;
use super::shaders::KernelId;
use super::stages::{Launch, Over};
use super::{
    Checkpoint, GpuSimulator, Impulses, Io, Motion, Placement, Present, Reverse, SimulationError,
};
use crate::agents::Drive;
use crate::gpu::{GpuError, Recording};
use crate::math::{Mat3, Vec3};
use crate::mpm::simulator::{Costs, Gradient, Observation, ObservationCotangent, Simulator};
use crate::mpm::state::{Life, State};
use crate::mpm::wrench::{self, Wrench};
use std::ops::Range;
use std::sync::Arc;

impl Simulator for GpuSimulator {
    fn describe(&self) -> String {
        format!("{}, f32", self.gpu.summary())
    }

    fn particle_count(&self) -> usize {
        self.population.count()
    }

    fn load(&mut self, state: &State<f64>) -> Result<(), SimulationError> {
        self.place(state, &Placement::of(state, &self.model))
    }

    fn read(&mut self) -> Result<State<f64>, SimulationError> {
        let kernel = match (self.has_levels(), self.present.raw) {
            (true, _) => KernelId::UnloadLevels,
            (false, true) => KernelId::UnloadRaw,
            (false, false) => KernelId::Unload,
        };
        let words = self.unload(kernel)?;
        let inverse_width = 1.0 / self.model.cell_width;
        let mut state = State::default();
        for p in words.chunks_exact(UNLOADED_WORDS) {
            if p[0] as i32 == ABSENT_CELL {
                state.push_absent();
                state.life.push(if p[1] == NONE {
                    Life::Unborn
                } else {
                    Life::Gone { sink: p[1] }
                });
                continue;
            }
            state.life.push(Life::Present);
            push_particle(&mut state, p, inverse_width);
        }
        if !self.model.exchanges() {
            state.life.clear();
        }
        state.rigid = motions(&self.read_rigid()?);
        state.particles = self.population.changing_particles(&self.model);
        state.chunks = Arc::clone(&self.present.chunks);
        Ok(state)
    }

    fn drive(&mut self, drive: &Drive) -> Result<(), SimulationError> {
        self.motion = Some(Motion::new(&self.gpu, &self.model, drive, &self.population.places)?);
        // Cotangents and impulses of the old drive have no place in the new one.
        self.reverse = None;
        self.impulses = None;
        self.make_impulses()?;
        self.bounds.clear();
        self.note_memory();
        Ok(())
    }

    fn forward(&mut self, substeps: Range<usize>) -> Result<(), SimulationError> {
        self.forget_record();
        self.advance(substeps, false)
    }

    fn reserve(&mut self, checkpoints: usize, segment: usize) -> Result<(), SimulationError> {
        // The present state and the one being written come on top.
        self.pool.reserve(&self.gpu, checkpoints + segment + 2)?;
        if self.checkpoints.len() < checkpoints {
            self.checkpoints.resize(checkpoints, None);
        }
        self.note_memory();
        Ok(())
    }

    fn state_bytes(&self) -> u64 {
        self.pool.state_bytes()
    }

    fn record_bytes(&self) -> u64 {
        self.pool.state_bytes() + self.tables.nodes_bytes()
    }

    fn change_bytes(&self) -> u64 {
        let changes =
            u64::from(self.following.is_some()) + u64::from(self.model.levels.sleep.is_some());
        changes * self.state_bytes()
    }

    fn save(&mut self, slot: usize) -> Result<(), SimulationError> {
        if self.checkpoints.len() <= slot {
            self.checkpoints.resize(slot + 1, None);
        }
        if let Some(old) = self.checkpoints[slot].take() {
            self.pool.release(old.present.state);
        }
        let state = self.pool.acquire(&self.gpu)?;
        let gpu = self.gpu.clone();
        let mut recording = Recording::new(&gpu);
        self.pool.copy(&mut recording, self.present.state, state);
        recording.submit();
        self.checkpoints[slot] = Some(Checkpoint {
            present: Present { state, ..self.present.clone() },
            numbering: Arc::clone(self.tables.numbering()),
            population: Arc::clone(&self.population),
        });
        self.note_memory();
        Ok(())
    }

    fn restore(&mut self, slot: usize) -> Result<(), SimulationError> {
        let Some(checkpoint) = self.checkpoints.get(slot).cloned().flatten() else {
            return Err(SimulationError::Capacity {
                what: "checkpoint slots that were saved".into(),
                needed: slot as u64 + 1,
                allowed: self.checkpoints.iter().flatten().count() as u64,
            });
        };
        self.forget_record();
        let gpu = self.gpu.clone();
        let mut recording = Recording::new(&gpu);
        self.pool.release(self.present.state);
        self.use_population(&checkpoint.population)?;
        let saved = checkpoint.present.state;
        self.present =
            Present { state: self.pool.acquire(&gpu)?, counted: false, ..checkpoint.present };
        self.pool.copy(&mut recording, saved, self.present.state);
        recording.submit();
        self.use_numbering(&checkpoint.numbering);
        self.tables.clear_status(&gpu);
        self.clear_impulses();
        Ok(())
    }

    fn observe(&mut self, index: usize) -> Result<(), SimulationError> {
        let gpu = self.gpu.clone();
        let mut recording = Recording::new(&gpu);
        let kernel = match self.has_levels() {
            true => KernelId::ObserveLevels,
            false => KernelId::Observe,
        };
        self.launch_alone(&mut recording, kernel, self.io(), &[])?;
        let rigid = self.pool.get(self.present.state).rigid.raw();
        let (particles, bodies) = (self.observed.raw(), self.rigid.count);
        let population = Arc::clone(&self.population);
        let (rigid, particles) = ((rigid, bodies), (particles, population));
        Ok(self.observations.note(&gpu, recording, index, particles, rigid)?)
    }

    fn observation(&mut self, index: usize) -> Result<Observation, SimulationError> {
        self.check()?;
        let found = self.observations.get(&self.gpu, &self.model, index)?;
        found.ok_or_else(|| SimulationError::Device(format!("nothing was noted under {index}")))
    }

    fn forward_recorded(&mut self, substeps: Range<usize>) -> Result<(), SimulationError> {
        if self.record.end() != substeps.start || self.record.substeps.is_empty() {
            self.forget_record();
            self.record.first = substeps.start;
        }
        self.advance(substeps, true)
    }

    fn begin_reverse(&mut self) -> Result<(), SimulationError> {
        let Some(motion) = &self.motion else {
            return Err(SimulationError::Device("a reverse pass needs a drive first".into()));
        };
        let gpu = self.gpu.clone();
        let population = &self.population;
        if !self.reverse.as_ref().is_some_and(|reverse| reverse.is_of(population)) {
            let reverse = Reverse::new(&gpu, &self.model, &self.tables, motion, population)?;
            self.reverse = Some(reverse);
            if let Some(entries) = &mut self.entries {
                entries.reserve_bars(&gpu, &self.model.levels)?;
            }
            self.bounds.clear();
            self.note_memory();
        }
        let mut recording = Recording::new(&gpu);
        if let Some(reverse) = &mut self.reverse {
            reverse.present = 0;
            reverse.clear(&mut recording);
        }
        if let Some(impulses) = &self.impulses {
            impulses.clear_bars(&mut recording);
        }
        recording.submit();
        Ok(())
    }

    fn seed(&mut self, seed: &ObservationCotangent) -> Result<(), SimulationError> {
        let gpu = self.gpu.clone();
        let particles = self.population.count();
        let Some(reverse) = &self.reverse else {
            return Err(SimulationError::Device("a seed needs begin_reverse first".into()));
        };
        let component = |values: &[[f64; 3]], p: usize, a: usize| match values.get(p) {
            Some(value) => value[a] as f32,
            None => 0.0,
        };
        let seeds: Vec<f32> = (0..6 * particles)
            .map(|i| match i % 6 {
                a @ 0..3 => component(&seed.x, i / 6, a),
                a => component(&seed.v, i / 6, a - 3),
            })
            .collect();
        let has_rigid = !seed.rigid.is_empty();
        reverse.write_seeds(&gpu, &seeds, &seed.rigid);
        let mut recording = Recording::new(&gpu);
        self.launch_alone(&mut recording, KernelId::Seed, self.io(), &[])?;
        if has_rigid {
            let launch = Launch { kernel: KernelId::RigidSeed, over: Over::Rigid };
            self.launch(&mut recording, launch, self.io(), &[])?;
        }
        recording.submit();
        Ok(())
    }

    fn reverse(&mut self, substeps: Range<usize>) -> Result<(), SimulationError> {
        let Some(reverse) = &self.reverse else {
            return Err(SimulationError::Device("reverse needs begin_reverse first".into()));
        };
        if !reverse.fits(&self.population) {
            let problem = "the cotangent is of other particles than the recorded states";
            return Err(SimulationError::Device(problem.into()));
        }
        if substeps.is_empty() {
            return Ok(());
        }
        if substeps.start < self.record.first || substeps.end != self.record.end() {
            return Err(SimulationError::Device(format!(
                "substeps {}..{} cannot be walked back: recorded are {}..{}",
                substeps.start,
                substeps.end,
                self.record.first,
                self.record.end()
            )));
        }
        self.walk_back(substeps)
    }

    fn sense_wrenches(&mut self, on: bool) -> Result<(), SimulationError> {
        self.senses = on;
        Ok(self.make_impulses()?)
    }

    fn wrenches(&mut self) -> Result<Vec<Wrench>, SimulationError> {
        self.check()?;
        let (Some(impulses), Some(motion)) = (&self.impulses, &self.motion) else {
            return Err(SimulationError::Device("no wrenches were summed".into()));
        };
        let impulses = impulses.read(&self.gpu)?;
        let per_control = motion.drive.substeps_per_control;
        let control_secs = per_control as f64 * self.model.substep_secs;
        Ok(wrench::means(&impulses, motion.drive.collider_count, per_control, control_secs))
    }

    fn seed_wrenches(&mut self, bars: &[Wrench]) -> Result<(), SimulationError> {
        let (Some(impulses), Some(motion)) = (&self.impulses, &self.motion) else {
            return Err(SimulationError::Device("no wrenches were summed".into()));
        };
        let per_control = motion.drive.substeps_per_control;
        let control_secs = per_control as f64 * self.model.substep_secs;
        let colliders = motion.drive.collider_count;
        let bars = wrench::means_adj(bars, colliders, per_control, control_secs);
        impulses.write_bars(&self.gpu, &bars);
        Ok(())
    }

    fn gradient(&mut self) -> Result<Gradient, SimulationError> {
        let gpu = self.gpu.clone();
        let (Some(reverse), Some(motion)) = (&self.reverse, &self.motion) else {
            return Err(SimulationError::Device("a gradient needs begin_reverse first".into()));
        };
        // The stress of the first state is the only one that no walked substep computed.
        let first = self.record.end();
        let elements = [motion.stress_element(first), motion.control_of(first) as u32];
        if self.has_levels() {
            // The walk through the first substep of a control step has summed them, and changes before that
            // substep start them anew.
            if !first.is_multiple_of(self.model.substeps_per_control) {
                let mut recording = Recording::new(&gpu);
                self.total_activations(&mut recording, elements[0], self.io())?;
                recording.submit();
            }
            self.check()?;
            let gradient = self.read_gradient()?;
            self.check_gradient(&gradient)?;
            return Ok(gradient);
        }
        let written = 1 - reverse.present;
        let io = Io { bar: written, ..self.io() };
        let mut recording = Recording::new(&gpu);
        let total = |simulator: &Self, recording: &mut Recording, kernel| {
            let resources = simulator.resources(kernel, io);
            match &simulator.reverse {
                Some(reverse) => reverse.total_resources(recording, resources),
                None => resources,
            }
        };
        let kernel = KernelId::ParticleMomentumAdj;
        let resources = total(self, &mut recording, kernel);
        let particles = self.population.count();
        self.dispatch_with(&mut recording, (kernel, particles), &resources, &elements)?;
        self.dispatch_with(&mut recording, (KernelId::UnloadBar, particles), &resources, &[])?;
        self.total_activations(&mut recording, elements[0], io)?;
        recording.submit();

        self.check()?;
        let (Some(reverse), Some(motion)) = (&self.reverse, &self.motion) else {
            return Err(SimulationError::Device("a gradient needs begin_reverse first".into()));
        };
        let gradient = reverse.read(&gpu, &self.model, motion)?;
        self.check_gradient(&gradient)?;
        Ok(gradient)
    }

    fn fingerprint(&mut self) -> Result<u64, SimulationError> {
        let kernel = match self.has_levels() {
            true => KernelId::UnloadLevels,
            false => KernelId::UnloadRows,
        };
        let words = self.unload(kernel)?;
        // FNV-1a over words.
        let rigid = self.read_rigid()?;
        let words = words.iter().chain(bytemuck::cast_slice::<_, u32>(&rigid));
        let chunks = chunk_words(&self.present.chunks);
        let words = words.chain(&chunks);
        let hash = words.fold(0xcbf2_9ce4_8422_2325u64, |hash, &word| {
            (hash ^ u64::from(word)).wrapping_mul(0x0100_0000_01b3)
        });
        Ok(hash)
    }

    fn peak_bytes(&self) -> u64 {
        self.peak_bytes
    }

    fn costs(&mut self) -> Result<Costs, SimulationError> {
        let times = self.take_times()?;
        if self.timer.is_none() {
            self.start_timing()?;
        }
        Ok(Costs {
            stage_secs: times.into_iter().map(|time| (time.name, time.secs)).collect(),
            // A dispatch is of all levels.
            level_secs: Vec::new(),
            dispatches_per_substep: self.dispatches_per_substep(),
            bytes_per_particle_substep: self.traffic()?.bytes_per_particle,
        })
    }
}

/// Appends a particle, from the words that `unload` packs.
pub fn push_particle(state: &mut State<f64>, words: &[u32], inverse_width: f64) {
    let at = |i: usize| f64::from(f32::from_bits(words[i]));
    let vector = |first: usize| Vec3::from_fn(|a| at(first + a));
    let matrix = |first: usize| Mat3::from_fn(|a, b| at(first + 3 * a + b));
    state.cell.push([words[0] as i32, words[1] as i32, words[2] as i32]);
    state.offset.push(vector(3));
    state.v.push(vector(6));
    state.c.push(matrix(9) * inverse_width);
    state.f.push(matrix(18));
    state.history.push(at(27));
}

impl GpuSimulator {
    /// What the cotangent of the present state and all sums hold, where there are levels of resolution: then
    /// no stress is left to be walked back. Waits for the device.
    pub(super) fn read_gradient(&mut self) -> Result<Gradient, SimulationError> {
        let gpu = self.gpu.clone();
        let mut recording = Recording::new(&gpu);
        self.launch_alone(&mut recording, KernelId::UnloadBar, self.io(), &[])?;
        recording.submit();
        let (Some(reverse), Some(motion)) = (&self.reverse, &self.motion) else {
            return Err(SimulationError::Device("a gradient needs begin_reverse first".into()));
        };
        Ok(reverse.read(&gpu, &self.model, motion)?)
    }

    /// Room for the impulses of the drive, if they are measured and there is none yet.
    fn make_impulses(&mut self) -> Result<(), GpuError> {
        if let (true, None, Some(motion)) = (self.measures(), &self.impulses, &self.motion) {
            self.impulses = Some(Impulses::new(&self.gpu, &motion.drive)?);
            self.bounds.clear();
        }
        Ok(())
    }

    /// The motions of the present state. Waits for the device.
    pub(super) fn read_rigid(&self) -> Result<Vec<RigidMotionAt>, SimulationError> {
        let present = &self.pool.get(self.present.state).rigid;
        Ok(present.read_range(&self.gpu, 0, self.rigid.count)?)
    }

    /// The present state packed in id order. Waits for the device.
    fn unload(&mut self, kernel: KernelId) -> Result<Vec<u32>, SimulationError> {
        let gpu = self.gpu.clone();
        self.uniforms.present_activations.write(&gpu, 0, &[self.present.activations]);
        let mut recording = Recording::new(&gpu);
        self.launch_alone(&mut recording, kernel, self.io(), &[0])?;
        recording.submit();
        self.check()?;
        Ok(self.unloaded.read_range(&gpu, 0, UNLOADED_WORDS * self.population.count())?)
    }

    fn check_gradient(&self, gradient: &Gradient) -> Result<(), SimulationError> {
        let bar = &gradient.initial;
        let finite = |v: &Vec3<f64>| v.0.iter().all(|c| c.is_finite());
        let spoilt = (0..bar.x.len()).find(|&p| !finite(&bar.x[p]) || !finite(&bar.v[p]));
        if let Some(particle) = spoilt {
            let cause = "its cotangent is not finite".into();
            return Err(SimulationError::Diverged { particle, substep: self.record.first, cause });
        }
        let poses = &gradient.drive.poses;
        if let Some(index) = poses.iter().position(|p| !finite(&p.position) || !finite(&p.rotation))
        {
            let colliders = self.model.colliders.len();
            return Err(SimulationError::Device(format!(
                "the cotangent of collider `{}` is not finite at substep {}",
                self.model.colliders[index % colliders].name,
                index / colliders
            )));
        }
        Ok(())
    }
}
