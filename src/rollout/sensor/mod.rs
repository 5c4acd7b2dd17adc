//! Quantities that are measured at the end of every control step, each with its adjoint.
//!
//! All but the wrench on a collider follow from what is noted there (that on a rigid body from what was
//! noted a control step before, too); that on a collider is summed by the simulator during the
//! substeps of the control step. None of them waits for the device on the way. Particles that
//! are not there (emitters, sinks) weigh nothing and are nowhere.

mod area;
mod body_wrench;
mod height_map;
mod region;

pub use height_map::HeightMap;
pub use region::Region;

use super::node_grid::NodeGrid;
use crate::agents::{ColliderPose, PoseCotangent};
use crate::math::Vec3;
use crate::model::Model;
use crate::mpm::simulator::{Observation, ObservationCotangent, RigidGradient, Wrench};
use crate::mpm::state::{RigidCotangent, RigidMotion};
use body_wrench::BodyWrench;
use std::ops::Range;

/// A named measured quantity.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensor {
    pub name: String,
    pub quantity: Quantity,
    /// The particles that it sees; a wrench feels all of them.
    pub particles: Range<usize>,
}

/// What is measured.
#[derive(Clone, Debug, PartialEq)]
pub enum Quantity {
    /// Mean force [N] and torque [N m] of the material on a collider over the control step, world
    /// axes, the torque about the collider's origin.
    Wrench { collider: usize },
    /// Mean force [N] and torque [N m] of all that touches a free rigid body, over the control
    /// step, world axes, the torque about its centre of mass.
    BodyWrench { body: usize },
    /// Height [m] of the material over the nodes of a horizontal grid.
    HeightMap(HeightMap),
    /// Rest volume [m³] of the material in a region.
    Volume(Region),
    /// Particles in a region; has no derivative.
    ParticleCount(Region),
    /// Centre of mass [m]; zero as long as there is nothing.
    CenterOfMass,
    /// Density [kg/m³] at the nodes of a grid.
    DensityGrid(NodeGrid),
    /// Area [m²] of a collider that material lies on: the rest volume within `width` [m] of the
    /// surface, over that width.
    ContactArea { collider: usize, width: f64 },
}

/// What a sensor looks at: the end of one control step.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    pub model: &'a Model,
    pub observation: &'a Observation,
    /// Collider poses of the last substep, in the order of the model.
    pub poses: &'a [ColliderPose],
    /// Of every collider, over the control step; empty where none were summed.
    pub wrenches: &'a [Wrench],
    /// The rigid bodies at the start of the control step; empty where nothing looks at them.
    pub rigid_before: &'a [RigidMotion<f64>],
}

/// Cotangents of a [`Moment`], added to.
pub struct MomentBar<'a> {
    pub observation: &'a mut ObservationCotangent,
    pub poses: &'a mut [PoseCotangent],
    pub wrenches: &'a mut [Wrench],
    pub rigid_before: &'a mut [RigidCotangent<f64>],
    /// By the mass properties of the rigid bodies.
    pub rigid_masses: &'a mut [RigidGradient],
}

impl Sensor {
    /// Whether things may fall asleep that it would see: it looks at a place, or at what does not move.
    pub fn misses_what_sleeps(&self, model: &Model) -> bool {
        let sleeps = model.levels.sleep.is_some();
        sleeps
            && match self.quantity {
                Quantity::HeightMap(_)
                | Quantity::Volume(_)
                | Quantity::ParticleCount(_)
                | Quantity::DensityGrid(_) => true,
                Quantity::Wrench { collider } | Quantity::ContactArea { collider, .. } => {
                    !model.colliders[collider].moves(collider, &model.actions)
                }
                // Rigid bodies keep awake what is around them; means are refused where they could sleep.
                Quantity::BodyWrench { .. } | Quantity::CenterOfMass => false,
            }
    }

    /// How many numbers it gives.
    pub fn size(&self) -> usize {
        self.shape().iter().product()
    }

    /// The shape of what it gives; empty for a single number.
    pub fn shape(&self) -> Vec<usize> {
        match &self.quantity {
            Quantity::Wrench { .. } | Quantity::BodyWrench { .. } => vec![6],
            Quantity::HeightMap(map) => map.node_counts.to_vec(),
            Quantity::CenterOfMass => vec![3],
            Quantity::DensityGrid(grid) => grid.node_counts.to_vec(),
            Quantity::Volume(_) | Quantity::ParticleCount(_) | Quantity::ContactArea { .. } => {
                Vec::new()
            }
        }
    }

