//! Free rigid bodies in a substep, and its adjoint.
//!
//! ```text
//! rigid_predict   free flight over the substep, contact with colliders and other bodies
//! grid_update     nodes collide with the predicted bodies, and note what they give them
//! rigid_update    those impulses, then position and rotation
//! ```
//!
//! To the nodes a body is a collider that moves as predicted; the momentum that they lose to it is
//! given to it, so that material and body together keep theirs. The exchange is explicit: it is
//! stable while the layer of nodes inside a body weighs less than the body, whatever the substep
//! (the compiler refuses bodies that are lighter). All state is a few numbers a body; loops run in
//! the order of the bodies.

mod contact;
#[cfg(test)]
mod tests;

use super::contact::{ColliderAt, PoseBar};
use super::context::Context;
use super::sdf::ShapeAt;
use crate::math::{
    Mat3, Scalar, Vec3, quaternion_matrix, quaternion_turned, turn_change, turn_change_adj,
};
use crate::model::{Contact, Model};
use crate::mpm::simulator::RigidGradient;
use crate::mpm::state::{RigidCotangent, RigidMotion};
pub use contact::ROUNDS;
use contact::{meet_all, meet_all_adj};

/// What is constant of one body, in the scalar of the solver.
#[derive(Clone, Debug)]
pub struct Rigid<R> {
    /// [kg]
    pub mass: R,
    /// About the centre of mass, in body axes [kg m²].
    pub inertia: Mat3<R>,
    pub shape: ShapeAt<R>,
    /// Centre of the shape from the centre of mass, in body axes [m].
    pub centre: Vec3<R>,
    pub contact: Contact,
    pub points: Vec<Point<R>>,
    /// The least share of its points: what meets another body's point.
    pub share: R,
    /// Distance from the centre of mass to the farthest point [m].
    pub reach: R,
    /// Coulomb coefficients towards the colliders, then towards the bodies.
    pub frictions: Vec<R>,
}

/// [`crate::model::ContactPoint`] in the scalar of the solver.
#[derive(Clone, Copy, Debug)]
pub struct Point<R> {
    pub position: Vec3<R>,
    pub radius: R,
    pub share: R,
}

/// Velocity of the centre of mass [m/s] and angular velocity [rad/s], world axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Twist<R> {
    pub velocity: Vec3<R>,
    pub angular_velocity: Vec3<R>,
}

/// Momentum given in one substep [N s], and its moment about a stated point [N m s]; also a
/// cotangent of that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impulse<R> {
    pub linear: Vec3<R>,
    pub angular: Vec3<R>,
}

/// Cotangents of mass and inertia.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MassBar<R> {
    pub mass: R,
    pub inertia: Mat3<R>,
}

/// Cotangents of all that a body brings into a substep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RigidBar<R> {
    pub motion: RigidCotangent<R>,
    pub mass: MassBar<R>,
}

/// Bodies as predicted: how they move, and the colliders that the nodes meet.
pub struct Prediction<R> {
    pub twists: Vec<Twist<R>>,
    pub solids: Vec<ColliderAt<R>>,
}

impl<R: Scalar> Rigid<R> {
    pub fn all(model: &Model) -> Vec<Self> {
        let r = R::from_f64;
        let vector = |v: Vec3<f64>| Vec3(v.0.map(r));
        let bodies = &model.rigid_bodies;
        let one = |body: &crate::model::RigidBody| {
            let points: Vec<_> = body
                .contact_points()
                .iter()
                .map(|p| Point {
                    position: vector(p.position),
                    radius: r(p.radius),
                    share: r(p.share),
                })
                .collect();
            let others = model.colliders.iter().map(|c| &c.contact);
            let others = others.chain(bodies.iter().map(|b| &b.contact));
            Self {
                mass: r(body.mass),
                inertia: Mat3(body.inertia.0.map(|row| row.map(r))),
                shape: ShapeAt::from(&body.shape),
                centre: -vector(body.centre_of_mass),
                contact: body.contact,
                share: points.iter().map(|p| p.share).fold(R::one(), R::min),
                points,
                reach: r(body.reach()),
                frictions: others.map(|other| r(body.contact.solid_friction(other))).collect(),
            }
        };
        bodies.iter().map(one).collect()
    }
}

