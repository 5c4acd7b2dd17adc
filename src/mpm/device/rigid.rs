//! Free rigid bodies on the device: their constants, what a substep computes of them, their
//! cotangents.

use super::fields::field_number;
use super::layout::{
    ColliderAt, POSE_STRIDE, PoseBarAt, RIGID_BODIES, ROUNDS, RigidBarAt, RigidBodyAt,
    RigidMotionAt, RigidPartialAt, RigidPointAt, TwistAt,
};
use super::within;
use crate::gpu::{Buffer, Gpu, GpuError, Recording, Resources};
use crate::math::{Mat3, Vec3};
use crate::model::Model;
use crate::mpm::simulator::{RigidGradient, SimulationError};
use crate::mpm::state::{RigidCotangent, RigidMotion};

/// The bodies of a model.
pub struct RigidBodies {
    pub count: usize,
    bodies: Buffer<RigidBodyAt>,
    points: Buffer<RigidPointAt>,
    /// Before each round of contact, and after the last.
    twists: Buffer<TwistAt>,
    /// The bodies as nodes meet them.
    solids: Buffer<ColliderAt>,
    /// Exact sums of what nodes give them.
    limbs: Buffer<i32>,
}

/// Their cotangents.
pub struct RigidBars {
    partials: Buffer<RigidPartialAt>,
    bars: Buffer<RigidBarAt>,
    seeds: Buffer<PoseBarAt>,
}

impl RigidBodies {
    pub fn new(gpu: &Gpu, model: &Model) -> Result<Self, SimulationError> {
        let count = model.rigid_bodies.len();
        within("rigid bodies", count, RIGID_BODIES)?;
        let mut points: Vec<RigidPointAt> = Vec::new();
        let mut bodies = Vec::new();
        for body in &model.rigid_bodies {
            let own = body.contact_points();
            let field = field_number(model, &body.shape);
            bodies.push(RigidBodyAt::new(body, field, points.len(), &own));
            points.extend(own.iter().map(RigidPointAt::new));
        }
        // A binding is never empty.
        let room = count.max(1);
        bodies.resize(room, bytemuck::Zeroable::zeroed());
        if points.is_empty() {
            points.push(bytemuck::Zeroable::zeroed());
        }
        Ok(Self {
            count,
            bodies: Buffer::from_slice(gpu, "rigid bodies", &bodies)?,
            points: Buffer::from_slice(gpu, "rigid points", &points)?,
            twists: Buffer::new(gpu, "rigid twists", room * (ROUNDS + 1))?,
            solids: Buffer::new(gpu, "rigid solids", room)?,
            limbs: Buffer::new(gpu, "rigid limbs", room * POSE_STRIDE)?,
        })
    }

    pub fn resources(&self, resources: Resources) -> Resources {
        resources
            .with("rigid_bodies", &self.bodies)
            .with("rigid_points", &self.points)
            .with("rigid_twists", &self.twists)
            .with("rigid_solids", &self.solids)
    }

    /// The sums that nodes add to, for the kernels of impulses.
    pub fn impulses(&self, resources: Resources) -> Resources {
        resources.with("pose_limbs", &self.limbs)
    }

    /// Forgets what a run that was broken off has left.
    pub fn clear(&self, recording: &mut Recording) {
        recording.clear(&self.limbs);
    }

    pub fn bytes(&self) -> u64 {
        self.bodies.bytes()
            + self.points.bytes()
            + self.twists.bytes()
            + self.solids.bytes()
            + self.limbs.bytes()
    }
}

impl RigidBars {
    pub fn new(gpu: &Gpu, model: &Model) -> Result<Self, GpuError> {
        let room = model.rigid_bodies.len().max(1);
        Ok(Self {
            partials: Buffer::new(gpu, "rigid partials", room)?,
            bars: Buffer::new(gpu, "rigid bars", room)?,
            seeds: Buffer::new(gpu, "rigid seeds", room)?,
        })
    }

    pub fn resources(&self, resources: Resources) -> Resources {
        resources
            .with("rigid_partials", &self.partials)
            .with("rigid_bars", &self.bars)
            .with("rigid_seeds", &self.seeds)
    }

    pub fn clear(&self, recording: &mut Recording) {
        recording.clear(&self.bars);
    }

    pub fn write_seeds(&self, gpu: &Gpu, seeds: &[RigidCotangent<f64>]) {
        let seeds: Vec<_> = seeds.iter().map(PoseBarAt::new).collect();
        self.seeds.write(gpu, 0, &seeds);
    }

    /// By the motions at the start and by the masses. Waits for the device.
    pub fn read(
        &self,
        gpu: &Gpu,
        count: usize,
    ) -> Result<(Vec<RigidCotangent<f64>>, Vec<RigidGradient>), GpuError> {
        let vector = |v: [f32; 4]| Vec3([v[0], v[1], v[2]].map(f64::from));
        let bars = self.bars.read_range(gpu, 0, count)?;
        let motion = |bar: &RigidBarAt| RigidCotangent {
            position: vector(bar.motion.position),
            rotation: vector(bar.motion.rotation),
            velocity: vector(bar.motion.velocity),
            angular_velocity: vector(bar.motion.angular_velocity),
        };
        let mass = |bar: &RigidBarAt| RigidGradient {
            mass: f64::from(bar.mass),
            inertia: Mat3::from_columns(bar.inertia.map(vector)).symmetric_part(),
        };
        Ok((bars.iter().map(motion).collect(), bars.iter().map(mass).collect()))
    }

    pub fn bytes(&self) -> u64 {
        self.partials.bytes() + self.bars.bytes() + self.seeds.bytes()
    }
}

/// The motions as the host knows them.
pub fn motions(words: &[RigidMotionAt]) -> Vec<RigidMotion<f64>> {
    words.iter().copied().map(RigidMotionAt::to_motion).collect()
}
