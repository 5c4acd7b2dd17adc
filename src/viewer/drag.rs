//! Dragging: from the ray through the pointer to what an effector is commanded to do.
//!
//! Whoever drags says where the effector is to go; how fast it goes there is bounded by its channels
//! and by the speed that the substep was chosen for. What comes out is an action like any other.
//! Positions are metres from the model's origin node, in f64.

use crate::model::{ActionChannel, ActionTarget, Model};
use crate::render::{Posed, Show, Solid, View};
use glam::DVec3;

/// A hand is not stiff: what it drags is where it points after about this time [s].
const FOLLOW_SECS: f64 = 0.1;
/// A plane that is seen at a smaller angle (sine) says nothing about where the pointer is.
const GRAZING: f64 = 0.03;

/// A half line; the direction is not normalised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ray {
    pub start: DVec3,
    pub direction: DVec3,
}

impl Ray {
    /// Through picture coordinates in [-1, 1] (y up) of a view of the model.
    pub fn through(view: &View, model: &Model, [x, y]: [f64; 2]) -> Self {
        let direction =
            view.forward + view.right * (x * view.half_width) + view.up * (y * view.half_height);
        Self { start: view.eye + from_origin(model, view.anchor), direction }
    }

    /// Where it meets the plane through a point; `None` behind its start, and where it grazes.
    fn meets(&self, point: DVec3, normal: DVec3) -> Option<DVec3> {
        let towards = self.direction.dot(normal);
        if towards.abs() < GRAZING * self.direction.length() {
            return None;
        }
        let t = (point - self.start).dot(normal) / towards;
        (t > 0.0).then(|| self.start + self.direction * t)
    }
}

/// Position of a node [m].
fn from_origin(model: &Model, node: [i32; 3]) -> DVec3 {
    DVec3::from_array(std::array::from_fn(|a| {
        (i64::from(node[a]) - i64::from(model.origin[a])) as f64 * model.cell_width
    }))
}

/// What moves by command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mover {
    Collider(usize),
    Emitter(usize),
}

/// Something that can be dragged.
#[derive(Clone, Debug, PartialEq)]
pub struct Grip {
    pub mover: Mover,
    /// What its own motion is without any action [m/s].
    own: DVec3,
    /// Its channels, each with the axis that it acts along.
    channels: Vec<(usize, usize)>,
    /// Velocities that its channels allow [m/s].
    lower: DVec3,
    upper: DVec3,
    /// As a whole it is never faster [m/s].
    fastest: f64,
}

/// Channels for the agents that have none along any axis: whoever looks for where resolution follows drags
/// these, in all directions, no faster than the substep allows.
pub fn channels_of_agents(model: &Model, fastest: f64) -> Vec<ActionChannel> {
    let mut channels = Vec::new();
    for collider in model.levels.agents.iter().map(|agent| agent.collider) {
        let driven = |target| matches!(target, ActionTarget::LinearVelocity { collider: c, .. } if c == collider);
        if model.actions.iter().any(|action| driven(action.target)) {
            continue;
        }
        let own = &model.colliders[collider];
        channels.extend(["vx", "vy", "vz"].into_iter().enumerate().map(|(axis, key)| {
            ActionChannel {
                name: format!("{}.{key}", own.name),
                target: ActionTarget::LinearVelocity { collider, axis },
                lower: -fastest - own.velocity[axis],
                upper: fastest - own.velocity[axis],
            }
        }));
    }
    channels
}

/// Everything in a model that can be dragged.
pub fn grips(model: &Model, fastest: f64) -> Vec<Grip> {
    let mut grips: Vec<Grip> = Vec::new();
    for (channel, action) in model.actions.iter().enumerate() {
        let (mover, axis, own) = match action.target {
            ActionTarget::LinearVelocity { collider, axis } => {
                (Mover::Collider(collider), axis, model.colliders[collider].velocity)
            }
            ActionTarget::EmitterVelocity { emitter, axis } => {
                (Mover::Emitter(emitter), axis, model.emitters[emitter].velocity)
            }
            _ => continue,
        };
        let known = grips.iter().position(|grip| grip.mover == mover);
        let index = known.unwrap_or_else(|| {
            let own = DVec3::from_array(own.0);
            let (lower, upper, channels) = (own, own, Vec::new());
            grips.push(Grip { mover, own, channels, lower, upper, fastest });
            grips.len() - 1
        });
        let grip = &mut grips[index];
        grip.channels.push((channel, axis));
        grip.lower[axis] += action.lower;
        grip.upper[axis] += action.upper;
    }
    grips
}

