//! Layer 0: the constitutive laws by name: what a user states of each, and what kernels compute with.
//!
//! `law_table` is the one list of laws. From it derive the types here, the keys of scene files and
//! their schema, the dispatch of the twin and of the shaders, the parameters that a gradient reports,
//! the limits of the substep, and what the tests of laws run over.

mod constants;
mod define;
mod parameter;
mod table;

pub use constants::{CONSTANTS, cone_slope};
pub use parameter::{Bound, Parameter};
pub(crate) use table::law_table;

use crate::math::Dual;
use define::define_laws;

law_table!(define_laws);

/// What is known of a law without its parameters.
#[derive(Debug)]
pub struct Spec {
    /// As scene files and shaders name it.
    pub name: &'static str,
    /// One sentence.
    pub doc: &'static str,
    pub parameters: &'static [Parameter],
    /// One sentence for each parameter.
    pub parameter_docs: &'static [&'static str],
    /// How many of the constants it has.
    pub constant_count: usize,
    pub family: Family,
    /// Whether its stress depends on the strain rate.
    pub reads_rate: bool,
    /// Whether it keeps plastic history.
    pub has_history: bool,
    constants: fn(&[Dual]) -> [Dual; CONSTANTS],
    limits: fn(&[f64; CONSTANTS]) -> Limits,
}

/// How a material behaves, roughly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Returns to its shape; may have muscles.
    Elastic,
    /// Keeps what shape it is given.
    Plastic,
    Granular,
    /// Has no shape.
    Liquid,
    /// Flows as a liquid does, but hardly below a yield stress.
    Paste,
}

/// What bounds the substep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Modulus of the fastest wave [Pa].
    pub modulus: f64,
    /// Largest viscosity [Pa s].
    pub viscosity: f64,
}

impl Limits {
    /// Of a law whose wave is that of confined compression, lambda + 2 mu.
    fn elastic(k: &[f64; CONSTANTS]) -> Self {
        Self { modulus: k[1] + 2.0 * k[0], viscosity: 0.0 }
    }

    fn viscous_liquid(k: &[f64; CONSTANTS]) -> Self {
        Self { viscosity: k[3], ..Self::elastic(k) }
    }

    /// The flow index is at most one: the viscosity is largest where the rate is smallest.
    fn herschel_bulkley(k: &[f64; CONSTANTS]) -> Self {
        let viscosity = k[3] * k[6].powf(k[5] - 1.0) + k[4] / k[6];
        Self { viscosity, ..Self::elastic(k) }
    }

    /// As hard as it may become.
    fn snow(k: &[f64; CONSTANTS]) -> Self {
        let Self { modulus, viscosity } = Self::elastic(k);
        Self { modulus: modulus * k[5].max(1.0), viscosity }
    }
}

/// A named parameter of a law, or a derivative by it.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterValue {
    pub name: &'static str,
    pub value: f64,
}

