//! Host side of `shaders/types.wgsl`: every struct that crosses over, with its constants.

use crate::agents::ColliderPose;
use crate::laws::CONSTANTS;
use crate::math::{Mat3, Vec3};
use crate::model::{Collider, ContactMode, ContactPoint, Model, RigidBody, Shape};
use crate::mpm::state::{RigidCotangent, RigidMotion, split_position};
use crate::mpm::twin::Kind;
use bytemuck::{Pod, Zeroable};
use glam::DMat3;

/// No slot, no cell, no particle.
pub const NONE: u32 = u32::MAX;
/// Cells of one block.
pub const BLOCK_CELLS: usize = 64;
/// Rows of a particle, and of its cotangent.
pub const PARTICLE_ROWS: usize = 7;
/// Further rows of a particle where a law of the model reads the strain rate.
pub const RATE_ROWS: usize = 2;
/// Words of one particle in `unload`, `observe`, and floats in `unload_bar`.
pub const UNLOADED_WORDS: usize = 28;
pub const OBSERVED_WORDS: usize = 9;
pub const UNLOADED_BAR_FLOATS: usize = 25 + CONSTANTS;
/// Most materials and muscles: their tables are uniforms.
pub const MATERIALS: usize = 64;
pub const MUSCLES: usize = 64;
/// Integer limbs of one moving collider's pose cotangent (`grid/pose_sum.wgsl`).
pub const POSE_STRIDE: usize = 289;
pub const POSE_COMPONENTS: usize = 12;
/// Members summed by one thread of `activation_total`.
pub const CHUNK: usize = 64;

/// Rows of a particle of this model.
pub fn particle_rows(model: &Model) -> usize {
    // With levels the rows hold h C itself.
    let reads_rate =
        model.levels.count() == 1 && model.materials.iter().any(|m| m.law.spec().reads_rate);
    PARTICLE_ROWS + if reads_rate { RATE_ROWS } else { 0 }
}

/// Most constants that any law of the model has.
pub fn constant_count(model: &Model) -> usize {
    model.materials.iter().map(|m| m.law.spec().constant_count).max().unwrap_or(0)
}

/// `Parameters`
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Parameters {
    pub gravity_step: [f32; 3],
    pub dt: f32,
    pub cell_width: f32,
    pub cells_per_speed: f32,
    pub affine_step: f32,
    pub empty_mass: f32,
    pub particle_count: u32,
    pub row_stride: u32,
    pub slot_capacity: u32,
    pub occupied_capacity: u32,
    pub hash_mask: u32,
    pub collider_count: u32,
    pub moving_count: u32,
    pub rigid_count: u32,
    pub entry_count: u32,
    pub entry_stride: u32,
    pub pad: [u32; 2],
}

/// Most bands between levels, and most reaches of agents and regions: their tables are uniforms.
pub const BANDS: usize = 7;
pub const REACHES: usize = 30;

/// `ReachAt`
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct ReachAt {
    pub cell: [i32; 3],
    pub depth_weight: f32,
    pub offset: [f32; 3],
    pub pad: f32,
    pub low: [f32; 3],
    pub pad_low: f32,
    pub along: [f32; 2],
    pub high: [f32; 2],
}

/// `Resolution`, at the spacing of dynamic uniforms.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct ResolutionAt {
    pub reach_count: u32,
    pub band_count: u32,
    pub blend: f32,
    pub coupled: f32,
    pub bands: [[f32; 4]; BANDS],
    pub reaches: [ReachAt; REACHES],
    pub map: MapAt,
    pub pad: [u32; 40],
}

/// `MapAt`
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct MapAt {
    pub cell: [i32; 2],
    pub offset: [f32; 2],
    pub field: FieldAt,
}

/// What a particle is, packed as `types.wgsl` says (KIND_...).
pub fn kind_number(kind: &Kind) -> u32 {
    let flag = |on: bool, bit: u32| if on { bit } else { 0 };
    u32::from(kind.level)
        | kind.per_axis.trailing_zeros() << 3
        | flag(kind.may_merge, 32)
        | flag(kind.is_light, 64)
        | kind.body << 8
}

/// Of where a particle is: it is held still (`types.wgsl`).
pub const PLACE_HELD: u32 = 128;

