//! Layer 5: a scene with horizon, objective and score.

mod objective;
mod score;
mod search_space;
mod sensors;
mod stages;
mod start;

pub use score::Score;
pub use search_space::SearchSpace;
pub use sensors::sensors;
pub use stages::Stages;

use crate::model::{Frame, Model};
use crate::mpm::state::NO_MUSCLE;
use crate::rollout::{Controls, Objective};
use crate::scene::{KeyPath, Scene, SceneError, nearest};
use std::collections::BTreeSet;

/// A task made ready to run with the model that its scene was compiled to.
#[derive(Clone, Debug)]
pub struct Task {
    /// Control steps.
    pub horizon: usize,
    /// Control steps after which the controls repeat, if they do.
    pub cycle: Option<usize>,
    /// In how many stages an optimisation lets the horizon grow, if it is not asked for another
    /// number.
    pub stages: usize,
    /// Minimised.
    pub objective: Objective,
    /// Reported.
    pub score: Score,
    /// The score from which the task counts as solved.
    pub success: f64,
    /// Controls that an optimiser starts from.
    pub start: Controls,
}

impl Task {
    /// Resolves the `[task]` of a scene against the model it was compiled to.
    ///
    /// # Errors
    /// The scene has no task; a term, the score or a start names what is not there, is out of range
    /// or does not fit its file; with its place in the scene file.
    pub fn compile(scene: &Scene, model: &Model) -> Result<Task, SceneError> {
        let Some(task) = &scene.task else {
            return Err(SceneError::new("the scene has no `[task]`")
                .in_file(&scene.source.path)
                .with_help(
                    "add `[task]` with `horizon`, `[[task.objective]]` and `[task.score]`",
                ));
        };
        let at = KeyPath::root("task");
        let resolve = Resolve { scene, model };
        if !(task.success > 0.0 && task.success <= 1.0) {
            let message = format!("`success` is {}; it must be > 0 and at most 1", task.success);
            return Err(scene.error(&at.key("success"), message));
        }
        if !(1..=task.horizon).contains(&task.stages) {
            let message = format!(
                "`stages` is {}; 1 to {} are allowed, the control steps of the horizon",
                task.stages, task.horizon
            );
            return Err(scene.error(&at.key("stages"), message));
        }
        if model.actions.is_empty() {
            let message = "the task has nothing to command: no effector and no muscle";
            return Err(scene.error(&at, message).with_help("add `[[effector]]` or `[[muscle]]`"));
        }
        let cycle = start::cycle(&resolve, task)?;
        Ok(Task {
            horizon: task.horizon,
            cycle,
            stages: task.stages,
            objective: objective::compile(&resolve, &task.objective)?,
            score: score::compile(&resolve, &task.score)?,
            success: task.success,
            start: start::compile(&resolve, task, cycle)?,
        })
    }

    /// All that an optimiser may choose, from the task's own start on.
    pub fn search_space(&self, model: &Model) -> SearchSpace {
        SearchSpace::new(self, model, &self.start).expect("a compiled task's start fits it")
    }
}

/// Looks names of a task up.
struct Resolve<'a> {
    scene: &'a Scene,
    model: &'a Model,
}

/// What a term or a score is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// The particles of a body.
    Particles(std::ops::Range<usize>),
    /// A free rigid body.
    RigidBody(usize),
}

