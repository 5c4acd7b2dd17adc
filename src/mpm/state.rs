//! What is kept between substeps, and its cotangent.

use crate::math::{Mat3, Scalar, Vec3, quaternion_turned};
use std::sync::Arc;

mod archive;
mod chunks;

pub use archive::{Archive, Archived};
pub use chunks::{Chunk, ChunkCount, ChunkKey, Chunks, count_chunks};

/// The dynamic state of all particles; index = particle id. Grids are rebuilt every substep and are
/// not part of it.
///
/// A position is an integer cell and an offset, because f32 world coordinates freeze far from the
/// origin (numerics.md 1): particle p sits at `(cell[p] + offset[p]) * cell_width` [m], where
/// `cell` is the *nearest grid node* and `offset` in [-1/2, 1/2) is in cell widths. World
/// coordinates exist only at the API ([`State::world_position`]).
#[derive(Clone, Debug, PartialEq)]
pub struct State<R> {
    /// Nearest grid node of each particle [cell index of the finest lattice].
    pub cell: Vec<[i32; 3]>,
    /// Offset from that node [cell widths], each component in [-1/2, 1/2).
    pub offset: Vec<Vec3<R>>,
    /// Velocity [m/s], world frame.
    pub v: Vec<Vec3<R>>,
    /// Affine velocity [1/s]: `C[(a, b)] = dv_a/dx_b`.
    pub c: Vec<Mat3<R>>,
    /// Elastic deformation gradient [-].
    pub f: Vec<Mat3<R>>,
    /// Plastic history, one scalar whose meaning is the law's (docs/materials.md).
    pub history: Vec<R>,
    /// Free rigid bodies, by index into [`crate::model::Model::rigid_bodies`].
    pub rigid: Vec<RigidMotion<R>>,
    /// What the particles are, where a run splits and merges them; otherwise as the model says.
    pub particles: Option<Arc<Particles>>,
    /// Which particles are there; empty where all always are. What stands for an absent one above
    /// is [`State::push_absent`]'s, and means nothing.
    pub life: Vec<Life>,
    /// The chunks of the ground that are known; those that sleep hold their particles themselves, which
    /// are not among those above. Empty where nothing sleeps.
    pub chunks: Arc<Chunks>,
}

// Of any scalar, whether it has a default or not.
impl<R> Default for State<R> {
    fn default() -> Self {
        Self {
            cell: Vec::new(),
            offset: Vec::new(),
            v: Vec::new(),
            c: Vec::new(),
            f: Vec::new(),
            history: Vec::new(),
            rigid: Vec::new(),
            particles: None,
            life: Vec::new(),
            chunks: Arc::default(),
        }
    }
}

/// Whether a particle takes part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Life {
    /// It has not left its nozzle yet.
    Unborn,
    #[default]
    Present,
    /// A sink took it.
    Gone {
        /// Index into [`crate::model::Model::sinks`].
        sink: u32,
    },
}

/// Pose and twist of a free rigid body, of its centre of mass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RigidMotion<R> {
    /// Nearest grid node, absolute.
    pub cell: [i32; 3],
    /// Offset from that node [cell widths], each component in [-1/2, 1/2).
    pub offset: Vec3<R>,
    /// `world_from_body`: a unit quaternion (x, y, z, w).
    pub rotation: [R; 4],
    /// [m/s], world frame.
    pub velocity: Vec3<R>,
    /// [rad/s], world frame.
    pub angular_velocity: Vec3<R>,
}

impl<R: Scalar> RigidMotion<R> {
    /// World position [m] of the centre of mass; `origin` is the cell at world (0, 0, 0).
    pub fn world_position(&self, cell_width: f64, origin: [i32; 3]) -> [f64; 3] {
        world_position(self.cell, self.offset, cell_width, origin)
    }

    /// The motion a step away: position [m], a small rotation [rad], velocities.
    pub fn moved(&self, by: &RigidCotangent<R>, cell_width: f64) -> Self {
        let (half, inverse) = (R::from_f64(0.5), R::from_f64(1.0 / cell_width));
        let mut moved = *self;
        for a in 0..3 {
            let cells = (self.offset[a] + by.position[a] * inverse).to_f64();
            let (carry, _) = split_position(cells);
            moved.cell[a] += carry;
            moved.offset[a] =
                self.offset[a] + by.position[a] * inverse - R::from_f64(f64::from(carry));
        }
        moved.rotation = quaternion_turned(by.rotation * half, self.rotation);
        moved.velocity += by.velocity;
        moved.angular_velocity += by.angular_velocity;
        moved
    }

