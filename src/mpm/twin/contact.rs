//! Contact of a grid node with one rigid collider: the velocity it leaves with, and the adjoint.
//!
//! `grid_update` applies the colliders one after the other, its adjoint in reverse order. Numbers
//! here are single scalars (nodes near colliders are few), so branches are branches.

use super::sdf::{self, Distance, ShapeAt};
use crate::agents::{ColliderPose, PoseCotangent};
use crate::math::{Mat3, Scalar, Vec3};
use crate::model::{Collider, ContactMode};

/// Rounds the Coulomb friction at zero sliding speed [m/s]: `|v| -> sqrt(|v|² + eps²)`. Far below
/// the speed that gravity gives in one substep, so that resting bodies stick.
pub const SLIDING_SPEED_FLOOR: f64 = 1e-6;

/// One collider at one substep, in the scalar of the solver.
#[derive(Clone, Debug, PartialEq)]
pub struct ColliderAt<R> {
    /// Nearest grid node to the body's origin, absolute.
    pub cell: [i32; 3],
    /// Offset of the origin from that node [m].
    pub offset: Vec3<R>,
    /// `world_from_body`.
    pub rotation: Mat3<R>,
    /// [m/s], of the body's origin.
    pub velocity: Vec3<R>,
    /// [rad/s], world frame.
    pub angular_velocity: Vec3<R>,
    pub shape: ShapeAt<R>,
    pub mode: ContactMode,
    /// Coulomb coefficient [-].
    pub friction: R,
    /// Width of the softened zone outside the surface [m]; 0 is hard.
    pub softness: R,
}

/// Cotangent of a pose and twist, as [`PoseCotangent`], in the scalar of the solver.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoseBar<R> {
    pub position: Vec3<R>,
    /// By a small rotation about the world axes through the body's origin.
    pub rotation: Vec3<R>,
    pub velocity: Vec3<R>,
    pub angular_velocity: Vec3<R>,
}

impl<R: Scalar> ColliderAt<R> {
    pub fn new(collider: &Collider, pose: &ColliderPose) -> Self {
        let vector = |v: Vec3<f64>| Vec3(v.0.map(R::from_f64));
        Self {
            cell: pose.cell,
            offset: vector(pose.offset),
            rotation: Mat3::from_f64(pose.rotation.0),
            velocity: vector(pose.velocity),
            angular_velocity: vector(pose.angular_velocity),
            shape: ShapeAt::from(&collider.shape),
            mode: collider.contact.mode,
            friction: R::from_f64(collider.contact.friction),
            softness: R::from_f64(collider.contact.softness),
        }
    }

    /// Distance and normal in world axes, at d from the body's origin.
    #[inline]
    pub(super) fn distance(&self, d: Vec3<R>) -> Distance<R> {
        sdf::distance(&self.shape, self.rotation.transpose() * d).turned(self.rotation)
    }

    /// A distance [m] that no point of the surface is nearer than at d from the body's origin, in
    /// world axes, and that changes by no more than the way.
    pub(super) fn distance_bound(&self, d: Vec3<R>) -> R {
        sdf::distance_bound(&self.shape, self.rotation.transpose() * d)
    }

    /// How much of the contact a node at distance phi feels, and its derivative: 1 inside, falling
    /// to 0 over the softness by a cubic smoothstep; at phi = 0 the inside branch.
    #[inline]
    pub(super) fn influence(&self, phi: R) -> (R, R) {
        let (zero, one) = (R::zero(), R::one());
        if phi <= zero {
            (one, zero)
        } else if phi >= self.softness {
            (zero, zero)
        } else {
            // 1 - S(t) = (1 - t)² (1 + 2 t), which keeps its digits where it vanishes.
            let t = phi / self.softness;
            let rest = (self.softness - phi) / self.softness;
            let (two, six) = (R::from_f64(2.0), R::from_f64(6.0));
            (rest * rest * (one + two * t), -six * t * rest / self.softness)
        }
    }
}

impl<R: Scalar> PoseBar<R> {
    pub fn zero() -> Self {
        let o = Vec3::zero();
        Self { position: o, rotation: o, velocity: o, angular_velocity: o }
    }
    pub fn from_f64(bar: &PoseCotangent) -> Self {
        let vector = |v: Vec3<f64>| Vec3(v.0.map(R::from_f64));
        Self {
            position: vector(bar.position),
            rotation: vector(bar.rotation),
            velocity: vector(bar.velocity),
            angular_velocity: vector(bar.angular_velocity),
        }
    }
    pub fn to_f64(self) -> PoseCotangent {
        let vector = |v: Vec3<R>| Vec3(v.0.map(R::to_f64));
        PoseCotangent {
            position: vector(self.position),
            rotation: vector(self.rotation),
            velocity: vector(self.velocity),
            angular_velocity: vector(self.angular_velocity),
        }
    }
}

impl<R: Scalar> std::ops::AddAssign for PoseBar<R> {
    fn add_assign(&mut self, o: Self) {
        self.position += o.position;
        self.rotation += o.rotation;
        self.velocity += o.velocity;
        self.angular_velocity += o.angular_velocity;
    }
}

