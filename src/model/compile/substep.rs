//! The substep: what is stable, and what divides a control step.

use super::checks::Checks;
use crate::laws::Limits;
use crate::math::Vec3;
use crate::model::{ActionTarget, Collider, Model, Pose, Shape};
use crate::scene::{KeyPath, SceneError};
use glam::DVec3;
use serde::Serialize;

/// Fraction of a cell that a wave may cross in one substep (numerics.md 2): the measured limit on a
/// lattice is 1.15 cells (formulas.md 5.3).
const COURANT: f64 = 0.4;

/// Fraction of the time in which viscosity evens out a cell that a substep may take (formulas.md 8).
const VISCOUS: f64 = 0.2;

/// How close a whole number of substeps has to come to a control step, in substeps.
const WHOLE_TOLERANCE: f64 = 1e-6;

/// Why the stable substep is what it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stability {
    /// The longest stable substep [s]: the lesser of `0.4 cell_width / (wave_speed + max_speed)` and
    /// `0.2 density cell_width² / viscosity`.
    pub stable_secs: f64,
    /// The material that sets it.
    pub material: String,
    /// Speed of its confined compression wave, the largest activation included [m/s].
    pub wave_speed: f64,
    /// Its largest viscosity [Pa s].
    pub viscosity: f64,
    /// Largest speed that is expected [m/s].
    pub max_speed: f64,
}

/// The stable substep of a model. `max_speed` [m/s] replaces the estimate of the largest speed:
/// initial and commanded speeds, and free fall from the topmost particle to the lowest particle or
/// collider.
pub fn stability(model: &Model, max_speed: Option<f64>) -> Stability {
    let max_speed = max_speed.unwrap_or_else(|| expected_speed(model));
    // A muscle stiffens its fibre by its activation.
    let activation = model.actions.iter().fold(0.0f64, |most, action| match action.target {
        ActionTarget::Activation { .. } => most.max(action.lower.abs()).max(action.upper.abs()),
        _ => most,
    });
    let h = model.cell_width;
    let mut limit = Stability {
        stable_secs: f64::INFINITY,
        material: String::new(),
        wave_speed: 0.0,
        viscosity: 0.0,
        max_speed,
    };
    for body in &model.bodies {
        let material = &model.materials[body.material as usize];
        let has_muscle =
            model.particles.muscle[body.particles.clone()].iter().any(|&m| m as usize != NONE);
        let extra = if has_muscle { activation } else { 0.0 };
        let Limits { modulus, viscosity } = material.law.limits();
        let wave_speed = ((modulus + extra) / material.density).sqrt();
        let by_waves = COURANT * h / (wave_speed + max_speed);
        // Without viscosity this is infinite.
        let by_viscosity = VISCOUS * material.density * h * h / viscosity;
        let stable_secs = by_waves.min(by_viscosity);
        if stable_secs < limit.stable_secs {
            let material = material.name.clone();
            limit = Stability { stable_secs, material, wave_speed, viscosity, max_speed };
        }
    }
    limit
}

const NONE: usize = crate::mpm::state::NO_MUSCLE as usize;

fn expected_speed(model: &Model) -> f64 {
    let initial = model.initial.v.iter().map(|&v| norm(v)).fold(0.0, f64::max);
    let rigid = model.rigid_bodies.iter().zip(&model.initial.rigid);
    let rigid = rigid.map(|(body, m)| norm(m.velocity) + norm(m.angular_velocity) * body.reach());
    let initial = rigid.fold(initial, f64::max);
    let emitted = (0..model.emitters.len()).map(|e| emitted_speed(model, e));
    let initial = emitted.fold(initial, f64::max);
    let commanded = (0..model.colliders.len()).map(|c| commanded_speed(model, c));
    let commanded = commanded.fold(0.0, f64::max);
    // 2 g H, with heights as potentials -g·x.
    let potential = |x: Vec3<f64>| -model.gravity.dot(x);
    let start = &model.initial;
    let particles =
        start.present().map(|p| Vec3(start.world_position(p, model.cell_width, model.origin)));
    let nozzles = model.emitters.iter().map(|emitter| emitter.pose.position);
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for height in particles.chain(nozzles).map(potential) {
        (low, high) = (low.min(height), high.max(height));
    }
    for motion in &model.initial.rigid {
        high = high.max(potential(Vec3(motion.world_position(model.cell_width, model.origin))));
    }
    let colliders = model.colliders.iter().map(lowest);
    let ends = colliders.chain(model.sinks.iter().map(|sink| sink.pose.position));
    low = ends.map(potential).fold(low, f64::min);
    let fall = (2.0 * (high - low).max(0.0)).sqrt();
    (initial * initial + fall * fall).sqrt().max(commanded)
}

