//! The buffers in which impulses on colliders are summed, and the derivative by them.

use super::layout::POSE_STRIDE;
use crate::agents::Drive;
use crate::gpu::{Buffer, Gpu, GpuError, Recording, Resources};
use crate::math::Vec3;
use crate::mpm::wrench::Wrench;

/// Components of a wrench.
pub const WRENCH_COMPONENTS: usize = 6;

/// Impulses of every substep of a drive.
pub struct Impulses {
    limbs: Buffer<i32>,
    sums: Buffer<f32>,
    bars: Buffer<[f32; 4]>,
    collider_count: usize,
    substeps: usize,
}

impl Impulses {
    pub fn new(gpu: &Gpu, drive: &Drive) -> Result<Self, GpuError> {
        let (collider_count, substeps) = (drive.collider_count, drive.substeps());
        let rows = collider_count * substeps;
        let limbs = Buffer::new(gpu, "impulse limbs", collider_count * POSE_STRIDE)?;
        limbs.write(gpu, 0, &vec![0; collider_count * POSE_STRIDE]);
        let sums = Buffer::new(gpu, "impulses", rows * WRENCH_COMPONENTS)?;
        sums.write(gpu, 0, &vec![0.0; rows * WRENCH_COMPONENTS]);
        let bars = Buffer::new(gpu, "impulses_bar", 2 * rows)?;
        bars.write(gpu, 0, &vec![[0.0; 4]; 2 * rows]);
        Ok(Self { limbs, sums, bars, collider_count, substeps })
    }

    /// The sums' own limbs in place of the pose cotangents'.
    pub fn for_sums(&self, resources: Resources) -> Resources {
        resources.with("pose_limbs", &self.limbs).with("impulses", &self.sums)
    }

    pub fn for_adjoint(&self, resources: Resources) -> Resources {
        resources.with("impulses_bar", &self.bars)
    }

    /// Threads that round the sums.
    pub fn components(&self) -> usize {
        self.collider_count * WRENCH_COMPONENTS
    }

    /// `[substep * collider_count + collider]`. Waits for the device.
    pub fn read(&self, gpu: &Gpu) -> Result<Vec<Wrench>, GpuError> {
        let rows = self.collider_count * self.substeps;
        let floats = self.sums.read_range(gpu, 0, rows * WRENCH_COMPONENTS)?;
        let wrench = |c: &[f32]| Wrench {
            force: Vec3::from_fn(|a| f64::from(c[a])),
            torque: Vec3::from_fn(|a| f64::from(c[3 + a])),
        };
        Ok(floats.chunks_exact(WRENCH_COMPONENTS).map(wrench).collect())
    }

    pub fn clear_bars(&self, recording: &mut Recording) {
        recording.clear(&self.bars);
    }

    pub fn write_bars(&self, gpu: &Gpu, bars: &[Wrench]) {
        let row = |v: Vec3<f64>| [v[0] as f32, v[1] as f32, v[2] as f32, 0.0];
        let rows: Vec<[f32; 4]> =
            bars.iter().flat_map(|bar| [row(bar.force), row(bar.torque)]).collect();
        self.bars.write(gpu, 0, &rows);
    }

    pub fn bytes(&self) -> u64 {
        self.limbs.bytes() + self.sums.bytes() + self.bars.bytes()
    }
}
