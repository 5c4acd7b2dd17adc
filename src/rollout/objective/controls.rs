//! Terms of the controls alone.

use crate::rollout::Controls;

/// A differentiable number from the controls. Each action is divided by its `scale` (the largest
/// value it may have), so that newtons and metres per second can be added.
#[derive(Clone, Debug, PartialEq)]
pub enum ControlMeasure {
    /// Mean of the squared scaled actions.
    Energy { scale: Vec<f64> },
    /// Mean of the squared differences of consecutive scaled actions.
    Smoothness { scale: Vec<f64> },
}

impl ControlMeasure {
    pub(super) fn value(&self, controls: &Controls) -> f64 {
        let count = self.count(controls);
        let mut sum = 0.0;
        self.for_entries(controls, |_, _, scaled| sum += scaled * scaled);
        sum / count
    }

    pub(super) fn adj(&self, controls: &Controls, value_bar: f64, bar: &mut [f64]) {
        let factor = 2.0 * value_bar / self.count(controls);
        self.for_entries(controls, |index, scale, scaled| {
            bar[index] += factor * scaled / scale;
            if let ControlMeasure::Smoothness { .. } = self {
                bar[index - controls.action_count()] -= factor * scaled / scale;
            }
        });
    }

    pub(super) fn check(&self, action_count: usize) -> Result<(), String> {
        let scale = self.scale();
        if scale.len() != action_count {
            return Err(format!("{} scales for {action_count} actions", scale.len()));
        }
        match scale.iter().find(|s| !(**s > 0.0 && s.is_finite())) {
            Some(s) => Err(format!("the scale of an action is {s}; it must be finite and > 0")),
            None => Ok(()),
        }
    }

    fn scale(&self) -> &[f64] {
        let (ControlMeasure::Energy { scale } | ControlMeasure::Smoothness { scale }) = self;
        scale
    }

    /// Number of squares in the sum, at least one.
    fn count(&self, controls: &Controls) -> f64 {
        let rows = match self {
            ControlMeasure::Energy { .. } => controls.control_steps(),
            ControlMeasure::Smoothness { .. } => controls.control_steps().saturating_sub(1),
        };
        (rows * controls.action_count()).max(1) as f64
    }

    /// Calls `visit(index, scale, scaled)` for every number that is squared.
    fn for_entries(&self, controls: &Controls, mut visit: impl FnMut(usize, f64, f64)) {
        let (width, values) = (controls.action_count(), controls.values());
        for (index, value) in values.iter().enumerate() {
            let scale = self.scale()[index % width];
            match self {
                ControlMeasure::Energy { .. } => visit(index, scale, value / scale),
                ControlMeasure::Smoothness { .. } if index >= width => {
                    visit(index, scale, (value - values[index - width]) / scale)
                }
                ControlMeasure::Smoothness { .. } => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_adjoint_agrees_with_central_differences() {
        // Quadratic in the controls: central differences are exact up to round-off.
        const TOLERANCE: f64 = 1e-10;
        let scale = vec![0.5, 4.0];
        let values: Vec<f64> = (0..10).map(|i| (1.3 * i as f64).sin()).collect();
        for measure in
            [ControlMeasure::Energy { scale: scale.clone() }, ControlMeasure::Smoothness { scale }]
        {
            measure.check(2).unwrap();
            let controls = Controls::new(5, 2, values.clone()).unwrap();
            let mut bar = vec![0.0; 10];
            measure.adj(&controls, 0.8, &mut bar);
            for i in 0..10 {
                let moved = |by: f64| {
                    let mut controls = controls.clone();
                    controls.values_mut()[i] += by;
                    0.8 * measure.value(&controls)
                };
                assert!(((moved(0.1) - moved(-0.1)) / 0.2 - bar[i]).abs() < TOLERANCE);
            }
        }
    }

    #[test]
    fn controls_at_their_scale_have_energy_one_and_no_roughness() {
        let controls = Controls::new(3, 2, vec![2.0, -3.0, 2.0, -3.0, 2.0, -3.0]).unwrap();
        let scale = vec![2.0, 3.0];
        assert_eq!(ControlMeasure::Energy { scale: scale.clone() }.value(&controls), 1.0);
        assert_eq!(ControlMeasure::Smoothness { scale }.value(&controls), 0.0);
    }
}
