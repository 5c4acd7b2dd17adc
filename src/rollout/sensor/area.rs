//! The area of a collider that material lies on.

use super::{add_scaled, fade};
use crate::agents::{ColliderPose, PoseCotangent};
use crate::math::{Mat3, Vec3};
use crate::model::Model;
use crate::mpm::twin::sdf::{self, Distance, ShapeAt};

/// A collider's surface at a moment, and the layer on it that counts.
pub struct Surface {
    shape: ShapeAt<f64>,
    /// World position [m].
    position: Vec3<f64>,
    rotation: Mat3<f64>,
    /// Thickness of the layer [m]: what lies within half of it counts wholly, what is farther than
    /// one and a half of it not at all.
    width: f64,
}

impl Surface {
    pub fn new(model: &Model, collider: usize, pose: &ColliderPose, width: f64) -> Self {
        let position = Vec3::from_fn(|a| {
            let cells = i64::from(pose.cell[a]) - i64::from(model.origin[a]);
            cells as f64 * model.cell_width + pose.offset[a]
        });
        let shape = ShapeAt::from(&model.colliders[collider].shape);
        Self { shape, position, rotation: pose.rotation, width }
    }

    /// Distance in world axes.
    fn distance(&self, d: Vec3<f64>) -> Distance<f64> {
        sdf::distance(&self.shape, self.rotation.transpose() * d).turned(self.rotation)
    }

    /// Share of the layer by distance, and its slope [1/m].
    fn share(&self, phi: f64) -> (f64, f64) {
        let (share, slope) = fade(phi / self.width - 0.5);
        (share, slope / self.width)
    }

    /// Σ volume * share / width [m²].
    pub fn area(&self, x: &[[f64; 3]], volume: &[f64]) -> f64 {
        let part = |(x, v): (&[f64; 3], &f64)| {
            v * self.share(self.distance(Vec3(*x) - self.position).phi).0
        };
        x.iter().zip(volume).map(part).sum::<f64>() / self.width
    }

    /// Adds to the positions' cotangents; returns that of the collider's pose.
    pub fn area_adj(
        &self,
        x: &[[f64; 3]],
        volume: &[f64],
        area_bar: f64,
        x_bar: &mut [[f64; 3]],
    ) -> PoseCotangent {
        let mut pose = PoseCotangent::ZERO;
        for ((x, v), bar) in x.iter().zip(volume).zip(x_bar) {
            let d = Vec3(*x) - self.position;
            let at = self.distance(d);
            let factor = area_bar * v * self.share(at.phi).1 / self.width;
            add_scaled(bar, at.gradient, factor);
            pose.position += -(at.gradient * factor);
            pose.rotation += -d.cross(at.gradient * factor);
        }
        pose
    }
}
