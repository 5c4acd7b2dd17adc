//! Recording substeps, forward and back, from the table of stages.

use super::layout::{ListArguments, POSE_COMPONENTS};
use super::shaders::KernelId;
use super::stages::{self, Launch, Over};
use super::{GpuSimulator, Io, Motion, Recorded, SimulationError};
use crate::gpu::{Dispatch, GpuError, Recording, Resources};
use crate::mpm::simulator::check_come;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

/// Substeps submitted together: enough to hide the cost of a submission, few enough that a window
/// stays responsive.
const BATCH: usize = 16;

/// Batches that the device may be behind the host: one to work on while the next is recorded.
const BATCHES_AHEAD: usize = 1;

impl GpuSimulator {
    /// The motion that covers substeps up to `end`.
    pub(super) fn motion_until(&self, end: usize) -> Result<&Motion, SimulationError> {
        let covered = self.motion.as_ref().map_or(0, |m| m.drive.substeps());
        self.motion.as_ref().filter(|_| end <= covered).ok_or_else(|| SimulationError::Capacity {
            what: "substeps of the drive".into(),
            needed: end as u64,
            allowed: covered as u64,
        })
    }

    /// Numbers of the dynamic uniforms' elements for a kernel in a substep. The stress that a
    /// substep computes is that of the next one.
    pub(super) fn elements(&self, kernel: KernelId, substep: usize) -> Vec<u32> {
        // With levels the stress belongs to the start of a substep, and its end looks for the next levels.
        let at_start = kernel.shares_levels() && kernel != KernelId::G2pBlended;
        let control = substep + usize::from(!at_start);
        let element = |name: &String| match (&self.motion, name.as_str()) {
            (Some(motion), "step")
                if matches!(kernel, KernelId::ShareAdj | KernelId::ReachTotal) =>
            {
                motion.stress_element(substep)
            }
            (Some(motion), "step") => motion.step_element(substep),
            (Some(motion), _) => motion.control_of(control) as u32,
            (None, _) => 0,
        };
        self.kernels.get(kernel).dynamic().iter().map(element).collect()
    }

    /// Without those that only rigid bodies need, or gradients through agents, if the model has none.
    pub(super) fn needed(&self, launches: impl Iterator<Item = Launch>) -> Vec<Launch> {
        let for_rigid = |launch: &Launch| {
            launch.over == Over::Rigid || launch.kernel == KernelId::GridVelocities
        };
        let for_agents =
            |launch: &Launch| matches!(launch.kernel, KernelId::ReachesAdj | KernelId::ReachTotal);
        launches
            .filter(|launch| self.rigid.count > 0 || !for_rigid(launch))
            .filter(|launch| self.model.levels.moves_in_gradients() || !for_agents(launch))
            .collect()
    }

    pub(super) fn launch(
        &mut self,
        recording: &mut Recording,
        launch: Launch,
        io: Io,
        elements: &[u32],
    ) -> Result<(), GpuError> {
        let bound = self.bound(launch.kernel, io)?;
        let size = match launch.over {
            Over::Slots => Dispatch::Indirect(self.tables.slot_arguments(), 0),
            Over::Expanding => {
                Dispatch::Indirect(self.tables.list_arguments(), ListArguments::EXPANDING)
            }
            Over::Occupied => {
                Dispatch::Indirect(self.tables.list_arguments(), ListArguments::OCCUPIED)
            }
            Over::Nodes => Dispatch::Indirect(self.tables.list_arguments(), ListArguments::NODES),
            Over::Particles => Dispatch::Threads(self.population.count()),
            Over::Entries => Dispatch::Threads(self.population.entry_count()),
            Over::Wanted => Dispatch::Indirect(self.tables.list_arguments(), ListArguments::WANTED),
            Over::Poses => {
                let moving = self.motion.as_ref().map_or(0, |motion| motion.moving.len());
                if moving == 0 {
                    return Ok(());
                }
                Dispatch::Threads(moving * POSE_COMPONENTS)
            }
            Over::Reaches => Dispatch::Threads(self.model.levels.most_reaches() * POSE_COMPONENTS),
            Over::Impulses => Dispatch::Threads(
                self.impulses.as_ref().map_or(0, |impulses| impulses.components()),
            ),
            Over::Rigid => match self.rigid.count {
                0 => return Ok(()),
                count => Dispatch::Threads(count),
            },
            Over::Chunks => match self.reverse.as_ref().map_or(0, |reverse| reverse.chunks()) {
                0 => return Ok(()),
                chunks => Dispatch::Threads(chunks),
            },
        };
        recording.dispatch(self.kernels.get(launch.kernel), &bound, elements, size);
        Ok(())
    }