impl<R: Scalar> Impulse<R> {
    pub fn zero() -> Self {
        Self { linear: Vec3::zero(), angular: Vec3::zero() }
    }
}

impl<R: Scalar> std::ops::AddAssign for Impulse<R> {
    fn add_assign(&mut self, other: Self) {
        self.linear += other.linear;
        self.angular += other.angular;
    }
}

impl<R: Scalar> RigidBar<R> {
    pub fn zero() -> Self {
        let mass = MassBar { mass: R::zero(), inertia: Mat3::zero() };
        Self { motion: RigidCotangent::zero(), mass }
    }
}

impl<R: Scalar> MassBar<R> {
    pub fn to_f64(self) -> RigidGradient {
        let inertia = self.inertia.symmetric_part();
        RigidGradient {
            mass: self.mass.to_f64(),
            inertia: Mat3(inertia.0.map(|row| row.map(R::to_f64))),
        }
    }
}

/// Where the bodies would move over a substep without material: free flight, then contact with
/// colliders and with one another, all at the poses that the substep begins with.
pub fn rigid_predict<R: Scalar>(
    ctx: &Context<R>,
    colliders: &[ColliderAt<R>],
    motions: &[RigidMotion<R>],
) -> Prediction<R> {
    let mut rounds = all_rounds(ctx, colliders, motions);
    let twists = rounds.twists.pop().unwrap_or_default();
    let solids = motions.iter().zip(&twists).enumerate();
    let solids = solids.map(|(b, (motion, twist))| solid(ctx, &ctx.rigid[b], motion, *twist));
    Prediction { solids: solids.collect(), twists }
}

/// The twists before each round of contact and after the last, and the impulses of each.
struct Rounds<R> {
    twists: Vec<Vec<Twist<R>>>,
    impulses: Vec<Vec<Impulse<R>>>,
}

fn all_rounds<R: Scalar>(
    ctx: &Context<R>,
    colliders: &[ColliderAt<R>],
    motions: &[RigidMotion<R>],
) -> Rounds<R> {
    let mut twists: Vec<Vec<_>> =
        vec![motions.iter().map(|motion| free_twist(ctx, motion)).collect()];
    let mut impulses = Vec::new();
    for round in 0..ROUNDS {
        let before = &twists[round];
        let given = meet_all(ctx, colliders, motions, before);
        let bodies = 0..motions.len();
        let after = bodies.map(|b| pushed(&ctx.rigid[b], &motions[b], before[b], given[b]));
        twists.push(after.collect());
        impulses.push(given);
    }
    Rounds { twists, impulses }
}

/// From the cotangents of the predicted twists and colliders: adds those of the bodies to `bars`,
/// of the colliders to `collider_bars`.
pub fn rigid_predict_adj<R: Scalar>(
    ctx: &Context<R>,
    colliders: &[ColliderAt<R>],
    motions: &[RigidMotion<R>],
    (twist_bars, solid_bars): (&[Twist<R>], &[PoseBar<R>]),
    bars: &mut [RigidBar<R>],
    collider_bars: &mut [PoseBar<R>],
) {
    let rounds = all_rounds(ctx, colliders, motions);
    let mut twist_bars = twist_bars.to_vec();
    for (b, bar) in bars.iter_mut().enumerate() {
        let (twist, twist_bar) = (rounds.twists[ROUNDS][b], &mut twist_bars[b]);
        solid_adj(&ctx.rigid[b], &motions[b], twist, &solid_bars[b], &mut bar.motion, twist_bar);
    }
    for round in (0..ROUNDS).rev() {
        let pushes = bars.iter_mut().zip(&twist_bars).zip(&rounds.impulses[round]).enumerate();
        let impulse_bars: Vec<_> = pushes
            .map(|(b, ((bar, twist_bar), impulse))| {
                pushed_adj(&ctx.rigid[b], &motions[b], *impulse, *twist_bar, bar)
            })
            .collect();
        let of = (&rounds.twists[round][..], &mut twist_bars[..]);
        meet_all_adj(ctx, colliders, motions, of, &impulse_bars, bars, collider_bars);
    }
    for (bar, twist_bar) in bars.iter_mut().zip(twist_bars) {
        bar.motion.velocity += twist_bar.velocity;
        bar.motion.angular_velocity += twist_bar.angular_velocity;
    }
}

