//! The world of a scene file: grid, materials, bodies, colliders, and what can be commanded.

use crate::laws::Law;
use schemars::JsonSchema;
use serde::Deserialize;

/// Grid, time and gravity.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// Cell width of the grid [m] at `standard` fidelity.
    pub cell_width: f64,
    /// [m/s²], world frame, z up.
    #[serde(default = "default_gravity")]
    pub gravity: [f64; 3],
    /// How long one action is held [s].
    #[serde(default = "default_control_secs")]
    pub control_secs: f64,
    /// Substep [s]; a whole number of them makes a control step. The default is the longest stable
    /// one that does.
    pub substep_secs: Option<f64>,
    /// The largest speed [m/s] that material is expected to reach: enters the stable substep. The
    /// default is estimated from initial speeds, commanded speeds and the height of fall.
    pub max_speed: Option<f64>,
    /// Grid node that lies at world (0, 0, 0): moves the whole world by cells, and changes nothing
    /// else.
    #[serde(default)]
    pub origin_cells: [i32; 3],
    /// What is simulated when nothing else is said and there is no task [s].
    #[serde(default = "one")]
    pub duration_secs: f64,
}

fn default_gravity() -> [f64; 3] {
    [0.0, 0.0, -9.81]
}
fn default_control_secs() -> f64 {
    0.02
}
fn one() -> f64 {
    1.0
}

/// The same scene at other resolutions.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fidelities {
    pub preview: Option<Resolution>,
    pub fine: Option<Resolution>,
}

/// What a fidelity replaces.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resolution {
    /// Cell width of the grid [m].
    pub cell_width: f64,
}

/// Which resolution of a scene is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fidelity {
    /// Coarse: minutes on two CPU cores.
    Preview,
    /// `world.cell_width`.
    #[default]
    Standard,
    Fine,
}

impl Fidelity {
    pub const ALL: [Fidelity; 3] = [Fidelity::Preview, Fidelity::Standard, Fidelity::Fine];

    /// As written in a scene file.
    pub fn name(self) -> &'static str {
        match self {
            Fidelity::Preview => "preview",
            Fidelity::Standard => "standard",
            Fidelity::Fine => "fine",
        }
    }
}

/// A material of this scene. Bodies name it, or one of the built-in materials.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Material {
    pub name: String,
    /// The built-in material that it starts from; then `density`, `law` and any key of the law may be
    /// left out.
    pub preset: Option<String>,
    /// Rest density [kg/m³].
    pub density: Option<f64>,
    pub law: Option<StatedLaw>,
}

/// The `law` of a material.
#[derive(Clone, Debug, PartialEq)]
pub enum StatedLaw {
    /// A table with a `type`.
    Whole(Law),
    /// A table without: keys that replace those of the preset's law. A switch is 0 or 1.
    Changes(Vec<(String, f64)>),
}

/// A body of particles.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Body {
    pub name: String,
    /// Name of a `[[material]]` or of a built-in one.
    pub material: String,
    pub shape: BodyShape,
    /// World position [m] of the shape's centre (of a `points` file: of its origin).
    #[serde(default)]
    pub position: [f64; 3],
    pub rotation: Option<Rotation>,
    /// Particles in a full cell: 1, 8, 27 or 64, on a regular lattice that is aligned with the grid.
    #[serde(default = "default_particles_per_cell")]
    pub particles_per_cell: u32,
    /// Random displacement from the lattice, as a fraction of the particle spacing, in [0, 1].
    #[serde(default)]
    pub jitter: f64,
    /// Seed of the jitter.
    #[serde(default)]
    pub seed: u64,
    /// Initial velocity [m/s] of the centre.
    #[serde(default)]
    pub velocity: [f64; 3],
    /// Initial angular velocity [rad/s], world frame, about `position`.
    #[serde(default)]
    pub angular_velocity: [f64; 3],
    /// Initial velocity gradient B [1/s], row by row: adds `B (x - position)`.
    #[serde(default)]
    pub velocity_gradient: [[f64; 3]; 3],
    /// Starts from the stress of a wide bed at rest under gravity, its surface at the top of the
    /// (unrotated) box, instead of from no stress. Such a bed may reach up to two cells into
    /// colliders, which is where it stands best: fill it 1.5 cells below the floor.
    #[serde(default)]
    pub at_rest: bool,
    /// Names of colliders whose inside is left empty at the start: a blade that stands in a bed.
    #[serde(default)]
    pub carve: Vec<String>,
}

