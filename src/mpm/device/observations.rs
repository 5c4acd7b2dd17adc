//! Positions and velocities noted during a rollout, copied out while the device goes on.

use super::layout::{ABSENT_CELL, OBSERVED_WORDS, RigidMotionAt};
use super::population::Population;
use super::rigid::motions;
use crate::gpu::{Gpu, GpuError, Recording};
use crate::model::Model;
use crate::mpm::simulator::Observation;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Copies that may be under way at the same time; then the oldest is waited for.
const IN_FLIGHT: usize = 8;

/// What was noted, by index.
#[derive(Default)]
pub struct Observations {
    noted: BTreeMap<usize, (Vec<u32>, Arc<Population>)>,
    in_flight: Vec<Copy>,
    idle: Vec<wgpu::Buffer>,
}

struct Copy {
    index: usize,
    population: Arc<Population>,
    staging: wgpu::Buffer,
    arrived: Arc<AtomicBool>,
}

impl Observations {
    /// Submits `recording`, which ends by filling `observed`, and a copy of that and of the motions of
    /// the rigid bodies.
    pub fn note(
        &mut self,
        gpu: &Gpu,
        mut recording: Recording,
        index: usize,
        (observed, population): (&wgpu::Buffer, Arc<Population>),
        (rigid, bodies): (&wgpu::Buffer, usize),
    ) -> Result<(), GpuError> {
        gpu.poll()?;
        self.harvest()?;
        while self.in_flight.len() >= IN_FLIGHT {
            gpu.wait()?;
            self.harvest()?;
        }
        let rigid_bytes = (bodies * size_of::<RigidMotionAt>()) as u64;
        let bytes = (population.count() * OBSERVED_WORDS * size_of::<u32>()) as u64;
        // Of as many particles; others are dropped.
        self.idle.retain(|staging| staging.size() == bytes + rigid_bytes);
        let staging = self.idle.pop().unwrap_or_else(|| {
            gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("observation"),
                size: bytes + rigid_bytes,
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        });
        recording.encoder().copy_buffer_to_buffer(observed, 0, &staging, 0, bytes);
        if bodies > 0 {
            recording.encoder().copy_buffer_to_buffer(rigid, 0, &staging, bytes, rigid_bytes);
        }
        recording.submit();
        let arrived = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&arrived);
        staging.map_async(wgpu::MapMode::Read, .., move |result| {
            // A failed map means a lost device, which the next wait reports.
            flag.store(result.is_ok(), Ordering::Release);
        });
        self.noted.remove(&index);
        self.in_flight.retain(|copy| copy.index != index);
        self.in_flight.push(Copy { index, population, staging, arrived });
        Ok(())
    }

    /// What was noted under an index, id order. Waits for the device if it is still under way.
    pub fn get(
        &mut self,
        gpu: &Gpu,
        model: &Model,
        index: usize,
    ) -> Result<Option<Observation>, GpuError> {
        if self.in_flight.iter().any(|copy| copy.index == index) {
            gpu.wait()?;
            self.harvest()?;
        }
        Ok(self.noted.get(&index).map(|(words, population)| observation(words, population, model)))
    }

    fn harvest(&mut self) -> Result<(), GpuError> {
        let (arrived, under_way): (Vec<_>, Vec<_>) = std::mem::take(&mut self.in_flight)
            .into_iter()
            .partition(|copy| copy.arrived.load(Ordering::Acquire));
        self.in_flight = under_way;
        for copy in arrived {
            let view = copy.staging.get_mapped_range(..);
            let view = view.map_err(|error| GpuError::Device(error.to_string()))?;
            let mut words = vec![0u32; view.len() / 4];
            bytemuck::cast_slice_mut(&mut words).copy_from_slice(&view);
            drop(view);
            copy.staging.unmap();
            self.noted.insert(copy.index, (words, copy.population));
            self.idle.push(copy.staging);
        }
        Ok(())
    }
}

fn observation(words: &[u32], population: &Population, model: &Model) -> Observation {
    let float = |word: u32| f64::from(f32::from_bits(word));
    let bodies = model.rigid_bodies.len() * size_of::<RigidMotionAt>() / size_of::<u32>();
    let (words, rigid) = words.split_at(words.len() - bodies);
    let particles = words.chunks_exact(OBSERVED_WORDS);
    let x = particles.clone().map(|p| {
        std::array::from_fn(|a| {
            let cells = i64::from(p[a] as i32) - i64::from(model.origin[a]);
            (cells as f64 + float(p[3 + a])) * model.cell_width
        })
    });
    let v = particles.clone().map(|p| std::array::from_fn(|a| float(p[6 + a])));
    let (mut x, mut v): (Vec<[f64; 3]>, Vec<[f64; 3]>) = (x.collect(), v.collect());
    let mut absent = Vec::new();
    if model.exchanges() {
        absent = particles.map(|p| p[0] as i32 == ABSENT_CELL).collect();
        for (p, _) in absent.iter().enumerate().filter(|(_, absent)| **absent) {
            (x[p], v[p]) = ([0.0; 3], [0.0; 3]);
        }
    }
    Observation {
        x,
        v,
        absent,
        rigid: motions(&bytemuck::pod_collect_to_vec::<u32, RigidMotionAt>(rigid)),
        particles: population.changing_particles(model),
    }
}