fn norm(v: Vec3<f64>) -> f64 {
    v.norm_squared().sqrt()
}

/// Where material would come to rest on a collider, at the lowest [m, world].
fn lowest(collider: &Collider) -> Vec3<f64> {
    let Pose { position, rotation } = collider.pose;
    match &collider.shape {
        Shape::HeightField(ground) => {
            position + Vec3((rotation * DVec3::Z * ground.range[0]).to_array())
        }
        _ => position,
    }
}

/// Largest speed [m/s] that a collider's surface can be driven at; one without end counts at its
/// origin.
fn commanded_speed(model: &Model, index: usize) -> f64 {
    let collider = &model.colliders[index];
    let component = |target: ActionTarget| match target {
        ActionTarget::LinearVelocity { collider, axis } if collider == index => Some((0, axis)),
        ActionTarget::AngularVelocity { collider, axis } if collider == index => Some((1, axis)),
        _ => None,
    };
    let own = [collider.velocity, collider.angular_velocity];
    let [linear, angular] = largest_twist(model, own, component);
    let reach = match collider.shape.is_finite() {
        true => collider.shape.extents().reach(),
        false => 0.0,
    };
    linear + angular * reach
}

/// Largest speed [m/s] at which material leaves a nozzle.
fn emitted_speed(model: &Model, index: usize) -> f64 {
    let emitter = &model.emitters[index];
    let component = |target: ActionTarget| match target {
        ActionTarget::EmitterVelocity { emitter, axis } if emitter == index => Some((0, axis)),
        ActionTarget::EmitterAngularVelocity { emitter, axis } if emitter == index => {
            Some((1, axis))
        }
        _ => None,
    };
    let own = [emitter.velocity, emitter.angular_velocity];
    let [linear, angular] = largest_twist(model, own, component);
    let [a, b] = emitter.opening.half_extents();
    emitter.speed + linear + angular * a.hypot(b)
}

/// The largest velocity [m/s] and angular velocity [rad/s] that actions can add up to; `component` says
/// which of the two, and which axis of it, a target is.
fn largest_twist(
    model: &Model,
    own: [Vec3<f64>; 2],
    component: impl Fn(ActionTarget) -> Option<(usize, usize)>,
) -> [f64; 2] {
    let mut most = own.map(|part| Vec3(part.0.map(f64::abs)));
    for action in &model.actions {
        if let Some((part, axis)) = component(action.target) {
            most[part][axis] += action.lower.abs().max(action.upper.abs());
        }
    }
    most.map(norm)
}

/// Fixes the substep: the one that the scene asks for, if it is stable, or the longest stable one of
/// which a whole number makes a control step.
pub(super) fn set(checks: &Checks<'_>, model: &mut Model) -> Result<(), SceneError> {
    let world = &checks.scene.world;
    let at = KeyPath::root("world");
    let max_speed = match world.max_speed {
        Some(speed) => Some(checks.positive(&at, "max_speed", speed, "m/s")?),
        None => None,
    };
    let limit = stability(model, max_speed);
    let control_secs = world.control_secs;
    let Some(asked) = world.substep_secs else {
        let count = (control_secs / limit.stable_secs).ceil().max(1.0);
        model.substeps_per_control = count as usize;
        model.substep_secs = control_secs / count;
        return Ok(());
    };
    let asked = checks.positive(&at, "substep_secs", asked, "s")?;
    if asked > limit.stable_secs {
        let Stability { stable_secs, material, wave_speed, viscosity, max_speed } = limit;
        let thick = match viscosity > 0.0 {
            true => format!(", viscosity up to {viscosity:.3} Pa s"),
            false => String::new(),
        };
        let message = format!(
            "substep {asked:e} s exceeds the stable {stable_secs:.2e} s of material \
             \"{material}\" at cell width {} m (waves {wave_speed:.3} m/s, material up to \
             {max_speed:.3} m/s{thick})",
            model.cell_width
        );
        return Err(checks
            .scene
            .error(&at.key("substep_secs"), message)
            .with_help("leave `substep_secs` out to have the longest stable one"));
    }
    let count = (control_secs / asked).round();
    if (control_secs / asked - count).abs() > WHOLE_TOLERANCE {
        let message = format!(
            "a control step of {control_secs} s is {} substeps of {asked} s; it must be a whole \
             number of them",
            control_secs / asked
        );
        return Err(checks.scene.error(&at.key("substep_secs"), message));
    }
    model.substeps_per_control = count as usize;
    model.substep_secs = asked;
    Ok(())
}