    /// One dispatch over all particles, outside of a substep.
    pub(super) fn launch_alone(
        &mut self,
        recording: &mut Recording,
        kernel: KernelId,
        io: Io,
        elements: &[u32],
    ) -> Result<(), GpuError> {
        self.launch(recording, Launch { kernel, over: Over::Particles }, io, elements)
    }

    /// One dispatch over so many threads with resources of the caller's, outside of a substep.
    pub(super) fn dispatch_with(
        &self,
        recording: &mut Recording,
        (kernel, threads): (KernelId, usize),
        resources: &Resources,
        elements: &[u32],
    ) -> Result<(), GpuError> {
        let kernel = self.kernels.get(kernel);
        let bound = kernel.bind(&self.gpu, resources)?;
        recording.dispatch(kernel, &bound, elements, Dispatch::Threads(threads));
        Ok(())
    }

    pub(super) fn io(&self) -> Io {
        let bar = self.reverse.as_ref().map_or(0, |reverse| reverse.present);
        Io { input: self.present.state, output: self.present.state, bar, nodes: None }
    }

    /// Makes the present state ready for a substep: its stress, and its counts.
    fn prepare(&mut self, substep: usize) -> Result<(), SimulationError> {
        if !self.tables.is_hashed() {
            self.renumber(self.tables.capacity)?;
        }
        if self.has_levels() {
            return self.prepare_levels(substep);
        }
        let motion = self.motion_until(substep + 1)?;
        let needed = motion.activations_at(substep);
        let control = motion.control_of(substep) as u32;
        let ready = !self.present.raw
            && self.present.counted
            && self.present.activations.rows == needed.rows;
        if ready {
            return Ok(());
        }
        let gpu = self.gpu.clone();
        let mut recording = Recording::new(&gpu);
        if self.present.raw {
            let state = self.pool.acquire(&gpu)?;
            let io = Io { output: state, ..self.io() };
            self.launch_alone(&mut recording, KernelId::ParticleMomentum, io, &[control])?;
            self.pool.copy_rigid(&mut recording, self.present.state, state);
            self.pool.release(self.present.state);
            self.present.state = state;
            self.present.raw = false;
        } else if self.present.activations.rows != needed.rows {
            let mut change = needed;
            for (to, from) in change.rows.iter_mut().zip(self.present.activations.rows) {
                *to -= from;
            }
            self.uniforms.activation_changes.write(&gpu, 0, &[change]);
            self.launch_alone(&mut recording, KernelId::Reactivate, self.io(), &[])?;
        }
        self.present.activations = needed;
        if !self.present.counted {
            self.tables.clear_counts(&mut recording);
            let launch = Launch { kernel: KernelId::Count, over: Over::Entries };
            self.launch(&mut recording, launch, self.io(), &[])?;
            self.present.counted = true;
        }
        recording.submit();
        Ok(())
    }

