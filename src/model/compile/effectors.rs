//! The action channels of the effectors.

use super::checks::Checks;
use crate::model::{ActionChannel, ActionTarget, Collider, Emitter};
use crate::scene::{self, KeyPath, SceneError};

/// What an effector drives.
#[derive(Clone, Copy)]
enum Driven {
    Collider(usize),
    Emitter(usize),
}

impl Driven {
    fn velocity(self, axis: usize) -> ActionTarget {
        match self {
            Driven::Collider(collider) => ActionTarget::LinearVelocity { collider, axis },
            Driven::Emitter(emitter) => ActionTarget::EmitterVelocity { emitter, axis },
        }
    }

    fn angular_velocity(self, axis: usize) -> ActionTarget {
        match self {
            Driven::Collider(collider) => ActionTarget::AngularVelocity { collider, axis },
            Driven::Emitter(emitter) => ActionTarget::EmitterAngularVelocity { emitter, axis },
        }
    }
}

/// A channel for every component that an effector names, in the order of the file.
pub(super) fn channels(
    checks: &Checks<'_>,
    colliders: &[Collider],
    emitters: &[Emitter],
) -> Result<Vec<ActionChannel>, SceneError> {
    let scene = checks.scene;
    let mut channels = Vec::new();
    for (index, effector) in scene.effector.iter().enumerate() {
        let at = KeyPath::root("effector").index(index);
        let (name, kind, driven) = driven(checks, &at, effector, colliders, emitters)?;
        let same = |other: &scene::Effector| {
            other.collider == effector.collider && other.emitter == effector.emitter
        };
        if scene.effector[..index].iter().any(same) {
            let message = format!("duplicate effector: the {kind} `{name}` is driven already");
            return Err(scene.error(&at.key(kind), message));
        }
        let linear = [("vx", effector.vx), ("vy", effector.vy), ("vz", effector.vz)];
        let angular = [("wx", effector.wx), ("wy", effector.wy), ("wz", effector.wz)];
        let before = channels.len();
        for (turns, components) in [(false, linear), (true, angular)] {
            for (axis, (key, bounds)) in components.into_iter().enumerate() {
                let Some(bounds) = bounds else { continue };
                let (lower, upper) = checks.bounds(&at.key(key), bounds)?;
                let target = match turns {
                    false => driven.velocity(axis),
                    true => driven.angular_velocity(axis),
                };
                channels.push(ActionChannel {
                    name: format!("{name}.{key}"),
                    target,
                    lower,
                    upper,
                });
            }
        }
        if channels.len() == before {
            let message = format!(
                "the effector of `{name}` drives nothing; give at least one of \
                 `vx`, `vy`, `vz`, `wx`, `wy`, `wz` as {{ min = .., max = .. }}"
            );
            return Err(scene.error(&at, message));
        }
    }
    Ok(channels)
}

/// Name, kind and index of what an effector drives.
fn driven<'a>(
    checks: &Checks<'_>,
    at: &KeyPath,
    effector: &'a scene::Effector,
    colliders: &[Collider],
    emitters: &[Emitter],
) -> Result<(&'a str, &'static str, Driven), SceneError> {
    match (&effector.collider, &effector.emitter) {
        (Some(name), None) => {
            let names: Vec<&str> = colliders.iter().map(|c| c.name.as_str()).collect();
            let collider = checks.resolve(&at.key("collider"), "collider", name, &names)?;
            Ok((name, "collider", Driven::Collider(collider)))
        }
        (None, Some(name)) => {
            let names: Vec<&str> = emitters.iter().map(|e| e.name.as_str()).collect();
            let emitter = checks.resolve(&at.key("emitter"), "emitter", name, &names)?;
            Ok((name, "emitter", Driven::Emitter(emitter)))
        }
        (Some(_), Some(_)) => {
            let message = "an effector drives one thing: name a `collider` or an `emitter`";
            Err(checks.scene.error(&at.key("emitter"), message))
        }
        (None, None) => {
            let message = "the effector names neither a `collider` nor an `emitter`";
            Err(checks.scene.error(at, message))
        }
    }
}
