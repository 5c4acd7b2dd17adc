//! A part of space that does not move.

use super::{add_scaled, fade};
use crate::math::Vec3;
use crate::model::Shape;
use crate::mpm::twin::sdf::{self, ShapeAt};

/// A shape at a place, its edge softened so that what is inside changes smoothly.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    pub shape: Shape,
    /// World position [m] of the shape's centre.
    pub position: [f64; 3],
    /// Width [m] of the edge, centred on the surface.
    pub edge: f64,
}

impl Region {
    fn distance(&self, x: &[f64; 3]) -> sdf::Distance<f64> {
        sdf::distance(&ShapeAt::from(&self.shape), Vec3(*x) - Vec3(self.position))
    }

    /// How much of a particle is inside, and the slope by its distance from the surface [1/m].
    fn share(&self, phi: f64) -> (f64, f64) {
        let (share, slope) = fade(phi / self.edge + 0.5);
        (share, slope / self.edge)
    }

    /// Particles whose centre is inside; on the surface is inside.
    /// One without volume is not there.
    pub(super) fn count(&self, x: &[[f64; 3]], volume: &[f64]) -> f64 {
        let inside = |(x, v): &(&[f64; 3], &f64)| **v > 0.0 && self.distance(x).phi <= 0.0;
        x.iter().zip(volume).filter(inside).count() as f64
    }

    /// Σ volume * share [m³].
    pub(super) fn volume(&self, x: &[[f64; 3]], volume: &[f64]) -> f64 {
        x.iter().zip(volume).map(|(x, v)| v * self.share(self.distance(x).phi).0).sum()
    }

    pub(super) fn volume_adj(
        &self,
        x: &[[f64; 3]],
        volume: &[f64],
        volume_bar: f64,
        x_bar: &mut [[f64; 3]],
    ) {
        for ((x, v), bar) in x.iter().zip(volume).zip(x_bar) {
            let at = self.distance(x);
            add_scaled(bar, at.gradient, volume_bar * v * self.share(at.phi).1);
        }
    }
}