    /// The same where there are levels of resolution: the cells of all entries, in this substep's field.
    fn prepare_levels(&mut self, substep: usize) -> Result<(), SimulationError> {
        let motion = self.motion_until(substep + 1)?;
        let needed = motion.resolution_at(substep);
        let control = motion.control_of(substep) as u32;
        let is_placed = match (&self.present.placed, &needed) {
            (Some(placed), Some(needed)) => {
                bytemuck::bytes_of(placed) == bytemuck::bytes_of(needed)
            }
            _ => false,
        };
        if is_placed && self.present.counted {
            return Ok(());
        }
        let gpu = self.gpu.clone();
        let mut recording = Recording::new(&gpu);
        self.tables.clear_counts(&mut recording);
        if is_placed {
            let launch = Launch { kernel: KernelId::Count, over: Over::Entries };
            self.launch(&mut recording, launch, self.io(), &[])?;
        } else {
            self.tables.reset_lists(&mut recording);
            self.launch_alone(&mut recording, KernelId::Enter, self.io(), &[control])?;
            for launch in stages::PLACING {
                self.launch(&mut recording, launch, self.io(), &[])?;
            }
        }
        recording.submit();
        self.present.placed = needed;
        self.present.counted = true;
        Ok(())
    }

    /// Runs substeps; `keep` records the state before each.
    pub(super) fn advance(
        &mut self,
        substeps: Range<usize>,
        keep: bool,
    ) -> Result<(), SimulationError> {
        if substeps.is_empty() {
            return Ok(());
        }
        self.motion_until(substeps.end)?;
        check_come(&self.model, substeps.start, self.present.come)?;
        let gpu = self.gpu.clone();
        let mut submitted = VecDeque::new();
        let mut start = substeps.start;
        while start < substeps.end {
            self.chunks_before = Arc::clone(&self.present.chunks);
            self.follow(start, keep)?;
            let end = start + self.usage.batch(BATCH).min(substeps.end - start);
            let end = end.min(self.end_of_population(start));
            self.make_room(start..end)?;
            self.prepare(start)?;
            let mut timer = self.timer.take();
            let mut recording = Recording::timed(&gpu, timer.as_mut());
            let result =
                (start..end).try_for_each(|s| self.record_forward(&mut recording, s, keep));
            recording.submit();
            self.timer = timer;
            result?;
            let motion = self.motion_until(end)?;
            (self.present.activations, self.present.placed) =
                (motion.activations_at(end), motion.resolution_at(end));
            submitted.push_back(self.ask_usage(end - start));
            // The host stays close enough to the device to see its tables fill.
            if submitted.len() > BATCHES_AHEAD
                && let Some(oldest) = submitted.pop_front()
            {
                gpu.wait_for(oldest)?;
            }
            gpu.poll()?;
            start = end;
        }
        self.present.come = self.model.come_before(substeps.end);
        self.note_memory();
        Ok(())
    }

    fn record_forward(
        &mut self,
        recording: &mut Recording,
        substep: usize,
        keep: bool,
    ) -> Result<(), SimulationError> {
        let next = self.pool.acquire(&self.gpu)?;
        let slots = self.tables.capacity.slots;
        let nodes = match keep {
            true => Some(self.pool.acquire_nodes(&self.gpu, slots)?),
            false => None,
        };
        let io = Io { output: next, nodes, ..self.io() };
        self.tables.reset_lists(recording);
        let measured = if self.measures() { stages::MEASURED.forward } else { &[] };
        let forward = stages::forward(self.has_levels());
        let launches = self.needed(forward.chain(measured.iter().copied()));
        for launch in launches {
            let elements = self.elements(launch.kernel, substep);
            self.launch(recording, launch, io, &elements)?;
        }
        self.exchange(recording, substep, io)?;
        match nodes {
            Some(nodes) => self.record.substeps.push(Recorded {
                state: self.present.state,
                numbering: Arc::clone(self.tables.numbering()),
                nodes,
                changes: std::mem::take(&mut self.changed),
                chunks: Arc::clone(&self.chunks_before),
            }),
            None => self.pool.release(self.present.state),
        }
        self.present.state = next;
        self.chunks_before = Arc::clone(&self.present.chunks);
        Ok(())
    }