impl Grip {
    /// Which solid of a frame it is.
    fn solid(&self, model: &Model) -> usize {
        match self.mover {
            Mover::Collider(collider) => collider,
            Mover::Emitter(emitter) => model.colliders.len() + model.rigid_bodies.len() + emitter,
        }
    }

    /// Where its origin is after so many substeps [m].
    pub fn position(&self, show: &Show, substep: usize) -> Option<DVec3> {
        let pose = match self.mover {
            Mover::Collider(collider) => show.poses(substep).get(collider),
            Mover::Emitter(emitter) => show.nozzles(substep).get(emitter),
        }?;
        Some(from_origin(&show.model, pose.cell) + DVec3::from_array(pose.offset.0))
    }

    /// The velocity that takes it `away` [m] in about `secs`, as far as it is allowed: towards the goal
    /// as long as that is in bounds, along an axis without a channel as it moves by itself.
    pub fn velocity(&self, away: DVec3, secs: f64) -> DVec3 {
        let drives = |axis: usize| self.channels.iter().any(|&(_, along)| along == axis);
        let mut wanted = away / secs;
        for axis in (0..3).filter(|&axis| !drives(axis)) {
            wanted[axis] = 0.0;
        }
        let mut part = (self.fastest / wanted.length()).min(1.0);
        for axis in (0..3).filter(|&axis| drives(axis)) {
            let bound = if wanted[axis] < 0.0 { self.lower[axis] } else { self.upper[axis] };
            // A bound on the other side of rest is kept below, whatever the direction.
            if bound / wanted[axis] > 0.0 {
                part = part.min(bound / wanted[axis]);
            }
        }
        let mut velocity = self.own;
        for axis in (0..3).filter(|&axis| drives(axis)) {
            velocity[axis] = (wanted[axis] * part).clamp(self.lower[axis], self.upper[axis]);
        }
        velocity
    }

    /// Writes the action that gives it a velocity; several channels along an axis share it in turn.
    pub fn command(&self, model: &Model, velocity: DVec3, action: &mut [f64]) {
        let mut missing = velocity - self.own;
        for &(channel, axis) in &self.channels {
            let ActionChannel { lower, upper, .. } = model.actions[channel];
            action[channel] = missing[axis].clamp(lower, upper);
            missing[axis] -= action[channel];
        }
    }
}

/// The grip that a ray meets first, and the point where it does; `solids` are those of a frame of the
/// model. What else is in front does not matter: an effector may be deep in the material.
pub fn pick(grips: &[Grip], model: &Model, solids: &[Solid], ray: &Ray) -> Option<(usize, DVec3)> {
    let hits = grips.iter().enumerate().filter_map(|(index, grip)| {
        let solid = solids.get(grip.solid(model)).filter(|solid| solid.is_finite())?;
        let posed = Posed::new(solid, model.origin, ray.start, model.cell_width);
        let (t, _) = posed.cast(ray.direction.as_vec3())?;
        (t > 0.0).then_some((index, t))
    });
    let (index, t) = hits.min_by(|a, b| a.1.total_cmp(&b.1))?;
    Some((index, ray.start + ray.direction * f64::from(t)))
}

/// In which plane something is dragged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plane {
    Level,
    /// Upright, and seen face on along a direction.
    Upright(DVec3),
}

/// An effector that is being dragged.
#[derive(Clone, Debug, PartialEq)]
pub struct Drag {
    /// Index among the grips.
    pub grip: usize,
    /// From the effector's origin to where it was gripped [m]; it does not turn with it.
    arm: DVec3,
    /// Where the gripped point is to go.
    pub goal: DVec3,
}

impl Drag {
    /// Of an effector at a position, by a point of it.
    pub fn new(grip: usize, position: DVec3, point: DVec3) -> Self {
        Self { grip, arm: point - position, goal: point }
    }

    /// Moves the goal to the ray, in a plane through the goal. Where the ray says nothing about that plane,
    /// the goal stays.
    pub fn follow(&mut self, ray: &Ray, plane: Plane) {
        let normal = match plane {
            Plane::Level => DVec3::Z,
            Plane::Upright(along) => DVec3::new(along.x, along.y, 0.0),
        };
        // Seen from straight above there is no upright plane.
        if let Some(normal) = normal.try_normalize() {
            self.goal = ray.meets(self.goal, normal).unwrap_or(self.goal);
        }
    }