    /// The same motion in another scalar.
    pub fn cast<S: Scalar>(&self) -> RigidMotion<S> {
        let number = |r: R| S::from_f64(r.to_f64());
        RigidMotion {
            cell: self.cell,
            offset: Vec3(self.offset.0.map(number)),
            rotation: self.rotation.map(number),
            velocity: Vec3(self.velocity.0.map(number)),
            angular_velocity: Vec3(self.angular_velocity.0.map(number)),
        }
    }
}

fn world_position<R: Scalar>(
    cell: [i32; 3],
    offset: Vec3<R>,
    cell_width: f64,
    origin: [i32; 3],
) -> [f64; 3] {
    std::array::from_fn(|a| {
        let cells = i64::from(cell[a]) - i64::from(origin[a]);
        (cells as f64 + offset[a].to_f64()) * cell_width
    })
}

impl<R: Scalar> State<R> {
    /// Absent particles included.
    pub fn particle_count(&self) -> usize {
        self.cell.len()
    }

    /// What the particles are, given what they are in the model.
    pub fn particles_or<'a>(&'a self, of_model: &'a Particles) -> &'a Particles {
        self.particles.as_deref().unwrap_or(of_model)
    }

    /// Whether a particle is there.
    pub fn is_present(&self, p: usize) -> bool {
        self.life.get(p).is_none_or(|life| *life == Life::Present)
    }

    /// The particles that are there, by id.
    pub fn present(&self) -> impl Iterator<Item = usize> {
        (0..self.particle_count()).filter(|&p| self.is_present(p))
    }

    /// Which particles are not there; empty where all always are.
    pub fn absent(&self) -> Vec<bool> {
        self.life.iter().map(|life| *life != Life::Present).collect()
    }

    /// Appends what stands for a particle that is not there.
    pub fn push_absent(&mut self) {
        self.cell.push([0; 3]);
        self.offset.push(Vec3::zero());
        self.v.push(Vec3::zero());
        self.c.push(Mat3::zero());
        self.f.push(Mat3::identity());
        self.history.push(R::zero());
    }

    /// World position [m] of particle `p`; `origin` is the cell at world (0, 0, 0).
    pub fn world_position(&self, p: usize, cell_width: f64, origin: [i32; 3]) -> [f64; 3] {
        world_position(self.cell[p], self.offset[p], cell_width, origin)
    }

    /// The same state in another scalar.
    pub fn cast<S: Scalar>(&self) -> State<S> {
        let vec = |v: &Vec3<R>| Vec3::from_fn(|i| S::from_f64(v[i].to_f64()));
        let mat = |m: &Mat3<R>| Mat3::from_fn(|i, j| S::from_f64(m[(i, j)].to_f64()));
        State {
            cell: self.cell.clone(),
            offset: self.offset.iter().map(vec).collect(),
            v: self.v.iter().map(vec).collect(),
            c: self.c.iter().map(mat).collect(),
            f: self.f.iter().map(mat).collect(),
            history: self.history.iter().map(|h| S::from_f64(h.to_f64())).collect(),
            rigid: self.rigid.iter().map(RigidMotion::cast).collect(),
            particles: self.particles.clone(),
            life: self.life.clone(),
            chunks: self.chunks.clone(),
        }
    }
}

/// Splits a position [cell widths] into the nearest node and the offset from it, in [-1/2, 1/2).
pub fn split_position(cells: f64) -> (i32, f64) {
    let node = (cells + 0.5).floor();
    (node as i32, cells - node)
}

/// What does not change during a rollout; index = particle id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Particles {
    /// [kg]
    pub mass: Vec<f64>,
    /// Rest volume [m³].
    pub volume: Vec<f64>,
    /// Index into [`crate::model::Model::materials`].
    pub material: Vec<u32>,
    /// Index into [`crate::model::Model::bodies`].
    pub body: Vec<u32>,
    /// Index into [`crate::model::Model::muscles`], or [`NO_MUSCLE`].
    pub muscle: Vec<u32>,
    /// Level that its size belongs to: a full cell of level l holds a body's usual number of particles
    /// of level l.
    pub level: Vec<u8>,
    /// Which are held still, at the rim of what sleeps; empty where none ever is.
    pub held: Vec<bool>,
}

