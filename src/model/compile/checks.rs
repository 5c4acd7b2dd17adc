//! Checks of single values, names and references; each failure says where, what and what is allowed.

use super::bodies::MAX_CELL;
use crate::math::Vec3;
use crate::model::{Pose, Shape};
use crate::scene::{Bounds, KeyPath, Region, Rotation, Scene, SceneError, nearest};
use glam::{DQuat, DVec3};

/// How far the length of a direction may be from one: what rounding to three decimals costs.
const UNIT_TOLERANCE: f64 = 1e-3;

/// A scene under examination.
#[derive(Clone, Copy)]
pub(super) struct Checks<'a> {
    pub scene: &'a Scene,
}

impl Checks<'_> {
    pub fn finite(&self, at: &KeyPath, key: &str, value: f64) -> Result<f64, SceneError> {
        if value.is_finite() {
            return Ok(value);
        }
        Err(self
            .scene
            .error(&at.key(key), format!("`{key}` is {value}; it must be a finite number")))
    }

    pub fn positive(
        &self,
        at: &KeyPath,
        key: &str,
        value: f64,
        unit: &str,
    ) -> Result<f64, SceneError> {
        if self.finite(at, key, value)? > 0.0 {
            return Ok(value);
        }
        let message = format!("`{key}` is {value} {unit}; it must be greater than zero");
        Err(self.scene.error(&at.key(key), message))
    }

    /// A value in a closed range.
    pub fn within(
        &self,
        at: &KeyPath,
        key: &str,
        value: f64,
        (low, high): (f64, f64),
    ) -> Result<f64, SceneError> {
        if (low..=high).contains(&self.finite(at, key, value)?) {
            return Ok(value);
        }
        let allowed = if high.is_finite() {
            format!("between {low} and {high}")
        } else {
            format!("{low} or greater")
        };
        Err(self.scene.error(&at.key(key), format!("`{key}` is {value}; it must be {allowed}")))
    }

    pub fn vector(
        &self,
        at: &KeyPath,
        key: &str,
        value: [f64; 3],
    ) -> Result<Vec3<f64>, SceneError> {
        if value.iter().all(|component| component.is_finite()) {
            return Ok(Vec3(value));
        }
        let message = format!("`{key}` is {value:?}; its components must be finite numbers");
        Err(self.scene.error(&at.key(key), message))
    }

    /// A place [m] that the grid reaches.
    pub fn on_grid(&self, at: &KeyPath, position: [f64; 3]) -> Result<Vec3<f64>, SceneError> {
        let world = &self.scene.world;
        for (x, origin) in position.into_iter().zip(world.origin_cells) {
            let cells = (x / world.cell_width).abs() + f64::from(origin).abs();
            // Not so: what is not a number.
            if !(cells <= MAX_CELL) {
                let message = format!(
                    "{position:?} m lies {cells:.3e} cells from the origin; at most {MAX_CELL:.3e} are possible"
                );
                return Err(self.scene.error(at, message));
            }
        }
        Ok(Vec3(position))
    }

    /// A unit vector; what rounding took from its length is given back.
    pub fn direction(
        &self,
        at: &KeyPath,
        key: &str,
        value: [f64; 3],
    ) -> Result<Vec3<f64>, SceneError> {
        let vector = self.vector(at, key, value)?;
        let length = vector.norm_squared().sqrt();
        if (length - 1.0).abs() <= UNIT_TOLERANCE {
            return Ok(vector * (1.0 / length));
        }
        let error = self.scene.error(
            &at.key(key),
            format!("`{key}` is {value:?}, of length {length}; it must be of length one"),
        );
        if length > 0.0 && length.is_finite() {
            let [x, y, z] = (vector * (1.0 / length)).0;
            return Err(error.with_help(format!("`{key} = [{x:.4}, {y:.4}, {z:.4}]`")));
        }
        Err(error)
    }

    pub fn rotation(&self, at: &KeyPath, rotation: &Option<Rotation>) -> Result<DQuat, SceneError> {
        let Some(rotation) = rotation else { return Ok(DQuat::IDENTITY) };
        let at = at.key("rotation");
        let axis = self.direction(&at, "axis", rotation.axis)?;
        let angle = self.finite(&at, "angle_deg", rotation.angle_deg)?.to_radians();
        Ok(DQuat::from_axis_angle(DVec3::from_array(axis.0), angle))
    }

    pub fn pose(
        &self,
        at: &KeyPath,
        position: [f64; 3],
        rotation: &Option<Rotation>,
    ) -> Result<Pose, SceneError> {
        Ok(Pose {
            position: self.vector(at, "position", position)?,
            rotation: self.rotation(at, rotation)?,
        })
    }

    /// Bounds of an action: `min < max`.
    pub fn bounds(&self, at: &KeyPath, bounds: Bounds) -> Result<(f64, f64), SceneError> {
        let lower = self.finite(at, "min", bounds.min)?;
        let upper = self.finite(at, "max", bounds.max)?;
        if lower < upper {
            return Ok((lower, upper));
        }
        let message = format!("`min` is {lower} and `max` is {upper}; min must be less than max");
        Err(self.scene.error(at, message))
    }

    pub fn box_(&self, at: &KeyPath, size: [f64; 3]) -> Result<Shape, SceneError> {
        if size.iter().all(|edge| edge.is_finite() && *edge > 0.0) {
            return Ok(Shape::Box { half_extents: Vec3(size) * 0.5 });
        }
        let message =
            format!("`size` is {size:?} m, without volume; every edge must be greater than zero");
        Err(self.scene.error(&at.key("size"), message))
    }

    pub fn sphere(&self, at: &KeyPath, radius: f64) -> Result<Shape, SceneError> {
        Ok(Shape::Sphere { radius: self.positive(at, "radius", radius, "m")? })
    }

    pub fn capsule(&self, at: &KeyPath, radius: f64, length: f64) -> Result<Shape, SceneError> {
        Ok(Shape::Capsule {
            radius: self.positive(at, "radius", radius, "m")?,
            half_length: self.positive(at, "length", length, "m")? / 2.0,
        })
    }

    pub fn cylinder(&self, at: &KeyPath, radius: f64, length: f64) -> Result<Shape, SceneError> {
        Ok(Shape::Cylinder {
            radius: self.positive(at, "radius", radius, "m")?,
            half_length: self.positive(at, "length", length, "m")? / 2.0,
        })
    }

    /// Particles per cell and axis, from those per cell.
    pub fn per_axis(&self, at: &KeyPath, per_cell: u32) -> Result<usize, SceneError> {
        (1..=4).find(|n: &usize| n.pow(3) == per_cell as usize).ok_or_else(|| {
            let message = format!("`particles_per_cell` is {per_cell}; it must be 1, 8, 27 or 64");
            self.scene.error(&at.key("particles_per_cell"), message)
        })
    }

    pub fn region(&self, at: &KeyPath, region: &Region) -> Result<Shape, SceneError> {
        match *region {
            Region::Box { size } => self.box_(at, size),
            Region::Sphere { radius } => self.sphere(at, radius),
            Region::Capsule { radius, length } => self.capsule(at, radius, length),
            Region::Cylinder { radius, length } => self.cylinder(at, radius, length),
        }
    }

    /// Names of one kind of entity: written with letters, digits, `_` and `-`, and each once.
    pub fn names(&self, section: &str, names: &[&str]) -> Result<(), SceneError> {
        for (index, name) in names.iter().enumerate() {
            let at = KeyPath::root(section).index(index).key("name");
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if name.is_empty() || !name.chars().all(plain) {
                let message =
                    format!("the name `{name}` must be made of letters, digits, `_` and `-`");
                return Err(self.scene.error(&at, message));
            }
            if let Some(first) = names[..index].iter().position(|other| other == name) {
                let message = format!(
                    "duplicate name `{name}`: {section} {} has it already; names must be unique",
                    first + 1
                );
                return Err(self.scene.error(&at, message));
            }
        }
        Ok(())
    }

    /// The index of a name that is referred to.
    pub fn resolve(
        &self,
        at: &KeyPath,
        kind: &str,
        name: &str,
        candidates: &[&str],
    ) -> Result<usize, SceneError> {
        candidates.iter().position(|candidate| *candidate == name).ok_or_else(|| {
            let near = nearest(name, candidates.iter().copied());
            let suggestion = near.map_or_else(String::new, |n| format!(", did you mean `{n}`?"));
            let known = match candidates {
                [] => format!("the scene has no {kind}"),
                _ => format!("known: `{}`", candidates.join("`, `")),
            };
            self.scene.error(at, format!("unknown {kind} `{name}`{suggestion} ({known})"))
        })
    }
}