/// `Following`
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct FollowingAt {
    pub control_secs: f32,
    pub hysteresis: f32,
    pub tolerance: f32,
    pub stride_before: u32,
    pub place_runs: u32,
    pub id_runs: u32,
    pub made_count: u32,
    pub is_unfiltered: u32,
}

/// Words of a `MergeGroup`.
pub const GROUP_WORDS: usize = 8;
/// Words of a particle in `concern`: where it is stored, and what `unload` packs.
pub const CONCERNED_WORDS: usize = 1 + UNLOADED_WORDS;
/// Words before the first of them: how many there are, and a status.
pub const CONCERNED_HEAD: usize = 1 + size_of::<Status>() / 4;
/// Rows of a particle that was made, in `move_particles`.
pub const MADE_ROWS: usize = PARTICLE_ROWS + 2;

/// `Step`, at the spacing of dynamic uniforms.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Step {
    pub substep: u32,
    pub stress_control: u32,
    pub restart: u32,
    pub first_birth: u32,
    pub birth_count: u32,
    pub first_opening: u32,
    pub opening_count: u32,
    pub pad: [u32; 57],
}

/// `Birth`
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct BirthAt {
    pub cell: [i32; 3],
    pub particle: u32,
    pub offset: [f32; 3],
    pub mass: f32,
    pub velocity: [f32; 3],
    pub specific_volume: f32,
    pub spin: [f32; 3],
    pub class_number: f32,
}

/// `SinkAt`; the rotation is made of columns, each padded to four floats.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct SinkAt {
    pub cell: [i32; 3],
    pub shape: u32,
    pub offset: [f32; 4],
    pub rotation: [[f32; 4]; 3],
    pub size: [f32; 4],
}

/// Most sinks: their table is a uniform.
pub const SINKS: usize = 16;
/// The first coordinate of a cell that stands for a particle which is not there.
pub const ABSENT_CELL: i32 = i32::MIN;
/// Floats of one particle that came, in `emit_adj`.
pub const BIRTH_BAR_FLOATS: usize = 9;

/// `Activations` [Pa]
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Activations {
    pub rows: [f32; MUSCLES],
}

/// `MaterialAt`
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct MaterialAt {
    pub k: [f32; CONSTANTS],
    pub kind: u32,
    pub pad: [u32; 3],
}

/// `ColliderAt`; the rotation is made of columns, each padded to four floats.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct ColliderAt {
    pub cell: [i32; 3],
    pub shape: u32,
    pub offset: [f32; 3],
    pub mode: u32,
    pub rotation: [[f32; 4]; 3],
    pub velocity: [f32; 3],
    pub friction: f32,
    pub angular_velocity: [f32; 3],
    pub softness: f32,
    pub size: [f32; 3],
    pub moving: u32,
}

/// Most different meshes and height fields: their table is a uniform.
pub const FIELDS: usize = 64;

/// `FieldAt`
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct FieldAt {
    pub low: [f32; 3],
    pub first: u32,
    pub spacing: [f32; 3],
    pub bound: f32,
    pub counts: [u32; 4],
    pub middle: [f32; 4],
    pub half: [f32; 4],
}

/// `Cell`
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
pub struct Cell {
    pub first: u32,
    pub count: u32,
    pub next: u32,
}

/// `Block`
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Block {
    pub key: [i32; 4],
    pub neighbours: [u32; 27],
    pub expanded: u32,
    pub mask: [u32; 2],
    pub occupied_index: u32,
    pub occupied_slot: u32,
    pub node_slot: u32,
    pub expanding_slot: u32,
    pub pad: [u32; 2],
}

/// `SlotArguments`
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct SlotArguments {
    pub groups: u32,
    pub groups_y: u32,
    pub groups_z: u32,
    pub slot_count: u32,
}

/// `ListArguments`
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct ListArguments {
    pub occupied: [u32; 3],
    pub particle_total: u32,
    pub nodes: [u32; 3],
    pub live: u32,
    pub expanding: [u32; 3],
    pub wanted_count: u32,
    pub wanted: [u32; 3],
    pub pad: u32,
}