fn default_particles_per_cell() -> u32 {
    8
}

/// What a body fills. Lengths in metres, centred on the body's position.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(tag = "type")]
pub enum BodyShape {
    /// Edge lengths along x, y, z.
    Box {
        size: [f64; 3],
    },
    Sphere {
        radius: f64,
    },
    /// A cylinder with round caps, along body z; `length` without the caps.
    Capsule {
        radius: f64,
        length: f64,
    },
    /// Along body z.
    Cylinder {
        radius: f64,
        length: f64,
    },
    /// The solid inside a closed mesh of triangles, in the frame of its file: its origin lies at the
    /// body's position.
    Mesh {
        /// OBJ or STL, relative to the scene file; closed, facing outwards.
        file: String,
        /// Metres per unit of the file.
        #[serde(default = "one")]
        scale: f64,
    },
    /// Particles of another program.
    Points {
        /// npz with `x` (N x 3) [m] and optionally `v` (N x 3) [m/s], `C` (N x 3 x 3) [1/s],
        /// `F` (N x 3 x 3) and `volume` (N) [m³, at rest]; relative to the scene file.
        file: String,
    },
}

/// A turn about an axis.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// Unit vector, world frame.
    pub axis: [f64; 3],
    pub angle_deg: f64,
}

/// A rigid shape that material collides with; colliders act in the order of the file.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Collider {
    pub name: String,
    pub shape: ColliderShape,
    pub contact: Contact,
    /// Width [m] outside the surface over which its influence fades in, so that a gradient reaches a
    /// tool that does not touch yet; 0 is hard.
    #[serde(default)]
    pub softness: f64,
    /// World position [m] of the shape's centre (of a half-space: of a point on its surface).
    #[serde(default)]
    pub position: [f64; 3],
    pub rotation: Option<Rotation>,
    /// [m/s], world frame.
    #[serde(default)]
    pub velocity: [f64; 3],
    /// [rad/s], world frame, about `position`.
    #[serde(default)]
    pub angular_velocity: [f64; 3],
}

/// Collider shapes. Lengths in metres, centred on the collider's position.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(tag = "type")]
pub enum ColliderShape {
    /// Everything behind a plane.
    HalfSpace {
        /// Unit vector out of the solid.
        #[serde(default = "up")]
        normal: [f64; 3],
    },
    /// Edge lengths along body x, y, z.
    Box {
        size: [f64; 3],
    },
    Sphere {
        radius: f64,
    },
    /// A cylinder with round caps, along body z; `length` without the caps.
    Capsule {
        radius: f64,
        length: f64,
    },
    /// Along body z.
    Cylinder {
        radius: f64,
        length: f64,
    },
    /// The solid inside a closed mesh of triangles, in the frame of its file: its origin lies at the
    /// position. Material feels the signed distance of the mesh as sampled on a regular grid: walls
    /// thinner than two samples are lost.
    Mesh {
        /// OBJ or STL, relative to the scene file; closed, facing outwards.
        file: String,
        /// Metres per unit of the file.
        #[serde(default = "one")]
        scale: f64,
        /// Distance between the samples [m]; the default is half a cell.
        spacing: Option<f64>,
    },
    /// Ground: everything below heights at regular nodes, over the plane z = 0 of the collider. It is
    /// centred on the position, and beyond its edge goes on level.
    HeightField {
        /// From the first to the last node along x and y [m].
        size: [f64; 2],
        heights: Heights,
    },
}

/// The heights of a ground [m].
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(tag = "type")]
pub enum Heights {
    /// Grey values of a picture seen from above, +x to the right and +y up: a pixel is a node.
    Picture {
        /// PNG of 8 or 16 bits, relative to the scene file.
        file: String,
        /// Height of black.
        #[serde(default)]
        black: f64,
        /// Height of white.
        white: f64,
    },
    /// Numbers of another program.
    Array {
        /// npz with `height` (Nx x Ny), as the height map of a sensor; relative to the scene file.
        file: String,
    },
    /// Numbers in place: a row for each x, in it a height for each y.
    Rows { rows: Vec<Vec<f64>> },
}

fn up() -> [f64; 3] {
    [0.0, 0.0, 1.0]
}

/// What happens to the material's velocity at a collider.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(tag = "type")]
pub enum Contact {
    /// Material takes the collider's velocity.
    Sticky {},
    /// Material slides freely and never leaves.
    Slip {},
    /// Material slides with Coulomb friction, and may leave.
    Separate {
        /// Coefficient of friction [-].
        #[serde(default)]
        friction: f64,
    },
}

