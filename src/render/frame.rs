//! What one picture shows: balls for particles, solids for colliders and rigid bodies, at one moment.

use super::lines::Line;
use super::paint::{self, Paint};
use crate::agents::ColliderPose;
use crate::math::Vec3;
use crate::model::{Collider, Emitter, Extents, Model, Opening, RigidBody, Shape};
use crate::mpm::state::{RigidMotion, State, split_position};
use bytemuck::{Pod, Zeroable};
use glam::{DMat3, DQuat, DVec3};

/// One moment of a simulation, ready to be drawn by the CPU or uploaded for the window.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Cell width h of the grid [m].
    pub cell_width: f64,
    /// The grid node at world (0, 0, 0).
    pub origin: [i32; 3],
    pub balls: Vec<Ball>,
    pub solids: Vec<Solid>,
    /// Drawn over the rest; nothing is framed for them.
    pub lines: Vec<Line>,
}

/// A particle as it is drawn; also one instance of the window's vertex buffer (32 bytes).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct Ball {
    /// Nearest grid node, absolute.
    pub cell: [i32; 3],
    /// [m]
    pub radius: f32,
    /// Offset from the node [cell widths].
    pub offset: [f32; 3],
    /// sRGB red, green, blue, 255.
    pub colour: [u8; 4],
}

impl Ball {
    /// Position from a node [cell widths]; exact, however far both are from the world's origin.
    pub fn cells_from(&self, anchor: [i32; 3]) -> [f64; 3] {
        std::array::from_fn(|a| {
            (i64::from(self.cell[a]) - i64::from(anchor[a])) as f64 + f64::from(self.offset[a])
        })
    }
}

/// A collider, or a rigid body, as it is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Solid {
    pub shape: Shape,
    /// Nearest grid node, absolute.
    pub cell: [i32; 3],
    /// Offset from that node [m].
    pub offset: DVec3,
    /// `world_from_body`.
    pub rotation: DMat3,
    /// sRGB.
    pub colour: [u8; 3],
}

impl Solid {
    /// Whether it is drawn with an end on all sides: a half-space is not, and of ground only what its
    /// heights cover is drawn.
    pub fn is_finite(&self) -> bool {
        self.shape != Shape::HalfSpace
    }

    /// The box around what is drawn [m, body frame].
    pub fn extents(&self) -> Extents {
        match &self.shape {
            Shape::HeightField(ground) => {
                let [x, y] = ground.size.map(|edge| 0.5 * edge);
                let [low, high] = ground.range;
                Extents::between([Vec3([-x, -y, low]), Vec3([x, y, high])])
            }
            shape => shape.extents(),
        }
    }

    /// Position from a node [m].
    pub fn from_anchor(&self, anchor: [i32; 3], cell_width: f64) -> DVec3 {
        DVec3::from_array(std::array::from_fn(|a| {
            (i64::from(self.cell[a]) - i64::from(anchor[a])) as f64 * cell_width
        })) + self.offset
    }

    /// The box around it along the world axes: its middle from a node, and half of its edges [m].
    pub fn box_from_anchor(&self, anchor: [i32; 3], cell_width: f64) -> (DVec3, DVec3) {
        let box_ = self.extents().turned(DQuat::from_mat3(&self.rotation));
        let middle = self.from_anchor(anchor, cell_width) + DVec3::from_array(box_.middle.0);
        (middle, DVec3::from_array(box_.half.0))
    }

    fn new(collider: &Collider, index: usize, model: &Model, pose: &ColliderPose) -> Self {
        Self {
            shape: collider.shape.clone(),
            cell: pose.cell,
            offset: DVec3::from_array(pose.offset.0),
            rotation: DMat3::from_cols_array_2d(&pose.rotation.transpose().0),
            colour: paint::solid_colour(collider.moves(index, &model.actions)),
        }
    }