impl ListArguments {
    /// Empty lists.
    pub const EMPTY: Self = Self {
        occupied: [0, 1, 1],
        particle_total: 0,
        nodes: [0, 1, 1],
        live: 0,
        expanding: [0, 1, 1],
        wanted_count: 0,
        wanted: [0, 1, 1],
        pad: 0,
    };
    /// Byte offsets of the indirect arguments.
    pub const OCCUPIED: u64 = 0;
    pub const NODES: u64 = 16;
    pub const EXPANDING: u64 = 32;
    pub const WANTED: u64 = 48;
}

/// `Status`
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable, PartialEq)]
pub struct Status {
    pub substep: u32,
    pub first: u32,
    pub slots_needed: u32,
    pub occupied_needed: u32,
}

/// `Status::first` of rigid body 0.
pub const FIRST_BODY: u32 = 0xffff_ff00;

impl Status {
    pub const CLEAR: Self =
        Self { substep: NONE, first: NONE, slots_needed: 0, occupied_needed: 0 };
}

impl MaterialAt {
    pub fn table(model: &Model) -> Vec<Self> {
        let mut table = vec![Self::zeroed(); MATERIALS];
        for (row, material) in table.iter_mut().zip(&model.materials) {
            row.k = material.law.constants().map(|c| c as f32);
            row.kind = material.law.kind() as u32;
        }
        table
    }
}

impl ColliderAt {
    /// `field` is the number of the shape's field, if it has one.
    pub fn new(collider: &Collider, pose: &ColliderPose, moving: u32, field: usize) -> Self {
        let float = |v: [f64; 3]| v.map(|x| x as f32);
        let (shape, size) = shape_at(&collider.shape, field);
        let column = |j: usize| {
            let [x, y, z] = float(pose.rotation.column(j).0);
            [x, y, z, 0.0]
        };
        Self {
            cell: pose.cell,
            shape,
            offset: float(pose.offset.0),
            mode: mode_at(collider.contact.mode),
            rotation: [column(0), column(1), column(2)],
            velocity: float(pose.velocity.0),
            friction: collider.contact.friction as f32,
            angular_velocity: float(pose.angular_velocity.0),
            softness: collider.contact.softness as f32,
            size,
            moving,
        }
    }
}

impl SinkAt {
    pub fn table(model: &Model) -> Vec<Self> {
        let mut table = vec![Self::zeroed(); SINKS];
        for (row, sink) in table.iter_mut().zip(&model.sinks) {
            let split = sink.pose.position.0.map(|x| split_position(x / model.cell_width));
            let rotation = DMat3::from_quat(sink.pose.rotation);
            let (shape, size) = shape_at(&sink.shape, 0);
            *row = Self {
                cell: std::array::from_fn(|a| model.origin[a].saturating_add(split[a].0)),
                shape,
                offset: padded(Vec3(split.map(|(_, o)| o * model.cell_width))),
                rotation: std::array::from_fn(|j| padded(Vec3(rotation.col(j).to_array()))),
                size: [size[0], size[1], size[2], 0.0],
            };
        }
        table
    }
}

/// Most rigid bodies, and rounds of contact in a substep.
pub const RIGID_BODIES: usize = 64;
pub use crate::mpm::twin::RIGID_ROUNDS as ROUNDS;

/// `RigidBody`; matrices are made of columns, each padded to four floats.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct RigidBodyAt {
    pub inertia: [[f32; 4]; 3],
    pub inverse_inertia: [[f32; 4]; 3],
    pub centre: [f32; 3],
    pub mass: f32,
    pub size: [f32; 3],
    pub shape: u32,
    pub mode: u32,
    pub friction: f32,
    pub softness: f32,
    pub reach: f32,
    pub share: f32,
    pub first_point: u32,
    pub point_count: u32,
    pub pad: u32,
}

/// `RigidPoint`
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct RigidPointAt {
    pub position: [f32; 3],
    pub radius: f32,
    pub share: f32,
    pub pad: [u32; 3],
}

/// `RigidMotion`
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct RigidMotionAt {
    pub cell: [i32; 4],
    pub offset: [f32; 4],
    pub rotation: [f32; 4],
    pub velocity: [f32; 4],
    pub angular_velocity: [f32; 4],
}

/// `Twist`, and `Impulse`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct TwistAt {
    pub velocity: [f32; 4],
    pub angular_velocity: [f32; 4],
}

