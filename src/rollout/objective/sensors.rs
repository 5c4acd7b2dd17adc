//! Terms that look at a sensor: the mean squared difference from a target.
//!
//! Wrenches are not noted at a moment but summed over control steps, and read once a rollout has
//! ended: their terms are added then.

use super::{Objective, Term, TermKind};
use crate::model::Model;
use crate::mpm::simulator::Wrench;
use crate::rollout::sensor::{Moment, MomentBar, Quantity, Sensor};

/// That a term can be made of a sensor.
pub(super) fn check(sensor: &Sensor, target: &[f64], model: &Model) -> Result<(), String> {
    if !sensor.is_differentiable() {
        return Err(format!("the sensor `{}` has no derivative", sensor.name));
    }
    if target.len() != sensor.size() {
        return Err(format!(
            "{} targets for the {} numbers of `{}`",
            target.len(),
            sensor.size(),
            sensor.name
        ));
    }
    if let Some(bad) = target.iter().find(|t| !t.is_finite()) {
        return Err(format!("a target is {bad}; it must be finite"));
    }
    let count = model.particles.mass.len();
    if let Quantity::Wrench { collider } | Quantity::ContactArea { collider, .. } = sensor.quantity
        && collider >= model.colliders.len()
    {
        return Err(format!("collider {collider} is none of the {}", model.colliders.len()));
    }
    if let Quantity::BodyWrench { body } = sensor.quantity {
        let count = model.rigid_bodies.len();
        return match body < count {
            true => Ok(()),
            false => Err(format!("rigid body {body} is none of the {count}")),
        };
    }
    if sensor.particles.is_empty() || sensor.particles.end > count {
        return Err(format!("its particles are none or not among the {count} of the model"));
    }
    Ok(())
}

pub(super) fn misfit(sensor: &Sensor, target: &[f64], moment: Moment) -> f64 {
    mean_square(&sensor.values(moment), target)
}

pub(super) fn misfit_adj(
    sensor: &Sensor,
    target: &[f64],
    moment: Moment,
    value_bar: f64,
    bar: &mut MomentBar,
) {
    let factor = 2.0 * value_bar / target.len() as f64;
    let values = sensor.values(moment);
    let values_bar: Vec<f64> = values.iter().zip(target).map(|(v, t)| factor * (v - t)).collect();
    sensor.values_adj(moment, &values_bar, bar);
}

fn mean_square(values: &[f64], target: &[f64]) -> f64 {
    values.iter().zip(target).map(|(v, t)| (v - t).powi(2)).sum::<f64>() / target.len() as f64
}

impl Objective {
    /// Whether a term needs the wrenches on colliders.
    pub(crate) fn needs_wrenches(&self) -> bool {
        let needs = |kind: &TermKind| match kind {
            TermKind::Sensor { sensor, .. } => sensor.needs_wrenches(),
            _ => false,
        };
        self.terms.iter().any(|term| needs(&term.kind))
    }

    /// Whether a term needs the motions of the rigid bodies at every control step.
    pub(crate) fn needs_rigid_before(&self) -> bool {
        let needs = |term: &Term| match &term.kind {
            TermKind::Sensor { sensor, .. } => sensor.needs_rigid_before(),
            _ => false,
        };
        self.terms.iter().any(needs)
    }

    /// Adds to `values[term]` what the wrenches contribute,
    /// `[control_step * collider_count + collider]`.
    pub(crate) fn add_wrench_values(
        &self,
        wrenches: &[Wrench],
        control_steps: usize,
        values: &mut [f64],
    ) {
        let row = wrenches.len() / control_steps.max(1);
        for (term, value) in self.terms.iter().zip(values) {
            let TermKind::Sensor { sensor, target, when } = &term.kind else { continue };
            let Quantity::Wrench { collider } = sensor.quantity else { continue };
            for done in 1..=control_steps {
                let Some(share) = when.share(done, control_steps) else { continue };
                let felt = wrenches[(done - 1) * row + collider].components();
                *value += term.weight * share * mean_square(&felt, target);
            }
        }
    }

    /// Derivative of the objective by the wrenches, in their layout.
    pub(crate) fn wrench_adj(&self, wrenches: &[Wrench], control_steps: usize) -> Vec<Wrench> {
        let row = wrenches.len() / control_steps.max(1);
        let mut bars = vec![Wrench::ZERO; wrenches.len()];
        for term in &self.terms {
            let TermKind::Sensor { sensor, target, when } = &term.kind else { continue };
            let Quantity::Wrench { collider } = sensor.quantity else { continue };
            for done in 1..=control_steps {
                let Some(share) = when.share(done, control_steps) else { continue };
                let at = (done - 1) * row + collider;
                let factor = 2.0 * term.weight * share / target.len() as f64;
                let felt = wrenches[at].components();
                let bar: Vec<f64> =
                    felt.iter().zip(target).map(|(f, t)| factor * (f - t)).collect();
                bars[at].add(&Wrench::from_components(&bar));
            }
        }
        bars
    }
}
