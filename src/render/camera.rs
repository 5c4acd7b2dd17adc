//! Where one looks from, and the box that is looked at.

use super::frame::Frame;
use glam::{DVec2, DVec3, Vec3};

/// An orbit camera: z is up, distances in metres, angles in radians.
///
/// The target hangs on a grid node, like everything else, so that what is seen does not depend on
/// how far from the world's origin it happens: nothing is ever subtracted in world coordinates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// Absolute grid node near the target.
    pub anchor: [i32; 3],
    /// Point looked at [m], from the anchor node.
    pub target: DVec3,
    pub distance: f64,
    /// Direction from target to eye, about z from +x.
    pub azimuth: f64,
    /// Angle of that direction above the horizontal.
    pub elevation: f64,
    /// Full vertical opening angle.
    pub fov_y: f64,
}

/// Steeper than this the camera's "right" would be undefined.
pub const MAX_ELEVATION: f64 = 1.55;
/// Empty rim around what is framed, as a factor of the distance.
const MARGIN: f64 = 1.08;

/// Default direction: a three-quarter view from the front, which sees the faces -y, +x and +z.
pub const THREE_QUARTER: (f64, f64) = (-1.047, 0.4);

impl Camera {
    /// The camera that sees all of `bounds` from the given direction, in a picture of that aspect
    /// (width / height).
    pub fn framing(bounds: &Bounds, azimuth: f64, elevation: f64, aspect: f64) -> Self {
        let mut camera = Self {
            anchor: bounds.anchor,
            target: (bounds.low + bounds.high) * 0.5,
            distance: 1.0,
            azimuth,
            elevation: elevation.clamp(-MAX_ELEVATION, MAX_ELEVATION),
            fov_y: 0.55,
        };
        let view = camera.view(aspect);
        // Each corner asks for its own distance, |x| <= half_width (distance + z), same for y;
        // then the target moves to the middle of what the picture shows, and again.
        for _ in 0..4 {
            let corners = || {
                bounds.corners().map(|corner| {
                    let p = corner - camera.target;
                    DVec3::new(p.dot(view.right), p.dot(view.up), p.dot(view.forward))
                })
            };
            let distance = corners()
                .map(|p| (p.x.abs() / view.half_width).max(p.y.abs() / view.half_height) - p.z)
                .fold(1e-6, f64::max);
            let seen = corners().map(|p| (p / (p.z + distance)).truncate());
            let (low, high) = seen
                .fold((DVec2::INFINITY, DVec2::NEG_INFINITY), |(low, high), p| {
                    (low.min(p), high.max(p))
                });
            let middle = (low + high) * 0.5 * distance;
            camera.distance = distance * MARGIN;
            camera.target += view.right * middle.x + view.up * middle.y;
        }
        camera
    }

    /// The axes and the eye of this camera.
    pub fn view(&self, aspect: f64) -> View {
        let (sin_az, cos_az) = self.azimuth.sin_cos();
        let (sin_el, cos_el) = self.elevation.sin_cos();
        let back = DVec3::new(cos_el * cos_az, cos_el * sin_az, sin_el);
        let right = DVec3::new(-sin_az, cos_az, 0.0);
        let half_height = (0.5 * self.fov_y).tan();
        View {
            anchor: self.anchor,
            eye: self.target + back * self.distance,
            right,
            up: back.cross(right),
            forward: -back,
            half_width: half_height * aspect,
            half_height,
        }
    }

    /// Moves the target in the plane of the picture; `across` and `upward` in metres there.
    pub fn pan(&mut self, across: f64, upward: f64) {
        let view = self.view(1.0);
        self.target += view.right * across + view.up * upward;
    }
}

/// A camera made ready for projecting: orthonormal axes, everything in metres from the anchor.
#[derive(Clone, Copy, Debug)]
pub struct View {
    pub anchor: [i32; 3],
    pub eye: DVec3,
    pub right: DVec3,
    pub up: DVec3,
    pub forward: DVec3,
    /// Half the picture's width at distance 1.
    pub half_width: f64,
    /// Half the picture's height at distance 1.
    pub half_height: f64,
}

impl View {
    /// A point [m from the anchor] in camera axes: right, up, forward.
    pub fn camera_from_anchor(&self, p: DVec3) -> DVec3 {
        let p = p - self.eye;
        DVec3::new(p.dot(self.right), p.dot(self.up), p.dot(self.forward))
    }