    fn at_start(collider: &Collider, index: usize, model: &Model) -> Self {
        let split = |axis: usize| split_position(collider.pose.position[axis] / model.cell_width);
        let axes = [split(0), split(1), split(2)];
        Self {
            shape: collider.shape.clone(),
            cell: std::array::from_fn(|a| axes[a].0 + model.origin[a]),
            offset: DVec3::from_array(axes.map(|(_, o)| o * model.cell_width)),
            rotation: DMat3::from_quat(collider.pose.rotation),
            colour: paint::solid_colour(collider.moves(index, &model.actions)),
        }
    }
}

/// A nozzle, as a piece of pipe that ends in its opening.
fn nozzle_solid(emitter: &Emitter, cell_width: f64, pose: &ColliderPose) -> Solid {
    /// Wall and half length of the pipe, in half widths of the opening.
    const WALL: f64 = 0.1;
    const HALF_LENGTH: f64 = 1.0;
    let [a, b] = emitter.opening.half_extents();
    let half_length = HALF_LENGTH * a.max(b);
    let wall = WALL * a.min(b);
    let shape = match emitter.opening {
        Opening::Disc { radius } => Shape::Cylinder { radius: radius + wall, half_length },
        Opening::Rectangle { .. } => {
            Shape::Box { half_extents: Vec3([a + wall, b + wall, half_length]) }
        }
    };
    let rotation = DMat3::from_cols_array_2d(&pose.rotation.transpose().0);
    // Particles are drawn as balls of about half a cell: the pipe ends where they show.
    let back = half_length + 0.25 * cell_width;
    Solid {
        shape,
        cell: pose.cell,
        offset: DVec3::from_array(pose.offset.0) - rotation.z_axis * back,
        rotation,
        colour: paint::solid_colour(true),
    }
}

/// A rigid body as a state has it.
fn rigid_solid(model: &Model, body: usize, motion: &RigidMotion<f64>) -> Solid {
    let RigidBody { shape, centre_of_mass, .. } = &model.rigid_bodies[body];
    let rotation = DMat3::from_quat(DQuat::from_array(motion.rotation));
    let offset = DVec3::from_array(motion.offset.0) * model.cell_width;
    Solid {
        shape: shape.clone(),
        cell: motion.cell,
        offset: offset - rotation * DVec3::from_array(centre_of_mass.0),
        rotation,
        colour: paint::rigid_colour(body),
    }
}

impl Frame {
    /// A frame of a state. `poses` holds all colliders at that moment, or nothing for the poses
    /// that the model starts with; `activations` one number [Pa] per muscle, or nothing.
    ///
    /// A ball has the rest volume of its particle.
    pub fn new(
        model: &Model,
        state: &State<f64>,
        poses: &[ColliderPose],
        activations: &[f64],
        paint: &Paint,
    ) -> Self {
        let colours = paint.colours(model, state, activations);
        let particles = state.particles_or(&model.particles);
        let balls = colours
            .into_iter()
            .enumerate()
            .filter(|(p, _)| state.is_present(*p))
            .map(|(p, [r, g, b])| Ball {
                cell: state.cell[p],
                radius: ball_radius(particles.volume[p]) as f32,
                offset: state.offset[p].0.map(|o| o as f32),
                colour: [r, g, b, 255],
            })
            .collect();
        let solids = model.colliders.iter().enumerate();
        let mut solids: Vec<_> = if poses.is_empty() {
            solids.map(|(i, c)| Solid::at_start(c, i, model)).collect()
        } else {
            solids.map(|(i, c)| Solid::new(c, i, model, &poses[i])).collect()
        };
        let bodies = state.rigid.iter().enumerate();
        solids.extend(bodies.map(|(b, motion)| rigid_solid(model, b, motion)));
        Self {
            cell_width: model.cell_width,
            origin: model.origin,
            balls,
            solids,
            lines: Vec::new(),
        }
    }

    /// Adds the nozzles of the model.
    pub fn add_nozzles(&mut self, model: &Model, poses: &[ColliderPose]) {
        let nozzles = model.emitters.iter().zip(poses);
        self.solids.extend(nozzles.map(|(e, pose)| nozzle_solid(e, model.cell_width, pose)));
    }
}

/// Radius of the ball of a given volume [m³].
fn ball_radius(volume: f64) -> f64 {
    (volume * 0.75 / std::f64::consts::PI).cbrt()
}