impl Resolve<'_> {
    /// The body or rigid body of a name.
    fn subject(&self, at: &KeyPath, name: &str) -> Result<Subject, SceneError> {
        let bodies = self.model.bodies.iter().map(|b| b.name.as_str());
        let names: Vec<&str> =
            bodies.chain(self.model.rigid_bodies.iter().map(|b| b.name.as_str())).collect();
        let index = self.index(&at.key("body"), "body", name, &names)?;
        Ok(match index.checked_sub(self.model.bodies.len()) {
            None => Subject::Particles(self.model.bodies[index].particles.clone()),
            Some(body) => Subject::RigidBody(body),
        })
    }

    /// The same of a body whose particles are all there at all times.
    fn whole(&self, at: &KeyPath, name: &str) -> Result<Subject, SceneError> {
        let subject = self.subject(at, name)?;
        if let Subject::Particles(particles) = &subject {
            self.stays(&at.key("body"), name, particles)?;
        }
        Ok(subject)
    }

    /// Whether none of some particles can sleep: chunks with muscles are awake, and those beside them there.
    fn stays(
        &self,
        at: &KeyPath,
        name: &str,
        particles: &std::ops::Range<usize>,
    ) -> Result<(), SceneError> {
        let Some(sleep) = &self.model.levels.sleep else { return Ok(()) };
        let (start, own) = (&self.model.initial, &self.model.particles);
        let chunk = |p: usize| sleep.chunk_of(Frame::of(self.model), start.cell[p]);
        let muscles: BTreeSet<[i32; 2]> =
            particles.clone().filter(|&p| own.muscle[p] != NO_MUSCLE).map(chunk).collect();
        let is_near = |[x, y]: [i32; 2]| {
            (x - 1..=x + 1).any(|x| (y - 1..=y + 1).any(|y| muscles.contains(&[x, y])))
        };
        if particles.clone().all(|p| is_near(chunk(p))) {
            return Ok(());
        }
        let message = format!(
            "`[levels.sleep]` takes particles of `{name}` out of the run while nobody is near, and puts new ground in, \
             so that a mean over them jumps"
        );
        let help = "measure what touches a collider that moves, a rigid body, or a body with muscles everywhere; or \
                    let nothing sleep";
        Err(self.scene.error(at, message).with_help(help))
    }

    /// The same of which something is there at the start, so that it has a place then.
    fn started(&self, at: &KeyPath, name: &str) -> Result<Subject, SceneError> {
        let subject = self.whole(at, name)?;
        if let Subject::Particles(particles) = &subject
            && !particles.clone().any(|p| self.model.initial.is_present(p))
        {
            let message = format!("`{name}` is nowhere at the start: its emitter brings it later");
            return Err(self.scene.error(&at.key("body"), message));
        }
        Ok(subject)
    }

    /// Particles of a named body.
    fn body(&self, at: &KeyPath, name: &str) -> Result<std::ops::Range<usize>, SceneError> {
        let bodies = &self.model.bodies;
        let names: Vec<&str> = bodies.iter().map(|b| b.name.as_str()).collect();
        Ok(bodies[self.index(&at.key("body"), "body", name, &names)?].particles.clone())
    }

    fn index(
        &self,
        at: &KeyPath,
        kind: &str,
        name: &str,
        candidates: &[&str],
    ) -> Result<usize, SceneError> {
        candidates.iter().position(|candidate| *candidate == name).ok_or_else(|| {
            let near = nearest(name, candidates.iter().copied());
            let suggestion = near.map_or_else(String::new, |n| format!(", did you mean `{n}`?"));
            let known = candidates.join("`, `");
            self.scene.error(at, format!("unknown {kind} `{name}`{suggestion} (known: `{known}`)"))
        })
    }

    fn finite(&self, at: &KeyPath, key: &str, value: f64) -> Result<f64, SceneError> {
        if value.is_finite() {
            return Ok(value);
        }
        Err(self.scene.error(&at.key(key), format!("`{key}` is {value}; it must be finite")))
    }

    fn point(&self, at: &KeyPath, key: &str, value: [f64; 3]) -> Result<[f64; 3], SceneError> {
        if value.iter().all(|c| c.is_finite()) {
            return Ok(value);
        }
        Err(self.scene.error(&at.key(key), format!("`{key}` is {value:?}; it must be finite")))
    }

    /// A unit vector; what rounding took from its length is given back.
    fn direction(&self, at: &KeyPath, key: &str, value: [f64; 3]) -> Result<[f64; 3], SceneError> {
        // The digits that people type of 1/sqrt(2) and the like.
        const TOLERANCE: f64 = 1e-3;
        let length = self.point(at, key, value)?.iter().map(|c| c * c).sum::<f64>().sqrt();
        if (length - 1.0).abs() <= TOLERANCE {
            return Ok(value.map(|c| c / length));
        }
        let message = format!("`{key}` is {value:?}, of length {length}; it must be of length one");
        Err(self.scene.error(&at.key(key), message))
    }
}