    /// For people and files: the unit of what it gives.
    pub fn unit(&self) -> &'static str {
        match &self.quantity {
            Quantity::Wrench { .. } | Quantity::BodyWrench { .. } => "N, N m",
            Quantity::HeightMap(_) | Quantity::CenterOfMass => "m",
            Quantity::Volume(_) => "m3",
            Quantity::ParticleCount(_) => "1",
            Quantity::DensityGrid(_) => "kg/m3",
            Quantity::ContactArea { .. } => "m2",
        }
    }

    /// Whether the simulator has to sum wrenches for it.
    pub fn needs_wrenches(&self) -> bool {
        matches!(self.quantity, Quantity::Wrench { .. })
    }

    /// Whether it has to know how the rigid bodies moved a control step before.
    pub fn needs_rigid_before(&self) -> bool {
        matches!(self.quantity, Quantity::BodyWrench { .. })
    }

    /// Whether an objective can be made of it.
    pub fn is_differentiable(&self) -> bool {
        !matches!(self.quantity, Quantity::ParticleCount(_))
    }

    /// What it measures, row-major.
    pub fn values(&self, moment: Moment) -> Vec<f64> {
        let Moment { model, observation, poses, wrenches, rigid_before } = moment;
        match self.quantity {
            // Summed over substeps: there is no moment to look at.
            Quantity::Wrench { collider } => return wrenches[collider].components().to_vec(),
            Quantity::BodyWrench { body } => {
                let felt = BodyWrench::new(model, body, rigid_before, &observation.rigid);
                return felt.wrench().components().to_vec();
            }
            _ => {}
        }
        let (now, particles) =
            (observation.range_now(model, &self.particles), observation.particles(model));
        let x = &observation.x[now.clone()];
        let mass = &*observation.weights(&particles.mass, now.clone());
        let volume = &*observation.weights(&particles.volume, now);
        match &self.quantity {
            Quantity::Wrench { .. } | Quantity::BodyWrench { .. } => Vec::new(),
            Quantity::HeightMap(map) => map.heights(x, volume),
            Quantity::Volume(region) => vec![region.volume(x, volume)],
            Quantity::ParticleCount(region) => vec![region.count(x, volume)],
            Quantity::CenterOfMass => {
                let total: f64 = mass.iter().sum();
                if total == 0.0 {
                    return vec![0.0; 3];
                }
                let moment = |a: usize| x.iter().zip(mass).map(|(x, m)| m * x[a]).sum::<f64>();
                (0..3).map(|a| moment(a) / total).collect()
            }
            Quantity::DensityGrid(grid) => {
                let masses = grid.spread(x, mass);
                masses.iter().map(|m| m / grid.cell_width.powi(3)).collect()
            }
            Quantity::ContactArea { collider, width } => {
                let surface = area::Surface::new(model, *collider, &poses[*collider], *width);
                vec![surface.area(x, volume)]
            }
        }
    }

    /// Adds the derivative by the moment, from that by [`Sensor::values`].
    pub fn values_adj(&self, moment: Moment, values_bar: &[f64], bar: &mut MomentBar) {
        let Moment { model, observation, poses, .. } = moment;
        match self.quantity {
            Quantity::Wrench { collider } => {
                return bar.wrenches[collider].add(&Wrench::from_components(values_bar));
            }
            Quantity::BodyWrench { body } => {
                let felt = BodyWrench::new(model, body, moment.rigid_before, &observation.rigid);
                let ends = [&mut *bar.rigid_before, &mut bar.observation.rigid];
                let wrench_bar = Wrench::from_components(values_bar);
                return felt.wrench_adj(&wrench_bar, ends, bar.rigid_masses);
            }
            _ => {}
        }
        let (now, particles) =
            (observation.range_now(model, &self.particles), observation.particles(model));
        let x = &observation.x[now.clone()];
        let x_bar = &mut bar.observation.x[now.clone()];
        let mass = &*observation.weights(&particles.mass, now.clone());
        let volume = &*observation.weights(&particles.volume, now);
        match &self.quantity {
            Quantity::Wrench { .. } | Quantity::BodyWrench { .. } => {}
            Quantity::HeightMap(map) => map.heights_adj(x, volume, values_bar, x_bar),
            Quantity::Volume(region) => region.volume_adj(x, volume, values_bar[0], x_bar),
            // Constant but for jumps.
            Quantity::ParticleCount(_) => {}
            Quantity::CenterOfMass => {
                let total: f64 = mass.iter().sum();
                if total == 0.0 {
                    return;
                }
                for (x_bar, m) in x_bar.iter_mut().zip(mass) {
                    for a in 0..3 {
                        x_bar[a] += m / total * values_bar[a];
                    }
                }
            }
            Quantity::DensityGrid(grid) => {
                let cell = grid.cell_width.powi(3);
                let node_bar: Vec<f64> = values_bar.iter().map(|bar| bar / cell).collect();
                grid.spread_adj(x, mass, &node_bar, x_bar);
            }
            Quantity::ContactArea { collider, width } => {
                let surface = area::Surface::new(model, *collider, &poses[*collider], *width);
                let pose_bar = surface.area_adj(x, volume, values_bar[0], x_bar);
                bar.poses[*collider] += pose_bar;
            }
        }
    }
}

/// From 1 at `t <= 0` to 0 at `t >= 1`, and the slope: a cubic smoothstep.
fn fade(t: f64) -> (f64, f64) {
    if t <= 0.0 {
        return (1.0, 0.0);
    }
    if t >= 1.0 {
        return (0.0, 0.0);
    }
    let rest = 1.0 - t;
    (rest * rest * (1.0 + 2.0 * t), -6.0 * t * rest)
}

/// A gradient as a cotangent of a position.
fn add_scaled(bar: &mut [f64; 3], direction: Vec3<f64>, factor: f64) {
    for a in 0..3 {
        bar[a] += factor * direction[a];
    }
}