/// The motion after the substep: the impulse (its moment about the centre of the shape) that the
/// nodes gave, then position and rotation.
///
/// The angular momentum stays what it is while the body turns: with w the angular velocity after
/// the impulse and C the rotation by `2 atan(dt |w|/2)`, `L = I w` and `w' = I'⁻¹ L`,
/// I' = C I Cᵀ; in the form `w' = C (w + I⁻¹ (Cᵀ - 1) L)`, a sum of small changes.
pub fn rigid_update<R: Scalar>(
    ctx: &Context<R>,
    body: &Rigid<R>,
    motion: &RigidMotion<R>,
    predicted: Twist<R>,
    impulse: Impulse<R>,
) -> RigidMotion<R> {
    let twist = pushed(body, motion, predicted, about_mass(body, motion, impulse));
    let rotation = quaternion_matrix(motion.rotation);
    let a = half_turn(ctx, twist);
    let momentum = turned(&body.inertia, &rotation, twist.angular_velocity);
    let gyration = turned(&body.inertia.inverse(), &rotation, turn_change(-a, momentum));
    let spin = twist.angular_velocity + gyration;

    let moved = motion.offset + twist.velocity * (ctx.dt * ctx.inverse_width);
    let half = R::from_f64(0.5);
    let shift = moved.0.map(|o| i32::from(o >= half) - i32::from(o < -half));
    RigidMotion {
        cell: std::array::from_fn(|a| motion.cell[a].wrapping_add(shift[a])),
        offset: Vec3::from_fn(|a| moved[a] - R::from_f64(f64::from(shift[a]))),
        rotation: quaternion_turned(a, motion.rotation),
        velocity: twist.velocity,
        angular_velocity: spin + turn_change(a, spin),
    }
}

/// Cotangents of motion and mass (the part that this stage reads), of the predicted twist, and of
/// the impulse.
pub fn rigid_update_adj<R: Scalar>(
    ctx: &Context<R>,
    body: &Rigid<R>,
    motion: &RigidMotion<R>,
    predicted: Twist<R>,
    impulse: Impulse<R>,
    after_bar: &RigidCotangent<R>,
) -> (RigidBar<R>, Twist<R>, Impulse<R>) {
    let about = about_mass(body, motion, impulse);
    let twist = pushed(body, motion, predicted, about);
    let rotation = quaternion_matrix(motion.rotation);
    let inverse = body.inertia.inverse();
    let a = half_turn(ctx, twist);
    let momentum = turned(&body.inertia, &rotation, twist.angular_velocity);
    let change = turn_change(-a, momentum);
    let gyration = turned(&inverse, &rotation, change);
    let spin = twist.angular_velocity + gyration;

    let mut bar = RigidBar::zero();
    // w' = spin + (C - 1) spin
    let (mut a_bar, spin_bar) = turn_change_adj(a, spin, after_bar.angular_velocity);
    let spin_bar = spin_bar + after_bar.angular_velocity;
    // theta' = C theta + 2/(1 + a²) (a_dot + a x a_dot)
    let theta_bar = after_bar.rotation;
    let scale = R::from_f64(2.0) / (R::one() + a.norm_squared());
    a_bar += (theta_bar + theta_bar.cross(a)) * scale;
    bar.motion.rotation += theta_bar + turn_change(-a, theta_bar);

    let (inverse_bar, turn_bar, change_bar) =
        turned_adj(&inverse, &rotation, change, gyration, spin_bar);
    bar.motion.rotation += turn_bar;
    bar.mass.inertia += inverse_adj(&inverse, inverse_bar);
    let (minus_a_bar, momentum_bar) = turn_change_adj(-a, momentum, change_bar);
    a_bar = a_bar - minus_a_bar;
    let (inertia_bar, turn_bar, spin_before_bar) =
        turned_adj(&body.inertia, &rotation, twist.angular_velocity, momentum, momentum_bar);
    bar.motion.rotation += turn_bar;
    bar.mass.inertia += inertia_bar;

    // x' = x + dt v'
    bar.motion.position = after_bar.position;
    let twist_bar = Twist {
        velocity: after_bar.velocity + after_bar.position * ctx.dt,
        angular_velocity: spin_bar + spin_before_bar + a_bar * (ctx.dt * R::from_f64(0.5)),
    };
    let about_bar = pushed_adj(body, motion, about, twist_bar, &mut bar);
    let impulse_bar = about_mass_adj(body, motion, impulse, about_bar, &mut bar.motion);
    (bar, twist_bar, impulse_bar)
}

