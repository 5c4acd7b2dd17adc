//! `[[sensor]]`: quantities that are measured at the end of every control step.

use super::world::Region;
use schemars::JsonSchema;
use serde::Deserialize;

/// A measured quantity, written by `softscape run --sensors` and usable in objectives.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sensor {
    pub name: String,
    pub quantity: Quantity,
}

/// What is measured. Where a `body` can be named, the default is all of them.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(tag = "type")]
pub enum Quantity {
    /// Mean force [N] and torque [N m] of the material on a collider over the control step: six
    /// numbers, world axes, the torque about the collider's position.
    Wrench { collider: String },
    /// Mean force [N] and torque [N m] of all that touches a free rigid body (material, colliders,
    /// other bodies) over the control step: six numbers, world axes, the torque about its centre of
    /// mass. Without gravity: of a body at rest it is its weight.
    BodyWrench { body: String },
    /// Height [m] of the material over the nodes of a horizontal grid, as a camera above sees it.
    HeightMap {
        body: Option<String>,
        /// x and y [m] of the first node.
        origin: [f64; 2],
        /// Distance of the nodes [m].
        cell_width: f64,
        /// Nodes along x and y.
        counts: [usize; 2],
        /// What is seen where there is nothing [m].
        #[serde(default)]
        floor: f64,
        /// Length over which the highest is smoothed [m]; the default is a quarter of the width of
        /// the largest particle.
        smoothing: Option<f64>,
    },
    /// Rest volume [m³] of the material in a region.
    Volume {
        body: Option<String>,
        region: Region,
        /// World position [m] of the region's centre.
        #[serde(default)]
        position: [f64; 3],
        /// Width [m] over which the region's edge is softened; the default is a cell.
        edge: Option<f64>,
    },
    /// Number of particles in a region. It has no derivative.
    ParticleCount {
        body: Option<String>,
        region: Region,
        /// World position [m] of the region's centre.
        #[serde(default)]
        position: [f64; 3],
    },
    /// Centre of mass [m] of what is there; zero as long as nothing is.
    CenterOfMass { body: Option<String> },
    /// Density [kg/m³] at the nodes of a grid.
    DensityGrid {
        body: Option<String>,
        /// World position [m] of the first node.
        origin: [f64; 3],
        /// Distance of the nodes [m].
        cell_width: f64,
        /// Nodes along x, y and z.
        counts: [usize; 3],
    },
    /// Area [m²] of a collider that material lies on: the rest volume near its surface over the
    /// thickness of that layer.
    ContactArea {
        body: Option<String>,
        collider: String,
        /// Thickness of the layer [m]; the default is a cell.
        width: Option<f64>,
    },
}