impl Law {
    pub fn spec(&self) -> &'static Spec {
        self.kind().spec()
    }

    /// The constants that the kernels use; which they are, `constants.rs` says of each law.
    pub fn constants(&self) -> [f64; CONSTANTS] {
        self.constants_along(None).map(|k| k.re)
    }

    /// The constants, with their derivative by one value if asked.
    fn constants_along(&self, seed: Option<usize>) -> [Dual; CONSTANTS] {
        let values = self.values().into_iter().enumerate();
        let seeded: Vec<Dual> = values
            .map(|(n, value)| Dual::new(value, f64::from(u8::from(seed == Some(n)))))
            .collect();
        (self.spec().constants)(&seeded)
    }

    /// Places of the numbers among the values, and their names: switches have no derivative.
    fn numbers(&self) -> impl Iterator<Item = (usize, &'static str)> {
        let parameters = self.spec().parameters.iter().enumerate();
        parameters.filter(|(_, p)| !p.is_switch).map(|(place, p)| (place, p.name()))
    }

    /// The parameters that are numbers by name, in the unit of the scene file (angles in radians).
    pub fn parameters(&self) -> Vec<ParameterValue> {
        let values = self.values();
        self.numbers().map(|(n, name)| ParameterValue { name, value: values[n] }).collect()
    }

    /// The same law with one parameter replaced; `None` if it has no parameter of that name.
    pub fn with_parameter(&self, name: &str, value: f64) -> Option<Law> {
        let (place, _) = self.numbers().find(|(_, known)| *known == name)?;
        let mut values = self.values();
        values[place] = value;
        Some(Law::from_values(self.kind(), &values))
    }

    /// Derivatives by [`Law::parameters`], from derivatives by [`Law::constants`].
    pub fn parameters_adj(&self, constants_bar: [f64; CONSTANTS]) -> Vec<ParameterValue> {
        let along = |(place, name)| {
            let constants = self.constants_along(Some(place));
            let value = constants.iter().zip(constants_bar).map(|(k, bar)| k.eps * bar).sum();
            ParameterValue { name, value }
        };
        self.numbers().map(along).collect()
    }

    /// What bounds the substep.
    pub fn limits(&self) -> Limits {
        (self.spec().limits)(&self.constants())
    }

    /// The modulus of its fastest wave, lambda + 2 mu if nothing hardens it [Pa].
    pub fn wave_modulus(&self) -> f64 {
        self.limits().modulus
    }

    /// Typical parameters.
    pub fn typical(kind: LawKind) -> Law {
        let parameters = kind.spec().parameters.iter();
        let values: Vec<f64> = parameters.map(|p| p.to_code(p.typical)).collect();
        Law::from_values(kind, &values)
    }
}

impl LawKind {
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    pub fn from_name(name: &str) -> Option<LawKind> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_constants_have_matching_derivatives() {
        let weights: [f64; CONSTANTS] =
            std::array::from_fn(|n| if n < 2 { 1e-5 } else { 0.3 + 0.1 * n as f64 });
        let value =
            |law: &Law| -> f64 { law.constants().iter().zip(weights).map(|(k, w)| k * w).sum() };
        for &kind in LawKind::ALL {
            let law = Law::typical(kind);
            let bars = law.parameters_adj(weights);
            for (parameter, bar) in law.parameters().iter().zip(bars) {
                assert_eq!(parameter.name, bar.name);
                let step = 1e-5 * parameter.value.abs().max(1e-2);
                let at = |x| value(&law.with_parameter(parameter.name, x).expect("a known name"));
                let expected =
                    (at(parameter.value + step) - at(parameter.value - step)) / (2.0 * step);
                let error = (bar.value - expected).abs() / expected.abs().max(1e-6);
                assert!(error < 1e-6, "{law:?} {}: {} {expected}", bar.name, bar.value);
            }
            assert_eq!(law.with_parameter("stickiness", 1.0), None);
        }
    }

    #[test]
    fn every_law_has_valid_typical_parameters_and_defaults_and_unused_constants_are_zero() {
        for &kind in LawKind::ALL {
            let spec = kind.spec();
            assert_eq!(LawKind::from_name(spec.name), Some(kind));
            assert_eq!(spec.parameters.len(), spec.parameter_docs.len());
            for parameter in spec.parameters {
                parameter.check(parameter.typical).unwrap();
                if let Some(default) = parameter.default {
                    parameter.check(default).unwrap();
                }
            }
            let law = Law::typical(kind);
            assert_eq!(Law::from_values(kind, &law.values()), law);
            let constants = law.constants();
            assert!(constants[spec.constant_count..].iter().all(|k| *k == 0.0), "{law:?}");
            assert!(law.wave_modulus() > 0.0 && law.limits().viscosity >= 0.0);
        }
    }

    #[test]
    fn a_value_out_of_range_is_refused_with_what_is_allowed() {
        let nu = Parameter::poisson_ratio(0.3);
        let message = nu.check(0.5).unwrap_err();
        assert!(
            message.contains("`poisson_ratio` is 0.5; it must be greater than -1"),
            "{message}"
        );
        let modulus = Parameter::positive("young_modulus", "Pa", 1.0);
        let message = modulus.check(-2.0).unwrap_err();
        assert_eq!(message, "`young_modulus` is -2 Pa; it must be greater than zero");
        assert!(modulus.check(f64::NAN).is_err() && modulus.check(3.0).is_ok());
    }
}