/// The collider that a body is to the nodes.
pub fn solid<R: Scalar>(
    ctx: &Context<R>,
    body: &Rigid<R>,
    motion: &RigidMotion<R>,
    twist: Twist<R>,
) -> ColliderAt<R> {
    let rotation = quaternion_matrix(motion.rotation);
    let centre = rotation * body.centre;
    ColliderAt {
        cell: motion.cell,
        offset: motion.offset * ctx.cell_width + centre,
        rotation,
        velocity: twist.velocity + twist.angular_velocity.cross(centre),
        angular_velocity: twist.angular_velocity,
        shape: body.shape.clone(),
        mode: body.contact.mode,
        friction: R::from_f64(body.contact.friction),
        softness: R::from_f64(body.contact.softness),
    }
}

fn solid_adj<R: Scalar>(
    body: &Rigid<R>,
    motion: &RigidMotion<R>,
    twist: Twist<R>,
    bar: &PoseBar<R>,
    motion_bar: &mut RigidCotangent<R>,
    twist_bar: &mut Twist<R>,
) {
    let centre = quaternion_matrix(motion.rotation) * body.centre;
    let centre_bar = bar.position + bar.velocity.cross(twist.angular_velocity);
    motion_bar.position += bar.position;
    motion_bar.rotation += bar.rotation + centre.cross(centre_bar);
    twist_bar.velocity += bar.velocity;
    twist_bar.angular_velocity += bar.angular_velocity + centre.cross(bar.velocity);
}

/// What a body would have at the end of the substep if nothing touched it. Gravity does not turn;
/// that inertia turns with the body is left to [`rigid_update`].
fn free_twist<R: Scalar>(ctx: &Context<R>, motion: &RigidMotion<R>) -> Twist<R> {
    Twist {
        velocity: motion.velocity + ctx.gravity * ctx.dt,
        angular_velocity: motion.angular_velocity,
    }
}

/// The twist after an impulse about the centre of mass.
fn pushed<R: Scalar>(
    body: &Rigid<R>,
    motion: &RigidMotion<R>,
    twist: Twist<R>,
    impulse: Impulse<R>,
) -> Twist<R> {
    let rotation = quaternion_matrix(motion.rotation);
    let turn = turned(&body.inertia.inverse(), &rotation, impulse.angular);
    Twist {
        velocity: twist.velocity + impulse.linear * body.mass.recip(),
        angular_velocity: twist.angular_velocity + turn,
    }
}

