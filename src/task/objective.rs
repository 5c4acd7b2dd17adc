//! The terms of an objective, from what the scene file says.

use super::score::start_centre;
use super::{Resolve, Subject, sensors};
use crate::rollout::{
    ControlMeasure, DensityTarget, Measure, NodeGrid, Objective, Sensor, Term, TermKind, When,
};
use crate::scene::{self, KeyPath, Npz, NpzError, SceneError};

pub(super) fn compile(resolve: &Resolve, terms: &[scene::Term]) -> Result<Objective, SceneError> {
    if terms.is_empty() {
        let at = KeyPath::root("task").key("objective");
        let message = "the objective has no terms; at least one is needed";
        return Err(resolve.scene.error(&at, message));
    }
    let at = |index| KeyPath::root("task").key("objective").index(index);
    let compiled = terms.iter().enumerate().map(|(i, term)| compile_term(resolve, &at(i), term));
    let objective = Objective { terms: compiled.collect::<Result<_, _>>()? };
    for (index, term) in objective.terms.iter().enumerate() {
        let alone = Objective { terms: vec![term.clone()] };
        alone
            .check(resolve.model)
            .map_err(|error| resolve.scene.error(&at(index), error.problem))?;
    }
    Ok(objective)
}

fn compile_term(resolve: &Resolve, at: &KeyPath, term: &scene::Term) -> Result<Term, SceneError> {
    use scene::Term as Said;
    let scale = || resolve.model.actions.iter().map(|a| a.lower.abs().max(a.upper.abs())).collect();
    let (name, weight, kind) = match term {
        Said::CenterOfMass { body, goal, weight, when } => {
            let point = resolve.point(at, "goal", *goal)?;
            let measure = Measure::CentreToPoint { point, axes: [true; 3] };
            ("center_of_mass", weight, of(measure, resolve.whole(at, body)?, *when))
        }
        Said::Velocity { body, direction, weight, when } => {
            let direction = resolve.direction(at, "direction", *direction)?;
            let measure = Measure::CentreVelocity { direction };
            ("velocity", weight, of(measure, resolve.whole(at, body)?, *when))
        }
        Said::Displacement { body, direction, weight, when } => {
            let direction = resolve.direction(at, "direction", *direction)?;
            let subject = resolve.started(at, body)?;
            let from = start_centre(resolve.model, &subject);
            let measure = Measure::CentreDisplacement { from, direction };
            ("displacement", weight, of(measure, subject, *when))
        }
        Said::TargetPositions { body, file, weight, when } => {
            let particles = resolve.body(at, body)?;
            let targets = read_points(resolve, file, particles.len())
                .map_err(|error| resolve.scene.error(&at.key("file"), error.to_string()))?;
            let measure = Measure::ParticlesToTargets { targets };
            ("target_positions", weight, of(measure, Subject::Particles(particles), *when))
        }
        Said::DensityGrid { body, file, weight, when } => {
            let target = read_density(resolve, file)
                .map_err(|error| resolve.scene.error(&at.key("file"), error.to_string()))?;
            let particles = Subject::Particles(resolve.body(at, body)?);
            ("density_grid", weight, of(Measure::Density(target), particles, *when))
        }
        Said::Sensor { sensor, target, file, weight, when } => {
            let known = sensors(resolve.scene, resolve.model)?;
            let names: Vec<&str> = known.iter().map(|s| s.name.as_str()).collect();
            let index = resolve.index(&at.key("sensor"), "sensor", sensor, &names)?;
            let sensor = known[index].clone();
            let target = read_target(resolve, at, &sensor, target.as_deref(), file.as_deref())?;
            ("sensor", weight, TermKind::Sensor { sensor, target, when: moment(*when) })
        }
        Said::ActionEnergy { weight } => {
            let measure = ControlMeasure::Energy { scale: scale() };
            ("action_energy", weight, TermKind::Controls(measure))
        }
        Said::ActionSmoothness { weight } => {
            let measure = ControlMeasure::Smoothness { scale: scale() };
            ("action_smoothness", weight, TermKind::Controls(measure))
        }
    };
    let weight = resolve.finite(at, "weight", *weight)?;
    Ok(Term { name: name.into(), weight, kind })
}

/// What a sensor is to show.
fn read_target(
    resolve: &Resolve,
    at: &KeyPath,
    sensor: &Sensor,
    target: Option<&[f64]>,
    file: Option<&str>,
) -> Result<Vec<f64>, SceneError> {
    let size = sensor.size();
    let numbers = match (target, file) {
        (Some(numbers), None) => numbers.to_vec(),
        (None, Some(file)) => {
            let shape: Vec<Option<usize>> = sensor.shape().into_iter().map(Some).collect();
            let read = Npz::open(&resolve.scene.source.resolve(file))
                .and_then(|mut npz| npz.array("target", &shape));
            let read = read.map_err(|e| resolve.scene.error(&at.key("file"), e.to_string()))?;
            read.iter().copied().collect()
        }
        _ => {
            let message = "a sensor term needs either `target` or `file`";
            return Err(resolve.scene.error(at, message));
        }
    };
    match numbers[..] {
        [one] => Ok(vec![one; size]),
        _ if numbers.len() == size => Ok(numbers),
        _ => {
            let found = numbers.len();
            let message =
                format!("`target` has {found} numbers; sensor `{}` gives {size}", sensor.name);
            Err(resolve.scene.error(&at.key("target"), message))
        }
    }
}

fn of(measure: Measure, subject: Subject, when: scene::When) -> TermKind {
    let when = moment(when);
    match subject {
        Subject::Particles(particles) => TermKind::State { measure, particles, when },
        Subject::RigidBody(body) => TermKind::Rigid { measure, body, when },
    }
}

fn moment(when: scene::When) -> When {
    match when {
        scene::When::End => When::End,
        scene::When::Always => When::Along,
    }
}

/// The array `x` of one position for each particle.
fn read_points(
    resolve: &Resolve,
    file: &str,
    particle_count: usize,
) -> Result<Vec<[f64; 3]>, NpzError> {
    let mut npz = Npz::open(&resolve.scene.source.resolve(file))?;
    let x = npz.array("x", &[Some(particle_count), Some(3)])?;
    Ok(x.rows().into_iter().map(|row| [row[0], row[1], row[2]]).collect())
}

fn read_density(resolve: &Resolve, file: &str) -> Result<DensityTarget, NpzError> {
    let mut npz = Npz::open(&resolve.scene.source.resolve(file))?;
    let mass = npz.array("mass", &[None, None, None])?;
    let origin = npz.array("origin", &[Some(3)])?;
    let cell_width = npz.array("cell_width", &[])?;
    Ok(DensityTarget {
        grid: NodeGrid {
            origin: [origin[0], origin[1], origin[2]],
            cell_width: cell_width.iter().sum(),
            node_counts: [mass.shape()[0], mass.shape()[1], mass.shape()[2]],
        },
        node_mass: mass.iter().copied().collect(),
    })
}
