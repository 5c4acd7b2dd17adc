//! Dispatches and copies, collected and submitted together; optional time of each.

use super::{Bound, Buffer, Gpu, GpuError, Kernel};
use bytemuck::Pod;

/// How many workgroups a dispatch starts.
#[derive(Clone, Copy, Debug)]
pub enum Dispatch<'a> {
    /// At least this many threads. Beyond 65 535 workgroups they are folded into rows: the shader
    /// reads its index as `gid.x + gid.y * num_workgroups.x * workgroup_size`, and its guard drops
    /// the surplus.
    Threads(usize),
    /// Three words at a byte offset of an indirect buffer.
    Indirect(&'a wgpu::Buffer, u64),
}

/// Most workgroups that one dimension of a dispatch may have, by WebGPU's default limits.
const MAX_WORKGROUPS: u64 = 65_535;

/// Time that one kernel took, summed over a timed stretch.
#[derive(Clone, Debug, PartialEq)]
pub struct StageTime {
    pub name: String,
    pub dispatches: usize,
    pub secs: f64,
}

/// Timestamps of the dispatches of one submission.
#[derive(Debug)]
pub struct Timer {
    queries: wgpu::QuerySet,
    resolved: Buffer<u64>,
    names: Vec<String>,
}

impl Timer {
    /// Most dispatches that one timer can note (a query set holds 4096 stamps).
    pub const CAPACITY: usize = 2048;

    /// `None` if the device has no timestamps.
    pub fn new(gpu: &Gpu) -> Result<Option<Self>, GpuError> {
        if !gpu.device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            return Ok(None);
        }
        let count = 2 * Self::CAPACITY;
        let queries = gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("stage times"),
            ty: wgpu::QueryType::Timestamp,
            count: count as u32,
        });
        let usage = wgpu::BufferUsages::QUERY_RESOLVE;
        let resolved = Buffer::with_usage(gpu, "stage times", count, usage)?;
        Ok(Some(Self { queries, resolved, names: Vec::new() }))
    }

    /// The sum by kernel, in order of first use; forgets what was noted. Waits for the device.
    pub fn take(&mut self, gpu: &Gpu) -> Result<Vec<StageTime>, GpuError> {
        let stamps = self.resolved.read_range(gpu, 0, 2 * self.names.len())?;
        let tick = f64::from(gpu.queue.get_timestamp_period()) * 1e-9;
        let mut times: Vec<StageTime> = Vec::new();
        for (name, stamp) in self.names.drain(..).zip(stamps.chunks_exact(2)) {
            let secs = stamp[1].saturating_sub(stamp[0]) as f64 * tick;
            match times.iter_mut().find(|t| t.name == name) {
                Some(t) => {
                    t.dispatches += 1;
                    t.secs += secs;
                }
                None => times.push(StageTime { name, dispatches: 1, secs }),
            }
        }
        Ok(times)
    }
}

/// Work being collected for one submission.
pub struct Recording<'a> {
    gpu: &'a Gpu,
    encoder: wgpu::CommandEncoder,
    pass: Option<wgpu::ComputePass<'static>>,
    timer: Option<&'a mut Timer>,
    dispatches: usize,
}

impl<'a> Recording<'a> {
    pub fn new(gpu: &'a Gpu) -> Self {
        let encoder = gpu.device.create_command_encoder(&Default::default());
        Self { gpu, encoder, pass: None, timer: None, dispatches: 0 }
    }

    /// Notes the time of each dispatch, as long as the timer has room.
    pub fn timed(gpu: &'a Gpu, timer: Option<&'a mut Timer>) -> Self {
        Self { timer, ..Self::new(gpu) }
    }

    /// Adds a dispatch; `elements` chooses one element of each dynamic uniform, in the order of
    /// [`Kernel::dynamic`].
    pub fn dispatch(&mut self, kernel: &Kernel, bound: &Bound, elements: &[u32], size: Dispatch) {
        self.dispatches += 1;
        if self.timer.as_ref().is_some_and(|t| t.names.len() < Timer::CAPACITY) {
            self.end_pass();
        }
        let pass = match &mut self.pass {
            Some(pass) => pass,
            none => {
                let stamps = self.timer.as_mut().filter(|t| t.names.len() < Timer::CAPACITY);
                let timestamp_writes = stamps.map(|timer| {
                    let first = 2 * timer.names.len() as u32;
                    timer.names.push(kernel.name.clone());
                    wgpu::ComputePassTimestampWrites {
                        query_set: &timer.queries,
                        beginning_of_pass_write_index: Some(first),
                        end_of_pass_write_index: Some(first + 1),
                    }
                });
                let descriptor = wgpu::ComputePassDescriptor { label: None, timestamp_writes };
                none.insert(self.encoder.begin_compute_pass(&descriptor).forget_lifetime())
            }
        };
        pass.set_pipeline(&kernel.pipeline);
        let offsets: Vec<u32> =
            bound.strides.iter().zip(elements).map(|(stride, index)| stride * index).collect();
        pass.set_bind_group(0, &bound.group, &offsets);
        match size {
            Dispatch::Threads(threads) => {
                let [x, y, z] = kernel.workgroup_size;
                let groups = (threads as u64).div_ceil(u64::from(x * y * z));
                let rows = groups.div_ceil(MAX_WORKGROUPS).max(1);
                pass.dispatch_workgroups(groups.div_ceil(rows) as u32, rows as u32, 1);
            }
            Dispatch::Indirect(buffer, offset) => pass.dispatch_workgroups_indirect(buffer, offset),
        }
    }

    /// Copies `len` elements between buffers of one type.
    pub fn copy<T: Pod>(&mut self, from: (&Buffer<T>, usize), to: (&Buffer<T>, usize), len: usize) {
        self.end_pass();
        let bytes = |count: usize| (count * size_of::<T>()) as u64;
        let (source, target) = (from.0.raw(), to.0.raw());
        self.encoder.copy_buffer_to_buffer(source, bytes(from.1), target, bytes(to.1), bytes(len));
    }

    /// Sets a buffer to zero.
    pub fn clear<T: Pod>(&mut self, buffer: &Buffer<T>) {
        self.end_pass();
        self.encoder.clear_buffer(buffer.raw(), 0, None);
    }

    /// The encoder, for work this type does not know (rendering, mapping).
    pub fn encoder(&mut self) -> &mut wgpu::CommandEncoder {
        self.end_pass();
        &mut self.encoder
    }

    /// Dispatches so far.
    pub fn dispatches(&self) -> usize {
        self.dispatches
    }

    /// Hands the work to the device, which starts at once; does not wait.
    pub fn submit(mut self) -> wgpu::SubmissionIndex {
        self.end_pass();
        if let Some(timer) = self.timer.as_ref().filter(|t| !t.names.is_empty()) {
            let stamps = 2 * timer.names.len() as u32;
            let target = timer.resolved.raw();
            self.encoder.resolve_query_set(&timer.queries, 0..stamps, target, 0);
        }
        self.gpu.queue.submit([self.encoder.finish()])
    }

    fn end_pass(&mut self) {
        self.pass = None;
    }
}