    /// The gripped point of an effector at a position.
    pub fn point(&self, position: DVec3) -> DVec3 {
        position + self.arm
    }

    /// What the effector does in a control step of so many seconds that begins with it at a position.
    pub fn velocity(&self, grip: &Grip, position: DVec3, control_secs: f64) -> DVec3 {
        grip.velocity(self.goal - self.point(position), control_secs.max(FOLLOW_SECS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grip with channels along x and y, of which the first is there twice.
    fn grip(own: DVec3, lower: DVec3, upper: DVec3, fastest: f64) -> Grip {
        let channels = vec![(0, 0), (1, 1), (2, 0)];
        Grip { mover: Mover::Collider(0), own, channels, lower, upper, fastest }
    }

    fn free(fastest: f64) -> Grip {
        grip(DVec3::ZERO, DVec3::new(-9.0, -9.0, 0.0), DVec3::new(9.0, 9.0, 0.0), fastest)
    }

    #[test]
    fn what_is_near_is_reached_and_what_is_far_is_approached_straight_and_no_faster_than_allowed() {
        let goal = DVec3::new(0.03, -0.04, 0.0);
        let near = free(2.0).velocity(goal, 0.1) * 0.1;
        assert!((near - goal).length() < 1e-12, "{near}");
        let far = free(2.0).velocity(DVec3::new(3.0, 4.0, 0.0), 0.1);
        assert!((far - DVec3::new(1.2, 1.6, 0.0)).length() < 1e-12, "{far}");
        assert_eq!(free(2.0).velocity(DVec3::ZERO, 0.1), DVec3::ZERO);
    }

    #[test]
    fn a_bound_along_one_axis_slows_both_and_an_axis_without_channel_moves_by_itself() {
        let (lower, upper) = (DVec3::new(-0.5, -9.0, 0.2), DVec3::new(1.0, 9.0, 0.2));
        let narrow = grip(DVec3::new(0.0, 0.0, 0.2), lower, upper, 5.0);
        let forward = narrow.velocity(DVec3::new(2.0, 1.0, 7.0), 0.1);
        assert!((forward - DVec3::new(1.0, 0.5, 0.2)).length() < 1e-12, "{forward}");
        let back = narrow.velocity(DVec3::new(-2.0, 1.0, 7.0), 0.1);
        assert!((back - DVec3::new(-0.5, 0.25, 0.2)).length() < 1e-12, "{back}");
    }

    #[test]
    fn a_bound_that_excludes_rest_is_kept_whatever_the_direction() {
        let (lower, upper) = (DVec3::new(0.2, -1.0, 0.0), DVec3::new(1.0, 1.0, 0.0));
        let driven = grip(DVec3::new(0.6, 0.0, 0.0), lower, upper, 5.0);
        for away in [DVec3::X, -DVec3::X, DVec3::ZERO, DVec3::Y] {
            let velocity = driven.velocity(away, 0.1);
            assert!(velocity.clamp(lower, upper) == velocity, "{away} gives {velocity}");
        }
    }

    #[test]
    fn the_goal_follows_the_ray_in_its_plane_and_stays_where_that_is_seen_from_its_edge() {
        let point = DVec3::new(1.0, 2.0, 0.5);
        let mut drag = Drag::new(0, DVec3::new(1.0, 2.0, 0.0), point);
        let ray = |direction| Ray { start: DVec3::new(0.0, 0.0, 4.5), direction };
        drag.follow(&ray(DVec3::new(1.0, 0.5, -2.0)), Plane::Level);
        assert_eq!(drag.goal, DVec3::new(2.0, 1.0, 0.5));
        for lost in [DVec3::X, DVec3::new(1.0, 0.0, -0.01), DVec3::Z] {
            drag.follow(&ray(lost), Plane::Level);
            assert_eq!(drag.goal, DVec3::new(2.0, 1.0, 0.5), "along {lost}");
        }
        // Upright, the depth along the view stays.
        drag.follow(&ray(DVec3::new(2.0, 3.0, -1.0)), Plane::Upright(DVec3::new(1.0, 0.0, -3.0)));
        assert_eq!(drag.goal, DVec3::new(2.0, 3.0, 3.5));
        drag.follow(&ray(DVec3::new(2.0, 3.0, -1.0)), Plane::Upright(-DVec3::Z));
        assert_eq!(drag.goal, DVec3::new(2.0, 3.0, 3.5), "there is no upright plane from above");
        assert_eq!(drag.point(DVec3::ZERO), DVec3::new(0.0, 0.0, 0.5));
    }
}