    /// The ray through picture coordinates in [-1, 1] (y up), not normalised: its forward part is
    /// 1, so that a ray parameter is a depth. World axes.
    pub fn ray(&self, x: f64, y: f64) -> Vec3 {
        (self.forward + self.right * (x * self.half_width) + self.up * (y * self.half_height))
            .as_vec3()
    }

    /// Picture coordinates in [-1, 1] (y up) and depth [m] of a point [m from the anchor].
    pub fn project(&self, p: DVec3) -> DVec3 {
        let c = self.camera_from_anchor(p);
        DVec3::new(c.x / (c.z * self.half_width), c.y / (c.z * self.half_height), c.z)
    }
}

/// An axis-aligned box around what is worth seeing [m, from the anchor node].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    pub anchor: [i32; 3],
    pub low: DVec3,
    pub high: DVec3,
}

/// Part of the particles that may lie outside the box on each side of each axis: a splash must not
/// make everything else small.
const TRIMMED: f64 = 2e-3;
/// Finite colliders further from the particles than this many box diagonals are not framed.
const NEAR: f64 = 1.5;

impl Bounds {
    /// The box of a frame's particles and of the finite colliders near them. With nothing to
    /// frame, a cube of 32 cells on the world's origin.
    pub fn of(frame: &Frame) -> Self {
        let h = frame.cell_width;
        let anchor = frame.balls.first().map_or_else(
            || frame.solids.iter().find(|s| s.is_finite()).map_or(frame.origin, |s| s.cell),
            |b| b.cell,
        );
        let mut bounds: Option<Self> = None;
        if !frame.balls.is_empty() {
            let radius = f64::from(frame.balls.iter().map(|b| b.radius).fold(0.0, f32::max));
            let side = |axis: usize| {
                let mut x: Vec<f64> =
                    frame.balls.iter().map(|b| b.cells_from(anchor)[axis] * h).collect();
                let skip = (x.len() as f64 * TRIMMED) as usize;
                let last = x.len() - 1 - skip;
                let low = *x.select_nth_unstable_by(skip, f64::total_cmp).1;
                let high = *x.select_nth_unstable_by(last, f64::total_cmp).1;
                (low - radius, high + radius)
            };
            let sides = [side(0), side(1), side(2)];
            bounds = Some(Self {
                anchor,
                low: DVec3::from_array(sides.map(|s| s.0)),
                high: DVec3::from_array(sides.map(|s| s.1)),
            });
        }
        for solid in frame.solids.iter().filter(|s| s.is_finite()) {
            let (centre, half) = solid.box_from_anchor(anchor, h);
            let own = Self { anchor, low: centre - half, high: centre + half };
            bounds = Some(match bounds {
                None => own,
                Some(b)
                    if own.gap(&b) <= NEAR * b.diagonal()
                        && own.diagonal() < 3.0 * b.diagonal() =>
                {
                    b.with(&own)
                }
                Some(b) => b,
            });
        }
        bounds.unwrap_or_else(|| {
            let reach = DVec3::splat(16.0 * h);
            Self { anchor, low: -reach, high: reach }
        })
    }

    /// The box around both, with this one's anchor.
    pub fn union(&self, other: &Self, cell_width: f64) -> Self {
        self.with(&other.seen_from(self.anchor, cell_width))
    }

    /// Position of the anchor node [m] from another node.
    pub fn anchor_from(&self, node: [i32; 3], cell_width: f64) -> DVec3 {
        DVec3::from_array(std::array::from_fn(|a| {
            (i64::from(self.anchor[a]) - i64::from(node[a])) as f64 * cell_width
        }))
    }

    /// The same box with its corners measured from another node [m].
    pub fn seen_from(&self, anchor: [i32; 3], cell_width: f64) -> Self {
        let shift = self.anchor_from(anchor, cell_width);
        Self { anchor, low: self.low + shift, high: self.high + shift }
    }

    pub fn diagonal(&self) -> f64 {
        (self.high - self.low).length()
    }

    fn with(&self, other: &Self) -> Self {
        Self { anchor: self.anchor, low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// Distance between two boxes.
    fn gap(&self, other: &Self) -> f64 {
        (self.low - other.high).max(other.low - self.high).max(DVec3::ZERO).length()
    }

    fn corners(&self) -> impl Iterator<Item = DVec3> + '_ {
        (0..8).map(|k| {
            let pick =
                |axis: usize| if k >> axis & 1 == 0 { self.low[axis] } else { self.high[axis] };
            DVec3::new(pick(0), pick(1), pick(2))
        })
    }
}