impl Particles {
    /// Whether a particle is held still.
    pub fn is_held(&self, p: usize) -> bool {
        self.held.get(p).copied().unwrap_or(false)
    }
}

/// A particle that no muscle pulls.
pub const NO_MUSCLE: u32 = u32::MAX;

/// Derivative of a scalar objective by a [`State`]: the same shape, positions by metre.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cotangent<R> {
    /// By position [1/m].
    pub x: Vec<Vec3<R>>,
    /// By velocity [s/m].
    pub v: Vec<Vec3<R>>,
    /// By affine velocity [s].
    pub c: Vec<Mat3<R>>,
    /// By deformation gradient [-].
    pub f: Vec<Mat3<R>>,
    /// By plastic history.
    pub history: Vec<R>,
    /// By the motions of the free rigid bodies.
    pub rigid: Vec<RigidCotangent<R>>,
}

/// Derivative by a [`RigidMotion`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RigidCotangent<R> {
    /// By the position of the centre of mass [1/m].
    pub position: Vec3<R>,
    /// By a small rotation about the world axes through the centre of mass [1/rad].
    pub rotation: Vec3<R>,
    pub velocity: Vec3<R>,
    pub angular_velocity: Vec3<R>,
}

impl<R: Scalar> RigidCotangent<R> {
    pub fn zero() -> Self {
        let o = Vec3::zero();
        Self { position: o, rotation: o, velocity: o, angular_velocity: o }
    }

    pub fn scaled(&self, factor: R) -> Self {
        Self {
            position: self.position * factor,
            rotation: self.rotation * factor,
            velocity: self.velocity * factor,
            angular_velocity: self.angular_velocity * factor,
        }
    }

    /// The same cotangent in another scalar.
    pub fn cast<S: Scalar>(&self) -> RigidCotangent<S> {
        let vector = |v: Vec3<R>| Vec3(v.0.map(|r| S::from_f64(r.to_f64())));
        RigidCotangent {
            position: vector(self.position),
            rotation: vector(self.rotation),
            velocity: vector(self.velocity),
            angular_velocity: vector(self.angular_velocity),
        }
    }
}

impl<R: Scalar> std::ops::AddAssign for RigidCotangent<R> {
    fn add_assign(&mut self, other: Self) {
        self.position += other.position;
        self.rotation += other.rotation;
        self.velocity += other.velocity;
        self.angular_velocity += other.angular_velocity;
    }
}

impl<R: Scalar> Cotangent<R> {
    pub fn zeros(particle_count: usize) -> Self {
        Self {
            x: vec![Vec3::zero(); particle_count],
            v: vec![Vec3::zero(); particle_count],
            c: vec![Mat3::zero(); particle_count],
            f: vec![Mat3::zero(); particle_count],
            history: vec![R::zero(); particle_count],
            rigid: Vec::new(),
        }
    }

    /// Appends cotangents of zero.
    pub fn extend_zeros(&mut self, particles: usize) {
        let count = self.x.len() + particles;
        self.x.resize(count, Vec3::zero());
        self.v.resize(count, Vec3::zero());
        self.c.resize(count, Mat3::zero());
        self.f.resize(count, Mat3::zero());
        self.history.resize(count, R::zero());
    }

    /// The same cotangent in another scalar.
    pub fn cast<S: Scalar>(&self) -> Cotangent<S> {
        let vec = |v: &Vec3<R>| Vec3::from_fn(|i| S::from_f64(v[i].to_f64()));
        let mat = |m: &Mat3<R>| Mat3::from_fn(|i, j| S::from_f64(m[(i, j)].to_f64()));
        Cotangent {
            x: self.x.iter().map(vec).collect(),
            v: self.v.iter().map(vec).collect(),
            c: self.c.iter().map(mat).collect(),
            f: self.f.iter().map(mat).collect(),
            history: self.history.iter().map(|h| S::from_f64(h.to_f64())).collect(),
            rigid: self.rigid.iter().map(RigidCotangent::cast).collect(),
        }
    }
}
