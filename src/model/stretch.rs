//! The box that an agent keeps fine: its own, turned and stretched along its motion.

use super::field::ReachBar;
use super::levels::{Agent, Reach, Stance};
use crate::math::Vec3;

/// Speed [m/s] below which an agent counts as resting: its box is not stretched.
const RESTING_SPEED: f64 = 1e-3;

/// Cosine below which an edge of a box counts as upright to an axis: round-off of a rotation.
const STRAIGHT: f64 = 1e-12;

/// Derivative by a [`Stance`], and by the trail of its agent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StanceBar {
    /// By position [1/m].
    pub position: Vec3<f64>,
    /// By a small rotation about the world axes [1/rad].
    pub rotation: Vec3<f64>,
    pub velocity: Vec3<f64>,
    pub trail: f64,
}

/// What the box goes along with.
#[derive(Clone, Copy, PartialEq)]
enum Guide {
    /// The level part of the motion.
    Motion,
    /// The body's own x axis, as far as that is level.
    Body,
    /// The x axis of the world.
    World,
}

/// How an agent moves and what its box goes along with.
struct Course {
    guide: Guide,
    /// Horizontal unit vector (x, y).
    along: [f64; 2],
    /// Shares of the speed that go forward along it, and up; zero at rest.
    forward: f64,
    upward: f64,
}

impl Course {
    fn of(pose: &Stance) -> Self {
        let v = pose.velocity;
        let speed = v.norm_squared().sqrt();
        let level_speed = v[0].hypot(v[1]);
        let moving = speed > RESTING_SPEED;
        let (x, y) = (pose.rotation[(0, 0)], pose.rotation[(1, 0)]);
        let length = x.hypot(y);
        let (guide, along) = if moving && level_speed > 0.1 * speed {
            (Guide::Motion, [v[0] / level_speed, v[1] / level_speed])
        } else if length > 0.1 {
            (Guide::Body, [x / length, y / length])
        } else {
            (Guide::World, [1.0, 0.0])
        };
        let (forward, upward) =
            if moving { (level_speed / speed, v[2] / speed) } else { (0.0, 0.0) };
        Self { guide, along, forward, upward }
    }

    /// Along, across and up.
    fn axes(&self) -> [Vec3<f64>; 3] {
        let [c, s] = self.along;
        [Vec3([c, s, 0.0]), Vec3([-s, c, 0.0]), Vec3([0.0, 0.0, 1.0])]
    }
}

/// The upright box around an agent's box, turned and stretched along its motion; about its pose.
pub fn stretched(agent: &Agent, pose: &Stance) -> Reach {
    let course = Course::of(pose);
    // Extents of the turned box along the axes.
    let half = course.axes().map(|axis| {
        let body = pose.rotation.transpose() * axis;
        (0..3).map(|a| (body[a] * agent.half_extents[a]).abs()).sum::<f64>()
    });
    let Course { along, forward, upward, .. } = course;
    // Above counts as inside anyway.
    let deeper = agent.ahead * (-upward).max(0.0) + agent.trail * upward.max(0.0);
    Reach {
        position: Vec3([0.0; 3]),
        along,
        low: Vec3([-half[0] - agent.trail * forward, -half[1], -half[2] - deeper]),
        high: [half[0] + agent.ahead * forward, half[1]],
        depth_weight: agent.depth_weight,
    }
}

/// The adjoint of `stretched`: what decides (whether an agent rests, what its box goes along with) is constant,
/// and at rest it does not hang on the velocity.
pub fn stretched_adj(agent: &Agent, pose: &Stance, bar: &ReachBar) -> StanceBar {
    let course = Course::of(pose);
    let up = Vec3([0.0, 0.0, 1.0]);
    let mut rotation = Vec3::zero();
    let mut turn = bar.turn;
    let half_bar = [bar.high[0] - bar.low[0], bar.high[1] - bar.low[1], -bar.low[2]];
    for (axis, half_bar) in course.axes().into_iter().zip(half_bar) {
        for a in 0..3 {
            let edge = pose.rotation.column(a);
            // A box that stands straight grows by a turn either way: a kink, where the mean is taken.
            let along = edge.dot(axis);
            let sign = if along.abs() > STRAIGHT { along.signum() } else { 0.0 };
            let sum = half_bar * agent.half_extents[a] * sign;
            rotation += edge.cross(axis) * sum;
            turn += edge.dot(up.cross(axis)) * sum;
        }
    }
    let Course { guide, forward, upward, .. } = course;
    let forward_bar = agent.ahead * bar.high[0] - agent.trail * bar.low[0];
    let upward_bar = bar.low[2] * if upward < 0.0 { agent.ahead } else { -agent.trail };
    let mut velocity = Vec3::zero();
    let v = pose.velocity;
    let speed = v.norm_squared().sqrt();
    if speed > RESTING_SPEED {
        let direction = v * speed.recip();
        let level_speed = v[0].hypot(v[1]);
        if level_speed > 0.0 {
            let level = Vec3([v[0], v[1], 0.0]) * level_speed.recip();
            velocity += (level - direction * forward) * (forward_bar / speed);
            if guide == Guide::Motion {
                velocity += up.cross(level) * (turn / level_speed);
            }
        }
        velocity += (up - direction * upward) * (upward_bar / speed);
    }
    if guide == Guide::Body {
        // The axis x turns about the upright by (x x dx)_z / |(x, y)|².
        let x = pose.rotation.column(0);
        let across = Vec3([-x[1], x[0], 0.0]);
        rotation += x.cross(across) * (turn / across.norm_squared());
    }
    let trail = -forward * bar.low[0] - upward.max(0.0) * bar.low[2];
    StanceBar { position: bar.position, rotation, velocity, trail }
}
