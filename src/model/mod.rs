//! Layer 2: a scene made ready to run: resolved, indexed, sampled, immutable.

use crate::math::Vec3;
use crate::mpm::state::{Particles, State};
use glam::DQuat;
use std::sync::Arc;

mod compile;
mod distance_field;
mod emission;
mod field;
mod geometry;
mod ground;
mod height_field;
mod levels;
mod mesh;
mod relief;
mod rest;
mod rigid;
mod sleep;
mod stretch;
mod summary;
mod surface;
mod terrain;
mod uniform;

pub use crate::laws::{CONSTANTS, Family, Law, LawKind, ParameterValue, cone_slope};
pub use compile::{MAX_PARTICLES, Stability, compile, stability};
pub use distance_field::{DistanceField, SPLINE_ERROR, SplineAt};
pub use emission::{Emission, Emitter, Opening, Sink};
pub use field::{Blend, BlendBar, Field, ReachBar};
pub use geometry::Extents;
pub use ground::{GroundSummary, ground};
pub use height_field::{GroundAt, HeightField};
pub use levels::{
    Agent, Band, FULL_WITHIN, LEAST_FILL, LevelMap, Levels, PAST_BOXES, Reach, Stance,
};
pub use mesh::{Mesh, MeshShape};
pub use relief::Relief;
pub use rigid::{ContactPoint, RigidBody};
pub use sleep::{Frame, Sleep, Waker, around};
pub use stretch::{StanceBar, stretched_adj};
pub use summary::{
    BodySummary, ChannelSummary, EmitterSummary, LevelSummary, MaterialSummary, RigidSummary,
    Summary, level_summaries, summary,
};
pub use surface::Surface;
pub use terrain::{GroundError, Site, Terrain};
pub use uniform::{FILL_CELLS, UniformSummary};

/// Everything that a simulator needs and that does not change while it runs.
#[derive(Clone, Debug)]
pub struct Model {
    pub name: String,
    /// Cell width h of the grid [m].
    pub cell_width: f64,
    /// Duration of a substep [s].
    pub substep_secs: f64,
    /// Substeps in one control step: how long one action is held.
    pub substeps_per_control: usize,
    /// [m/s²], world frame.
    pub gravity: Vec3<f64>,
    /// The grid node that lies at world (0, 0, 0): a shift of the whole world by cells.
    pub origin: [i32; 3],
    pub materials: Vec<Material>,
    pub bodies: Vec<Body>,
    pub colliders: Vec<Collider>,
    pub rigid_bodies: Vec<RigidBody>,
    pub emitters: Vec<Emitter>,
    pub sinks: Vec<Sink>,
    pub muscles: Vec<Muscle>,
    /// The entries of one action, in order.
    pub actions: Vec<ActionChannel>,
    pub particles: Particles,
    pub initial: State<f64>,
    pub levels: Levels,
}

impl Model {
    /// The shapes of its solids: of the colliders, then of the rigid bodies.
    pub fn shapes(&self) -> impl Iterator<Item = &Shape> {
        let colliders = self.colliders.iter().map(|collider| &collider.shape);
        colliders.chain(self.rigid_bodies.iter().map(|body| &body.shape))
    }
}

/// A named material with its law and density.
#[derive(Clone, Debug, PartialEq)]
pub struct Material {
    pub name: String,
    /// Rest density [kg/m³].
    pub density: f64,
    pub law: Law,
}

/// A named group of consecutive particles; an emitter's are there from the start, most of them absent.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    pub name: String,
    pub material: u32,
    pub particles: std::ops::Range<usize>,
}

/// A part of elastic bodies that contracts along a fibre: `tau += a (F f)(F f)ᵀ`, a the action [Pa].
#[derive(Clone, Debug, PartialEq)]
pub struct Muscle {
    pub name: String,
    /// Unit fibre direction in the rest configuration.
    pub fibre: Vec3<f64>,
}

/// A rigid shape that the grid collides with.
#[derive(Clone, Debug, PartialEq)]
pub struct Collider {
    pub name: String,
    pub shape: Shape,
    pub contact: Contact,
    /// Pose and twist at time zero; a fixed collider has zero twist and no action.
    pub pose: Pose,
    /// Velocity [m/s] and angular velocity [rad/s], world frame, that actions add to.
    pub velocity: Vec3<f64>,
    pub angular_velocity: Vec3<f64>,
}

impl Collider {
    /// Whether any substep could see it elsewhere than at its initial pose, or moving.
    pub fn moves(&self, index: usize, actions: &[ActionChannel]) -> bool {
        self.velocity.norm_squared() > 0.0
            || self.angular_velocity.norm_squared() > 0.0
            || actions.iter().any(|action| action.target.drives(index))
    }
}

impl ActionTarget {
    /// Whether it moves a collider.
    pub fn drives(self, index: usize) -> bool {
        match self {
            ActionTarget::LinearVelocity { collider, .. }
            | ActionTarget::AngularVelocity { collider, .. } => collider == index,
            _ => false,
        }
    }
}

/// Position [m, world, relative to the origin node] and rotation `world_from_body`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pose {
    pub position: Vec3<f64>,
    pub rotation: DQuat,
}

/// Shapes of solids, in their body frame, centred unless it says otherwise; lengths in metres.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Solid below the plane z = 0 of the body frame; the normal is body +z.
    HalfSpace,
    Box {
        half_extents: Vec3<f64>,
    },
    Sphere {
        radius: f64,
    },
    /// Segment from -half_length to +half_length along body z, thickened by the radius.
    Capsule {
        radius: f64,
        half_length: f64,
    },
    /// Axis along body z.
    Cylinder {
        radius: f64,
        half_length: f64,
    },
    /// In the frame of its file.
    Mesh(Arc<MeshShape>),
    /// Solid below its heights; without end.
    HeightField(Arc<HeightField>),
}

/// What happens to a node's velocity relative to the collider.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contact {
    pub mode: ContactMode,
    /// Coulomb coefficient [-]; used by `Separate`.
    pub friction: f64,
    /// Width [m] over which the influence rises from 0 (outside) to 1 (at the surface); 0 is hard.
    pub softness: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactMode {
    /// The node takes the collider's velocity.
    Sticky,
    /// The normal part is removed both ways, the tangential one is free.
    Slip,
    /// Only the inward normal part is removed, with Coulomb friction; the node may leave.
    Separate,
}

/// One entry of an action.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionChannel {
    /// For people: `pusher.vx`, `leg.activation`.
    pub name: String,
    pub target: ActionTarget,
    /// Allowed values, in the unit of the target (m/s, rad/s, Pa).
    pub lower: f64,
    pub upper: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionTarget {
    LinearVelocity {
        collider: usize,
        axis: usize,
    },
    AngularVelocity {
        collider: usize,
        axis: usize,
    },
    /// Velocity of a nozzle.
    EmitterVelocity {
        emitter: usize,
        axis: usize,
    },
    EmitterAngularVelocity {
        emitter: usize,
        axis: usize,
    },
    Activation {
        muscle: usize,
    },
}
