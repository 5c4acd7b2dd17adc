//! Rigid bodies against colliders and against one another.
//!
//! A body meets solids with the contact points of its shape. Each is a small part of its mass that
//! collides as a grid node does (the same law: no approach, Coulomb friction), towards a surface
//! that moves out at a rate that removes a part of the depth in a substep. The parts are so small
//! (`share`) that impulses computed at once from the same twists do not overshoot: there is no
//! stiffness, and no limit to the substep. [`ROUNDS`] rounds in a substep leave a tenth of what a
//! box on its face falls or slides with, and it rests micrometres deep.

use super::{Context, Impulse, Rigid, RigidBar, Twist, solid, solid_adj};
use crate::math::{Scalar, Vec3, quaternion_matrix};
use crate::model::ContactMode;
use crate::mpm::state::RigidMotion;
use crate::mpm::twin::contact::{ColliderAt, PoseBar, change, change_adj};

/// Rounds of impulses in a substep, each from the twists that the one before left.
pub const ROUNDS: usize = 8;

/// Part of the depth that a contact removes in a substep.
const PUSH_OUT: f64 = 0.2;

/// A contact point near a solid.
struct Encounter<R> {
    /// From the body's centre of mass to the point [m].
    lever: Vec3<R>,
    /// From the origin of the solid to the body's centre of mass [m].
    apart: Vec3<R>,
    radius: R,
    twist: Twist<R>,
    /// Mass that collides [kg].
    mass: R,
    friction: R,
    /// Part of the depth removed, per time [1/s].
    push_rate: R,
}

/// What an encounter comes to.
struct Meeting<R> {
    /// On the body [N s].
    impulse: Vec3<R>,
    /// Where it acts, from the body's centre of mass and from the solid's origin [m].
    from_body: Vec3<R>,
    from_solid: Vec3<R>,
}

/// Cotangents of an [`Encounter`] and of its solid.
struct EncounterBar<R> {
    lever: Vec3<R>,
    apart: Vec3<R>,
    twist: Twist<R>,
    mass: R,
    solid: PoseBar<R>,
}

/// Impulses of one round on all bodies, about their centres of mass.
pub fn meet_all<R: Scalar>(
    ctx: &Context<R>,
    colliders: &[ColliderAt<R>],
    motions: &[RigidMotion<R>],
    free: &[Twist<R>],
) -> Vec<Impulse<R>> {
    let mut impulses = vec![Impulse::zero(); motions.len()];
    let solids = all_solids(ctx, motions, free);
    for a in 0..motions.len() {
        for collider in 0..colliders.len() {
            let solid = &colliders[collider];
            for_each_encounter(ctx, motions, free, a, Met::Collider(collider), solid, |e, _| {
                if let Some(meeting) = meet(e, solid) {
                    impulses[a] += meeting.on_body();
                }
            });
        }
        for b in (0..motions.len()).filter(|&b| b != a) {
            let solid = &solids[b];
            for_each_encounter(ctx, motions, free, a, Met::Body(b), solid, |e, _| {
                if let Some(meeting) = meet(e, solid) {
                    impulses[a] += meeting.on_body();
                    let centre = quaternion_matrix(motions[b].rotation) * ctx.rigid[b].centre;
                    impulses[b] += meeting.on_solid(centre);
                }
            });
        }
    }
    impulses
}

/// Adds the cotangents of the free twists to `free_bars`, of poses and masses to `bars`, of the
/// colliders to `collider_bars`.
pub fn meet_all_adj<R: Scalar>(
    ctx: &Context<R>,
    colliders: &[ColliderAt<R>],
    motions: &[RigidMotion<R>],
    (free, free_bars): (&[Twist<R>], &mut [Twist<R>]),
    impulse_bars: &[Impulse<R>],
    bars: &mut [RigidBar<R>],
    collider_bars: &mut [PoseBar<R>],
) {
    let solids = all_solids(ctx, motions, free);
    for a in 0..motions.len() {
        for collider in 0..colliders.len() {
            let solid = &colliders[collider];
            for_each_encounter(
                ctx,
                motions,
                free,
                a,
                Met::Collider(collider),
                solid,
                |e, point| {
                    let bar = meet_adj(e, solid, impulse_bars[a], Impulse::zero(), Vec3::zero());
                    let Some((bar, _)) = bar else { return };
                    bar.add_to(e, &mut bars[a], &mut free_bars[a]);
                    bars[a].mass.mass += bar.mass * ctx.rigid[a].points[point].share;
                    collider_bars[collider] += bar.solid;
                },
            );
        }
        for b in (0..motions.len()).filter(|&b| b != a) {
            let solid = &solids[b];
            for_each_encounter(ctx, motions, free, a, Met::Body(b), solid, |e, point| {
                let centre = quaternion_matrix(motions[b].rotation) * ctx.rigid[b].centre;
                let bar = meet_adj(e, solid, impulse_bars[a], impulse_bars[b], centre);
                let Some((bar, centre_bar)) = bar else { return };
                bar.add_to(e, &mut bars[a], &mut free_bars[a]);
                let (body, motion) = (&ctx.rigid[b], &motions[b]);
                bars[b].motion.rotation += centre.cross(centre_bar);
                let (bar_b, free_bar) = (&mut bars[b].motion, &mut free_bars[b]);
                solid_adj(body, motion, free[b], &bar.solid, bar_b, free_bar);
                let [by_a, by_b] = pair_mass_adj(ctx, a, point, b, bar.mass);
                bars[a].mass.mass += by_a;
                bars[b].mass.mass += by_b;
            });
        }
    }
}