    /// Walks the last recorded substeps back.
    pub(super) fn walk_back(&mut self, substeps: Range<usize>) -> Result<(), SimulationError> {
        let gpu = self.gpu.clone();
        let mut recording = Recording::new(&gpu);
        self.tables.clear_counts(&mut recording);
        recording.submit();
        let mut end = substeps.end;
        while end > substeps.start {
            let start = end.saturating_sub(BATCH).max(substeps.start);
            let start = start.max(self.start_of_population(end));
            let mut timer = self.timer.take();
            let mut recording = Recording::timed(&gpu, timer.as_mut());
            let mut order = (start..end).rev();
            let result = order.try_for_each(|s| self.record_reverse(&mut recording, s));
            recording.submit();
            self.timer = timer;
            result?;
            gpu.poll()?;
            end = start;
            self.present.placed = self.motion_until(start)?.resolution_at(start);
            let changes = std::mem::take(&mut self.changed);
            if !changes.is_empty() {
                changes.into_iter().rev().try_for_each(|changed| self.change_back(changed))?;
                let mut recording = Recording::new(&gpu);
                self.tables.clear_counts(&mut recording);
                recording.submit();
            }
            self.present.chunks = Arc::clone(&self.chunks_before);
        }
        self.present.counted = false;
        self.present.come = self.model.come_before(substeps.start);
        self.present.activations =
            self.motion_until(substeps.start)?.activations_at(substeps.start);
        Ok(())
    }

    /// The substep, from `start` on, before which particles may be split or merged next.
    fn end_of_population(&self, start: usize) -> usize {
        let per_control = self.model.substeps_per_control;
        if self.has_levels() { start - start % per_control + per_control } else { usize::MAX }
    }

    /// The last substep before `end` before which they may have been.
    fn start_of_population(&self, end: usize) -> usize {
        let last = end - 1;
        if self.has_levels() { last - last % self.model.substeps_per_control } else { 0 }
    }

    fn record_reverse(
        &mut self,
        recording: &mut Recording,
        substep: usize,
    ) -> Result<(), SimulationError> {
        let Some(recorded) = self.record.substeps.pop() else {
            return Err(SimulationError::Device(format!("substep {substep} was not recorded")));
        };
        let Recorded { state, numbering, nodes, changes, chunks } = recorded;
        self.pool.release(self.present.state);
        self.present.state = state;
        (self.changed, self.chunks_before) = (changes, chunks);
        self.use_numbering(&numbering);
        let written = 1 - self.io().bar;
        let io = Io { bar: written, nodes: Some(nodes), ..self.io() };
        self.tables.reset_lists(recording);
        self.exchange_adj(recording, substep, io)?;
        let launches = self.needed(stages::reverse(self.has_levels()));
        for launch in launches {
            let elements = self.elements(launch.kernel, substep);
            self.launch(recording, launch, io, &elements)?;
            if launch.kernel == KernelId::GridUpdateAdj && self.measures() {
                for &launch in stages::MEASURED.adjoint.unwrap_or_default() {
                    let elements = self.elements(launch.kernel, substep);
                    self.launch(recording, launch, io, &elements)?;
                }
            }
        }
        self.pool.release_nodes(nodes);
        if let Some(reverse) = &mut self.reverse {
            reverse.present = written;
        }
        // The first stress of a control step is behind us: its activation cotangents are complete.
        let motion = self.motion_until(substep + 1)?;
        if self.has_levels() {
            let element = motion.stress_element(substep);
            return match substep.is_multiple_of(motion.drive.substeps_per_control) {
                true => Ok(self.total_activations(recording, element, self.io())?),
                false => Ok(()),
            };
        }
        let per_control = motion.drive.substeps_per_control;
        if (substep + 1).is_multiple_of(per_control) && substep + 1 < motion.drive.substeps() {
            let element = motion.step_element(substep);
            self.total_activations(recording, element, io)?;
        }
        Ok(())
    }

    /// Sums the activation cotangents of the control step that a step element names.
    pub(super) fn total_activations(
        &mut self,
        recording: &mut Recording,
        element: u32,
        io: Io,
    ) -> Result<(), GpuError> {
        let launch = Launch { kernel: KernelId::ActivationTotal, over: Over::Chunks };
        self.launch(recording, launch, io, &[element])
    }
}