/// A rigid body that moves freely: by gravity, by what material gives to it, and by its contacts with
/// colliders and other rigid bodies. Material meets it as it meets a collider.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RigidBody {
    pub name: String,
    pub shape: RigidShape,
    /// Uniform density [kg/m³]; or `mass`.
    pub density: Option<f64>,
    /// [kg]; or `density`.
    pub mass: Option<f64>,
    /// Principal moments of inertia [kg m²] about the centre of mass, along the body axes; the
    /// default is the inertia of a uniform solid of this shape and mass about its own.
    pub inertia: Option<[f64; 3]>,
    /// Centre of mass [m], body axes, from the shape's centre (of a mesh: from its origin); the default
    /// is that of a uniform solid.
    pub center_of_mass: Option<[f64; 3]>,
    pub contact: Contact,
    /// Width [m] outside the surface over which its influence on material fades in; 0 is hard. The
    /// default is one cell: a harder body lets liquid creep in between the nodes.
    pub softness: Option<f64>,
    /// Initial world position [m] of the shape's centre.
    #[serde(default)]
    pub position: [f64; 3],
    pub rotation: Option<Rotation>,
    /// Initial velocity [m/s] of the centre of mass.
    #[serde(default)]
    pub velocity: [f64; 3],
    /// Initial angular velocity [rad/s], world frame.
    #[serde(default)]
    pub angular_velocity: [f64; 3],
}

/// Shapes of rigid bodies. Lengths in metres, centred on the body's position.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(tag = "type")]
pub enum RigidShape {
    /// Edge lengths along body x, y, z.
    Box {
        size: [f64; 3],
    },
    Sphere {
        radius: f64,
    },
    /// A cylinder with round caps, along body z; `length` without the caps.
    Capsule {
        radius: f64,
        length: f64,
    },
    /// Along body z.
    Cylinder {
        radius: f64,
        length: f64,
    },
    /// The solid inside a closed mesh of triangles, in the frame of its file: its origin lies at the
    /// position. Material feels the signed distance of the mesh as sampled on a regular grid: walls
    /// thinner than two samples are lost.
    Mesh {
        /// OBJ or STL, relative to the scene file; closed, facing outwards.
        file: String,
        /// Metres per unit of the file.
        #[serde(default = "one")]
        scale: f64,
        /// Distance between the samples [m]; the default is half a cell.
        spacing: Option<f64>,
    },
}

/// A collider or an emitter that actions drive: each named component of its twist is one action
/// channel, which adds to its own velocity. Exactly one of `collider` and `emitter` is named.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Effector {
    /// Name of the `[[collider]]`.
    pub collider: Option<String>,
    /// Name of the `[[emitter]]`.
    pub emitter: Option<String>,
    /// Velocity [m/s] along world x.
    pub vx: Option<Bounds>,
    /// Velocity [m/s] along world y.
    pub vy: Option<Bounds>,
    /// Velocity [m/s] along world z.
    pub vz: Option<Bounds>,
    /// Angular velocity [rad/s] about world x.
    pub wx: Option<Bounds>,
    /// Angular velocity [rad/s] about world y.
    pub wy: Option<Bounds>,
    /// Angular velocity [rad/s] about world z.
    pub wz: Option<Bounds>,
}

/// The values that an action may take.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    pub min: f64,
    pub max: f64,
}

/// A region of an elastic body that contracts along a fibre: one action channel, its activation.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Muscle {
    pub name: String,
    /// Name of the `[[body]]`.
    pub body: String,
    /// The particles of the body that lie inside, at the start.
    pub region: Region,
    /// World position [m] of the region's centre.
    #[serde(default)]
    pub position: [f64; 3],
    pub rotation: Option<Rotation>,
    /// Unit vector, world frame, at the start.
    pub fibre: [f64; 3],
    /// Active stress [Pa]; positive pulls together.
    pub activation: Bounds,
}

/// A region of space. Lengths in metres, centred on the region's position.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(tag = "type")]
pub enum Region {
    /// Edge lengths along x, y, z.
    Box {
        size: [f64; 3],
    },
    Sphere {
        radius: f64,
    },
    /// A cylinder with round caps, along z; `length` without the caps.
    Capsule {
        radius: f64,
        length: f64,
    },
    /// Along z.
    Cylinder {
        radius: f64,
        length: f64,
    },
}