/// What a contact point meets.
#[derive(Clone, Copy)]
enum Met {
    Collider(usize),
    Body(usize),
}

fn all_solids<R: Scalar>(
    ctx: &Context<R>,
    motions: &[RigidMotion<R>],
    free: &[Twist<R>],
) -> Vec<ColliderAt<R>> {
    (0..motions.len()).map(|b| solid(ctx, &ctx.rigid[b], &motions[b], free[b])).collect()
}

/// Visits the contact points of body `a`, unless the solid is out of its reach.
fn for_each_encounter<R: Scalar>(
    ctx: &Context<R>,
    motions: &[RigidMotion<R>],
    free: &[Twist<R>],
    a: usize,
    met: Met,
    solid: &ColliderAt<R>,
    mut visit: impl FnMut(&Encounter<R>, usize),
) {
    let (body, motion) = (&ctx.rigid[a], &motions[a]);
    let apart = Vec3::from_fn(|axis| {
        let cells = f64::from(motion.cell[axis].wrapping_sub(solid.cell[axis]));
        (R::from_f64(cells) + motion.offset[axis]) * ctx.cell_width - solid.offset[axis]
    });
    if solid.distance_bound(apart) > body.reach + solid.softness {
        return;
    }
    let rotation = quaternion_matrix(motion.rotation);
    let friction = match met {
        Met::Collider(c) => body.frictions[c],
        Met::Body(b) => body.frictions[body.frictions.len() - motions.len() + b],
    };
    let push_rate = R::from_f64(PUSH_OUT) / ctx.dt;
    for (index, point) in body.points.iter().enumerate() {
        let mass = match met {
            Met::Collider(_) => point.share * body.mass,
            Met::Body(b) => pair_mass(ctx, a, index, b),
        };
        let lever = rotation * point.position;
        let (radius, twist) = (point.radius, free[a]);
        let encounter = Encounter { lever, apart, radius, twist, mass, friction, push_rate };
        visit(&encounter, index);
    }
}

/// The mass that collides where a point of body a meets body b: that of two parts in line.
fn pair_mass<R: Scalar>(ctx: &Context<R>, a: usize, point: usize, b: usize) -> R {
    let (m_a, m_b) = parts(ctx, a, point, b);
    m_a * m_b / (m_a + m_b)
}

/// By the masses of a and b.
fn pair_mass_adj<R: Scalar>(ctx: &Context<R>, a: usize, point: usize, b: usize, bar: R) -> [R; 2] {
    let (m_a, m_b) = parts(ctx, a, point, b);
    let (of_a, of_b) = (m_b / (m_a + m_b), m_a / (m_a + m_b));
    let (share_a, share_b) = (ctx.rigid[a].points[point].share, ctx.rigid[b].share);
    [bar * of_a * of_a * share_a, bar * of_b * of_b * share_b]
}

fn parts<R: Scalar>(ctx: &Context<R>, a: usize, point: usize, b: usize) -> (R, R) {
    let (body_a, body_b): (&Rigid<R>, &Rigid<R>) = (&ctx.rigid[a], &ctx.rigid[b]);
    (body_a.points[point].share * body_a.mass, body_b.share * body_b.mass)
}

impl<R: Scalar> Meeting<R> {
    fn on_body(&self) -> Impulse<R> {
        Impulse { linear: self.impulse, angular: self.from_body.cross(self.impulse) }
    }

