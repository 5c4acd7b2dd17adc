//! The sensors of a scene, resolved against its model.

use super::Resolve;
use crate::math::Vec3;
use crate::model::{Model, Shape};
use crate::rollout::{HeightMap, NodeGrid, Quantity, Region, Sensor};
use crate::scene::{self, KeyPath, Scene, SceneError};
use std::ops::Range;

/// Most nodes of a map or grid: beyond that a file of many control steps does not fit anywhere.
const MOST_NODES: usize = 1 << 24;

/// Resolves the `[[sensor]]`s of a scene against the model it was compiled to.
///
/// # Errors
/// A name that is given twice or names what is not there, a size that is not positive; with its
/// place in the scene file.
pub fn sensors(scene: &Scene, model: &Model) -> Result<Vec<Sensor>, SceneError> {
    let resolve = Resolve { scene, model };
    let mut sensors: Vec<Sensor> = Vec::new();
    for (index, said) in scene.sensor.iter().enumerate() {
        let at = KeyPath::root("sensor").index(index);
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if said.name.is_empty() || !said.name.chars().all(plain) {
            let message =
                format!("the name `{}` must be made of letters, digits, `_` and `-`", said.name);
            return Err(scene.error(&at.key("name"), message));
        }
        if sensors.iter().any(|sensor| sensor.name == said.name) {
            let message = format!("two sensors are named `{}`", said.name);
            return Err(scene.error(&at.key("name"), message));
        }
        let at = at.key("quantity");
        let (quantity, particles) = resolve.quantity(&at, &said.quantity)?;
        sensors.push(Sensor { name: said.name.clone(), quantity, particles });
    }
    Ok(sensors)
}

impl Resolve<'_> {
    fn quantity(
        &self,
        at: &KeyPath,
        said: &scene::Quantity,
    ) -> Result<(Quantity, Range<usize>), SceneError> {
        use scene::Quantity as Said;
        let all = 0..self.model.initial.particle_count();
        let seen = |body: &Option<String>| match body {
            Some(name) => self.body(at, name),
            None => Ok(all.clone()),
        };
        let cell = self.model.cell_width;
        Ok(match said {
            Said::Wrench { collider } => {
                (Quantity::Wrench { collider: self.collider(at, collider)? }, all)
            }
            Said::BodyWrench { body } => {
                let bodies = &self.model.rigid_bodies;
                let names: Vec<&str> = bodies.iter().map(|body| body.name.as_str()).collect();
                let body = self.index(&at.key("body"), "rigid body", body, &names)?;
                (Quantity::BodyWrench { body }, all)
            }
            Said::HeightMap { body, origin, cell_width, counts, floor, smoothing } => {
                let [x, y] = *origin;
                self.point(at, "origin", [x, y, 0.0])?;
                let largest = self.model.particles.volume.iter().copied().fold(0.0, f64::max);
                let map = HeightMap {
                    origin: *origin,
                    cell_width: self.above_zero(at, "cell_width", *cell_width)?,
                    node_counts: *counts,
                    floor: self.finite(at, "floor", *floor)?,
                    smoothing: match smoothing {
                        Some(length) => self.above_zero(at, "smoothing", *length)?,
                        None => 0.25 * largest.cbrt(),
                    },
                };
                self.check_counts(at, counts)?;
                (Quantity::HeightMap(map), seen(body)?)
            }
            Said::Volume { body, region, position, edge } => {
                let edge = match edge {
                    Some(width) => self.above_zero(at, "edge", *width)?,
                    None => cell,
                };
                (Quantity::Volume(self.region(at, region, position, edge)?), seen(body)?)
            }
            Said::ParticleCount { body, region, position } => {
                (Quantity::ParticleCount(self.region(at, region, position, cell)?), seen(body)?)
            }
            Said::CenterOfMass { body } => {
                let is_asked = |name: &str| body.as_ref().is_none_or(|body| body == name);
                for one in self.model.bodies.iter().filter(|one| is_asked(&one.name)) {
                    self.stays(at, &one.name, &one.particles)?;
                }
                (Quantity::CenterOfMass, seen(body)?)
            }
            Said::DensityGrid { body, origin, cell_width, counts } => {
                self.check_counts(at, counts)?;
                let grid = NodeGrid {
                    origin: self.point(at, "origin", *origin)?,
                    cell_width: self.above_zero(at, "cell_width", *cell_width)?,
                    node_counts: *counts,
                };
                (Quantity::DensityGrid(grid), seen(body)?)
            }
            Said::ContactArea { body, collider, width } => {
                let collider = self.collider(at, collider)?;
                let width = match width {
                    Some(width) => self.above_zero(at, "width", *width)?,
                    None => cell,
                };
                (Quantity::ContactArea { collider, width }, seen(body)?)
            }
        })
    }

    fn collider(&self, at: &KeyPath, name: &str) -> Result<usize, SceneError> {
        let names: Vec<&str> = self.model.colliders.iter().map(|c| c.name.as_str()).collect();
        self.index(&at.key("collider"), "collider", name, &names)
    }

    fn region(
        &self,
        at: &KeyPath,
        region: &scene::Region,
        position: &[f64; 3],
        edge: f64,
    ) -> Result<Region, SceneError> {
        let inside = at.key("region");
        let half = |key: &str, length: f64| Ok(self.above_zero(&inside, key, length)? / 2.0);
        let shape = match *region {
            scene::Region::Box { size } => {
                for edge in size {
                    self.above_zero(&inside, "size", edge)?;
                }
                Shape::Box { half_extents: Vec3(size) * 0.5 }
            }
            scene::Region::Sphere { radius } => {
                Shape::Sphere { radius: self.above_zero(&inside, "radius", radius)? }
            }
            scene::Region::Capsule { radius, length } => Shape::Capsule {
                radius: self.above_zero(&inside, "radius", radius)?,
                half_length: half("length", length)?,
            },
            scene::Region::Cylinder { radius, length } => Shape::Cylinder {
                radius: self.above_zero(&inside, "radius", radius)?,
                half_length: half("length", length)?,
            },
        };
        Ok(Region { shape, position: self.point(at, "position", *position)?, edge })
    }

    fn above_zero(&self, at: &KeyPath, key: &str, value: f64) -> Result<f64, SceneError> {
        if value > 0.0 && value.is_finite() {
            return Ok(value);
        }
        let message = format!("`{key}` is {value} m; it must be finite and greater than zero");
        Err(self.scene.error(&at.key(key), message))
    }

    fn check_counts(&self, at: &KeyPath, counts: &[usize]) -> Result<(), SceneError> {
        let nodes = counts.iter().try_fold(1usize, |product, &n| product.checked_mul(n));
        match nodes {
            Some(1..=MOST_NODES) => Ok(()),
            _ => {
                let message =
                    format!("`counts` is {counts:?}; 1 to {MOST_NODES} nodes are allowed");
                Err(self.scene.error(&at.key("counts"), message))
            }
        }
    }
}