/// Velocity that a node at `d` [m, from the body's origin, world axes] leaves with:
/// `v' = v + a(phi) change(v - v_c)`, the surface moving with `v_c = velocity + omega x d`.
#[inline]
pub fn collide<R: Scalar>(collider: &ColliderAt<R>, d: Vec3<R>, v: Vec3<R>) -> Vec3<R> {
    let at = collider.distance(d);
    let (a, _) = collider.influence(at.phi);
    if a == R::zero() {
        return v;
    }
    let v_c = collider.velocity + collider.angular_velocity.cross(d);
    v + change(collider.mode, collider.friction, at.normal, v - v_c) * a
}

/// With `p_bar` the cotangent of the point by distance and normal ([`Distance::point_bar`]):
/// `d_bar = p_bar - omega x v_c_bar` and by it `position_bar = -d_bar`;
/// `rotation_bar = -d x p_bar + n x n_bar`, `omega_bar = d x v_c_bar`, `phi_bar = a' change·g`.
#[inline]
pub fn collide_adj<R: Scalar>(
    collider: &ColliderAt<R>,
    d: Vec3<R>,
    v: Vec3<R>,
    v_bar: Vec3<R>,
) -> (Vec3<R>, PoseBar<R>) {
    let at = collider.distance(d);
    let (a, a_slope) = collider.influence(at.phi);
    if a == R::zero() {
        return (v_bar, PoseBar::zero());
    }
    let omega = collider.angular_velocity;
    let v_c = collider.velocity + omega.cross(d);
    let u = v - v_c;
    let changed = change(collider.mode, collider.friction, at.normal, u);

    let phi_bar = a_slope * changed.dot(v_bar);
    let (u_bar, n_bar) = change_adj(collider.mode, collider.friction, at.normal, u, v_bar * a);
    let v_c_bar = -u_bar;

    let surface_bar = at.point_bar(phi_bar, n_bar);
    let pose = PoseBar {
        position: omega.cross(v_c_bar) - surface_bar,
        rotation: at.normal.cross(n_bar) - d.cross(surface_bar),
        velocity: v_c_bar,
        angular_velocity: d.cross(v_c_bar),
    };
    (v_bar + u_bar, pose)
}

/// Change of velocity by hard contact, from the velocity u relative to the surface.
/// Sticky `-u`; slip `-(u·n) n`; separate: 0 where u·n >= 0, else `k v_t - u` with the tangential
/// part v_t and `k = max(0, 1 + mu (u·n)/sqrt(|v_t|² + eps²))` (Coulomb).
pub(super) fn change<R: Scalar>(mode: ContactMode, friction: R, n: Vec3<R>, u: Vec3<R>) -> Vec3<R> {
    let into = u.dot(n);
    match mode {
        ContactMode::Sticky => -u,
        ContactMode::Slip => -(n * into),
        ContactMode::Separate if into >= R::zero() => Vec3::zero(),
        ContactMode::Separate => {
            let sliding = u - n * into;
            let k = R::one() + friction * into / rounded_norm(sliding);
            sliding * k.max(R::zero()) - u
        }
    }
}

/// With w = u·n, s = rounded |v_t|, t = v_t/s, k the Coulomb factor, g the cotangent of the result:
/// sliding (k > 0) `u_bar = k (g - n (n·g)) + mu n (t·g) - mu (w/s) t (t·g) - g`,
/// `n_bar = (mu t·g - k g·n) u + (mu w²/s) (t·g) t - k w g`; sticking (k = 0) `u_bar = -g`;
/// slip is the same with mu = 0, k = 1. n_bar is that of a free vector.
pub(super) fn change_adj<R: Scalar>(
    mode: ContactMode,
    friction: R,
    n: Vec3<R>,
    u: Vec3<R>,
    g: Vec3<R>,
) -> (Vec3<R>, Vec3<R>) {
    let into = u.dot(n);
    let none = Vec3::zero();
    match mode {
        ContactMode::Sticky => (-g, none),
        ContactMode::Slip => (-(n * n.dot(g)), -(u * n.dot(g)) - g * into),
        ContactMode::Separate if into >= R::zero() => (none, none),
        ContactMode::Separate => {
            let sliding = u - n * into;
            let speed = rounded_norm(sliding);
            let k = R::one() + friction * into / speed;
            if k <= R::zero() {
                return (-g, none);
            }
            let t = sliding * speed.recip();
            let (tg, ng) = (t.dot(g), n.dot(g));
            let pull = friction * into / speed;
            let u_bar = (g - n * ng) * k + n * (friction * tg) - t * (pull * tg) - g;
            let n_bar = u * (friction * tg - k * ng) + t * (pull * into * tg) - g * (k * into);
            (u_bar, n_bar)
        }
    }
}

/// `sqrt(|v|² + eps²)`, eps = [`SLIDING_SPEED_FLOOR`].
fn rounded_norm<R: Scalar>(v: Vec3<R>) -> R {
    let eps = R::from_f64(SLIDING_SPEED_FLOOR);
    (v.norm_squared() + eps * eps).sqrt()
}