    /// On the solid, about a centre of mass from which its origin is at `centre`.
    fn on_solid(&self, centre: Vec3<R>) -> Impulse<R> {
        let linear = -self.impulse;
        Impulse { linear, angular: (centre + self.from_solid).cross(linear) }
    }
}

impl<R: Scalar> EncounterBar<R> {
    /// Adds what concerns the body itself (but for the mass, which pairs share).
    fn add_to(&self, e: &Encounter<R>, bar: &mut RigidBar<R>, free_bar: &mut Twist<R>) {
        bar.motion.position += self.apart;
        bar.motion.rotation += e.lever.cross(self.lever);
        free_bar.velocity += self.twist.velocity;
        free_bar.angular_velocity += self.twist.angular_velocity;
    }
}

/// The impulse of an encounter; none beyond the softened zone of the solid.
fn meet<R: Scalar>(e: &Encounter<R>, solid: &ColliderAt<R>) -> Option<Meeting<R>> {
    let at = solid.distance(e.apart + e.lever);
    let gap = at.phi - e.radius;
    let (a, _) = solid.influence(gap);
    if a == R::zero() {
        return None;
    }
    let from_body = e.lever - at.normal * e.radius;
    let from_solid = e.apart + from_body;
    let depth = (-gap).max(R::zero());
    let u = e.twist.velocity + e.twist.angular_velocity.cross(from_body)
        - solid.velocity
        - solid.angular_velocity.cross(from_solid)
        - at.normal * (depth * e.push_rate);
    let changed = change(ContactMode::Separate, e.friction, at.normal, u);
    Some(Meeting { impulse: changed * (a * e.mass), from_body, from_solid })
}

/// From the cotangents of the impulse on the body (about its centre of mass) and on the solid
/// (about one from which the solid's origin is at `centre`); also returns the cotangent of `centre`.
fn meet_adj<R: Scalar>(
    e: &Encounter<R>,
    solid: &ColliderAt<R>,
    body_bar: Impulse<R>,
    solid_bar: Impulse<R>,
    centre: Vec3<R>,
) -> Option<(EncounterBar<R>, Vec3<R>)> {
    let d = e.apart + e.lever;
    let at = solid.distance(d);
    let gap = at.phi - e.radius;
    let (a, slope) = solid.influence(gap);
    if a == R::zero() {
        return None;
    }
    let n = at.normal;
    let from_body = e.lever - n * e.radius;
    let from_solid = e.apart + from_body;
    let depth = (-gap).max(R::zero());
    let push = depth * e.push_rate;
    let (omega, solid_omega) = (e.twist.angular_velocity, solid.angular_velocity);
    let u = e.twist.velocity + omega.cross(from_body)
        - solid.velocity
        - solid_omega.cross(from_solid)
        - n * push;
    let changed = change(ContactMode::Separate, e.friction, n, u);
    let impulse = changed * (a * e.mass);

    // on_body, on_solid
    let from_centre = centre + from_solid;
    let impulse_bar = body_bar.linear + body_bar.angular.cross(from_body)
        - solid_bar.linear
        - solid_bar.angular.cross(from_centre);
    let centre_bar = -impulse.cross(solid_bar.angular);
    let mut from_body_bar = impulse.cross(body_bar.angular);
    let mut from_solid_bar = centre_bar;

    // impulse = a m change(n, u)
    let along = changed.dot(impulse_bar);
    let mut gap_bar = slope * e.mass * along;
    let (u_bar, mut n_bar) =
        change_adj(ContactMode::Separate, e.friction, n, u, impulse_bar * (a * e.mass));
    n_bar = n_bar - u_bar * push;
    if gap < R::zero() {
        gap_bar += e.push_rate * n.dot(u_bar);
    }
    from_body_bar += u_bar.cross(omega);
    from_solid_bar = from_solid_bar - u_bar.cross(solid_omega);

    // from_body = lever - radius n, from_solid = apart + from_body
    from_body_bar += from_solid_bar;
    n_bar = n_bar - from_body_bar * e.radius;
    let surface_bar = at.point_bar(gap_bar, n_bar);
    let bar = EncounterBar {
        lever: from_body_bar + surface_bar,
        apart: from_solid_bar + surface_bar,
        twist: Twist { velocity: u_bar, angular_velocity: from_body.cross(u_bar) },
        mass: a * along,
        solid: PoseBar {
            position: -(from_solid_bar + surface_bar),
            rotation: n.cross(n_bar) - d.cross(surface_bar),
            velocity: -u_bar,
            angular_velocity: -from_solid.cross(u_bar),
        },
    };
    Some((bar, centre_bar))
}