/// The cotangent of the impulse; that of the twist before is `twist_bar` itself.
fn pushed_adj<R: Scalar>(
    body: &Rigid<R>,
    motion: &RigidMotion<R>,
    impulse: Impulse<R>,
    twist_bar: Twist<R>,
    bar: &mut RigidBar<R>,
) -> Impulse<R> {
    let rotation = quaternion_matrix(motion.rotation);
    let inverse = body.inertia.inverse();
    let turn = turned(&inverse, &rotation, impulse.angular);
    let (inverse_bar, turn_bar, angular) =
        turned_adj(&inverse, &rotation, impulse.angular, turn, twist_bar.angular_velocity);
    bar.motion.rotation += turn_bar;
    bar.mass.inertia += inverse_adj(&inverse, inverse_bar);
    let linear = twist_bar.velocity * body.mass.recip();
    bar.mass.mass -= impulse.linear.dot(linear) / body.mass;
    Impulse { linear, angular }
}

/// An impulse about the centre of the shape, about the centre of mass.
fn about_mass<R: Scalar>(
    body: &Rigid<R>,
    motion: &RigidMotion<R>,
    impulse: Impulse<R>,
) -> Impulse<R> {
    let centre = quaternion_matrix(motion.rotation) * body.centre;
    Impulse { linear: impulse.linear, angular: impulse.angular + centre.cross(impulse.linear) }
}

fn about_mass_adj<R: Scalar>(
    body: &Rigid<R>,
    motion: &RigidMotion<R>,
    impulse: Impulse<R>,
    bar: Impulse<R>,
    motion_bar: &mut RigidCotangent<R>,
) -> Impulse<R> {
    let centre = quaternion_matrix(motion.rotation) * body.centre;
    motion_bar.rotation += centre.cross(impulse.linear.cross(bar.angular));
    Impulse { linear: bar.linear + bar.angular.cross(centre), angular: bar.angular }
}

/// Half the turn of a substep [rad].
fn half_turn<R: Scalar>(ctx: &Context<R>, twist: Twist<R>) -> Vec3<R> {
    twist.angular_velocity * (ctx.dt * R::from_f64(0.5))
}

/// `R A Rᵀ v`.
fn turned<R: Scalar>(a: &Mat3<R>, rotation: &Mat3<R>, v: Vec3<R>) -> Vec3<R> {
    *rotation * (*a * (rotation.transpose() * v))
}

/// Cotangents of A (symmetric), of a small rotation of R about the world axes, and of v;
/// `y = R A Rᵀ v`: `theta_bar = y x y_bar - v x v_bar`, `v_bar = R A Rᵀ y_bar`.
fn turned_adj<R: Scalar>(
    a: &Mat3<R>,
    rotation: &Mat3<R>,
    v: Vec3<R>,
    y: Vec3<R>,
    y_bar: Vec3<R>,
) -> (Mat3<R>, Vec3<R>, Vec3<R>) {
    let body_from_world = rotation.transpose();
    let a_bar = (body_from_world * y_bar).outer(body_from_world * v);
    let v_bar = turned(a, rotation, y_bar);
    (a_bar, y.cross(y_bar) - v.cross(v_bar), v_bar)
}

/// The cotangent of a symmetric matrix from that of its inverse.
fn inverse_adj<R: Scalar>(inverse: &Mat3<R>, inverse_bar: Mat3<R>) -> Mat3<R> {
    -(*inverse * inverse_bar * *inverse)
}

/// Why a body cannot go on, if it cannot.
pub fn cause_of_divergence<R: Scalar>(ctx: &Context<R>, motion: &RigidMotion<R>) -> Option<String> {
    let speed = motion.velocity.norm_squared().to_f64().sqrt();
    let sum = speed + motion.angular_velocity.norm_squared().to_f64();
    if !sum.is_finite() {
        return Some("its velocity is not a number".into());
    }
    (speed * ctx.dt.to_f64() >= ctx.cell_width.to_f64())
        .then(|| format!("it moves {speed:.3e} m/s, more than a cell in one substep"))
}