/// `PoseBar`
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct PoseBarAt {
    pub position: [f32; 4],
    pub rotation: [f32; 4],
    pub velocity: [f32; 4],
    pub angular_velocity: [f32; 4],
}

/// `RigidBar`
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct RigidBarAt {
    pub motion: PoseBarAt,
    pub inertia: [[f32; 4]; 3],
    pub mass: f32,
    pub pad: [u32; 3],
}

/// `RigidPartial`
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct RigidPartialAt {
    pub bar: RigidBarAt,
    pub twist_bar: TwistAt,
    pub impulse_bar: TwistAt,
}

impl RigidBodyAt {
    /// `field` is the number of the shape's field, if it has one.
    pub fn new(
        body: &RigidBody,
        field: usize,
        first_point: usize,
        points: &[ContactPoint],
    ) -> Self {
        let (shape, size) = shape_at(&body.shape, field);
        let columns = |m: Mat3<f64>| std::array::from_fn(|j| padded(m.column(j)));
        let least = points.iter().map(|p| p.share).fold(1.0, f64::min);
        Self {
            inertia: columns(body.inertia),
            inverse_inertia: columns(body.inertia.inverse()),
            centre: (-body.centre_of_mass).0.map(|c| c as f32),
            mass: body.mass as f32,
            size,
            shape,
            mode: mode_at(body.contact.mode),
            friction: body.contact.friction as f32,
            softness: body.contact.softness as f32,
            reach: body.reach() as f32,
            share: least as f32,
            first_point: first_point as u32,
            point_count: points.len() as u32,
            pad: 0,
        }
    }
}

impl RigidPointAt {
    pub fn new(point: &ContactPoint) -> Self {
        Self {
            position: point.position.0.map(|c| c as f32),
            radius: point.radius as f32,
            share: point.share as f32,
            pad: [0; 3],
        }
    }
}

impl RigidMotionAt {
    pub fn new(motion: &RigidMotion<f64>) -> Self {
        let [x, y, z] = motion.cell;
        Self {
            cell: [x, y, z, 0],
            offset: padded(motion.offset),
            rotation: motion.rotation.map(|c| c as f32),
            velocity: padded(motion.velocity),
            angular_velocity: padded(motion.angular_velocity),
        }
    }

    pub fn to_motion(self) -> RigidMotion<f64> {
        let vector = |v: [f32; 4]| Vec3([v[0], v[1], v[2]].map(f64::from));
        RigidMotion {
            cell: [self.cell[0], self.cell[1], self.cell[2]],
            offset: vector(self.offset),
            rotation: self.rotation.map(f64::from),
            velocity: vector(self.velocity),
            angular_velocity: vector(self.angular_velocity),
        }
    }
}

impl PoseBarAt {
    pub fn new(bar: &RigidCotangent<f64>) -> Self {
        Self {
            position: padded(bar.position),
            rotation: padded(bar.rotation),
            velocity: padded(bar.velocity),
            angular_velocity: padded(bar.angular_velocity),
        }
    }
}

pub fn padded(v: Vec3<f64>) -> [f32; 4] {
    let [x, y, z] = v.0.map(|c| c as f32);
    [x, y, z, 0.0]
}

/// Number of a shape, and its half extents, (radius, half length), or the number of its field.
fn shape_at(shape: &Shape, field: usize) -> (u32, [f32; 3]) {
    let (number, size) = match *shape {
        Shape::HalfSpace => (0, [0.0; 3]),
        Shape::Box { half_extents } => (1, half_extents.0),
        Shape::Sphere { radius } => (2, [radius, 0.0, 0.0]),
        Shape::Capsule { radius, half_length } => (3, [radius, half_length, 0.0]),
        Shape::Cylinder { radius, half_length } => (4, [radius, half_length, 0.0]),
        Shape::Mesh(_) => (5, [field as f64, 0.0, 0.0]),
        Shape::HeightField(_) => (6, [field as f64, 0.0, 0.0]),
    };
    (number, size.map(|x| x as f32))
}

fn mode_at(mode: ContactMode) -> u32 {
    match mode {
        ContactMode::Sticky => 0,
        ContactMode::Slip => 1,
        ContactMode::Separate => 2,
    }
}
