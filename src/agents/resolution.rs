//! The resolution field of a control step, from where agents are and were.

use super::{Drive, PoseCotangent};
use crate::math::{Scalar, Vec3};
use crate::model::{Agent, Field, Model, PAST_BOXES, ReachBar, Stance, StanceBar, stretched_adj};

/// A box that distance is measured from.
struct Followed {
    agent: Agent,
    stance: Stance,
    /// The substep whose pose it is at.
    substep: usize,
    /// Of a box along a way, the substep whose pose it reaches back to.
    from: Option<usize>,
}

/// The levels of resolution in the control step that begins with a substep: around the agents where
/// that substep finds them, and along the way that they took in the time for which places stay fine.
pub fn field_at<R: Scalar>(model: &Model, drive: &Drive, start: usize) -> Field<R> {
    let boxes = followed(model, drive, start).into_iter().map(|f| (f.agent, f.stance));
    Field::along(&model.levels, model.cell_width, model.origin, &boxes.collect::<Vec<_>>())
}

/// Adds the derivative by the poses that [`field_at`] read to `poses_bar`, from that by its reaches.
pub fn field_at_adj(
    model: &Model,
    drive: &Drive,
    start: usize,
    bars: &[ReachBar],
    poses_bar: &mut [PoseCotangent],
) {
    for (followed, bar) in followed(model, drive, start).iter().zip(bars) {
        let Followed { agent, stance, substep, from } = followed;
        let at = |substep: usize| substep * drive.collider_count + agent.collider;
        let StanceBar { position, rotation, velocity, trail } = stretched_adj(agent, stance, bar);
        let pose = &mut poses_bar[at(*substep)];
        pose.position += position;
        pose.rotation += rotation;
        match *from {
            None => pose.velocity += velocity,
            Some(from) => {
                // Its velocity is the step from there, its trail the length of that.
                let step = stance.velocity;
                // Where it came back to the same place, no direction is the step's.
                let along = if agent.trail > 0.0 { trail / agent.trail } else { 0.0 };
                let step_bar = velocity + step * along;
                pose.position += step_bar;
                poses_bar[at(from)].position += step_bar * -1.0;
            }
        }
    }
}

/// The agents, each followed by where it was.
fn followed(model: &Model, drive: &Drive, start: usize) -> Vec<Followed> {
    let mut boxes = Vec::new();
    for &agent in &model.levels.agents {
        let stance = drive.poses_at(start)[agent.collider].stance();
        boxes.push(Followed { agent, stance, substep: start, from: None });
        past(model, drive, start, &agent, &mut boxes);
    }
    boxes
}

/// Where an agent was: boxes along its way, each of which reaches back to the one before.
fn past(model: &Model, drive: &Drive, start: usize, agent: &Agent, boxes: &mut Vec<Followed>) {
    let per_control = model.substeps_per_control;
    let steps = model.levels.linger / (model.substep_secs * per_control as f64);
    let earliest = start.saturating_sub(steps.ceil() as usize * per_control);
    let way: Vec<(usize, Stance)> = (earliest..=start)
        .step_by(per_control)
        .map(|substep| (substep, drive.poses_at(substep)[agent.collider].stance()))
        .collect();
    let between = |a: &Stance, b: &Stance| {
        Vec3::from_fn(|axis| {
            let cells = f64::from(b.cell[axis].wrapping_sub(a.cell[axis]));
            cells * model.cell_width + b.offset[axis] - a.offset[axis]
        })
    };
    let length = |v: Vec3<f64>| v.norm_squared().sqrt();
    let whole: f64 = way.windows(2).map(|pair| length(between(&pair[0].1, &pair[1].1))).sum();
    let apart = agent.half_extents.0.into_iter().fold(whole / PAST_BOXES as f64, f64::max);
    let (mut older, mut gone) = (way[0], 0.0);
    for (n, pair) in way.windows(2).enumerate() {
        gone += length(between(&pair[0].1, &pair[1].1));
        if gone >= apart || (n + 2 == way.len() && gone > 0.0) {
            let step = between(&older.1, &pair[1].1);
            boxes.push(Followed {
                // Stretched back to where the box before it ends, not forward.
                agent: Agent { ahead: 0.0, trail: length(step), ..*agent },
                stance: Stance { velocity: step, ..pair[1].1 },
                substep: pair[1].0,
                from: Some(older.0),
            });
            (older, gone) = (pair[1], 0.0);
        }
    }
}
