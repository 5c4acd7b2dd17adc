//! Which parameter of which material is sought, and the coordinate it is sought in.

use crate::model::Model;
use crate::optim::Bounds;
use crate::scene::nearest;
use thiserror::Error;

/// How far a parameter may move from its guess, as a factor, unless bounds are given.
const REACH: f64 = 100.0;
/// Poisson's ratio: what identification stays within.
const POISSON_RANGE: [f64; 2] = [-0.45, 0.49];
/// Angles [rad]: what identification stays within.
const ANGLE_RANGE: [f64; 2] = [0.01, 1.5];
/// A name that ends so is in degrees.
const DEGREES: &str = "_deg";

/// A material parameter that is sought.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// `material.parameter`, as it is reported.
    pub name: String,
    /// Index into [`Model::materials`].
    pub material: usize,
    /// As [`crate::model::Law::parameters`] names it.
    key: &'static str,
    /// What a reported value is multiplied by to give the law's.
    factor: f64,
    coordinate: Coordinate,
}

/// In which coordinate a parameter is sought: one in which steps of the same length matter alike.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Coordinate {
    /// `ln value`, of what is positive.
    Logarithm,
    /// `ln((1 + nu)/(1/2 - nu))`, of Poisson's ratio.
    Poisson,
}

/// Why a name, a guess or bounds cannot be used.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ParameterError {
    #[error("no parameter is named; those of this scene are {known}")]
    None { known: String },
    #[error("unknown parameter `{found}`{suggestion} (known: {known})")]
    Unknown { found: String, suggestion: String, known: String },
    #[error("`{found}` is a parameter of several materials: name one of {candidates}")]
    Ambiguous { found: String, candidates: String },
    #[error("`{name}` is named twice")]
    Twice { name: String },
    #[error("`{name}` starts at {value}; {allowed}")]
    Guess { name: String, value: f64, allowed: String },
    #[error("bounds {lower} .. {upper} of `{name}`: {allowed}")]
    Bounds { name: String, lower: f64, upper: f64, allowed: String },
}

impl Parameter {
    /// Finds `material.parameter`, or `parameter` alone where one material has it. An angle may be
    /// asked for in degrees (`friction_angle_deg`).
    pub fn find(model: &Model, name: &str) -> Result<Self, ParameterError> {
        let all = Self::all(model);
        let matches: Vec<&Parameter> = all
            .iter()
            .filter(|p| p.name == name || p.name.split_once('.').is_some_and(|(_, k)| k == name))
            .collect();
        match matches[..] {
            [one] => Ok(one.clone()),
            [] => {
                let short = |p: &Parameter| p.name.split_once('.').map(|(_, k)| k.to_owned());
                let shorts: Vec<String> = all.iter().filter_map(short).collect();
                let names = all.iter().map(|p| p.name.as_str());
                let near = nearest(name, names.chain(shorts.iter().map(String::as_str)));
                let suggestion =
                    near.map_or_else(String::new, |near| format!(", did you mean `{near}`?"));
                Err(ParameterError::Unknown {
                    found: name.to_owned(),
                    suggestion,
                    known: listed(&all.iter().collect::<Vec<_>>()),
                })
            }
            _ => Err(ParameterError::Ambiguous {
                found: name.to_owned(),
                candidates: listed(&matches),
            }),
        }
    }

    /// Finds several, each once.
    pub fn find_all(model: &Model, names: &[String]) -> Result<Vec<Self>, ParameterError> {
        if names.is_empty() {
            let known = listed(&Self::all(model).iter().collect::<Vec<_>>());
            return Err(ParameterError::None { known });
        }
        let mut found: Vec<Parameter> = Vec::new();
        for name in names {
            let parameter = Self::find(model, name)?;
            if found.iter().any(|p| (p.material, p.key) == (parameter.material, parameter.key)) {
                return Err(ParameterError::Twice { name: parameter.name });
            }
            found.push(parameter);
        }
        Ok(found)
    }

    /// Every parameter of the model's materials; angles twice, in radians and in degrees.
    fn all(model: &Model) -> Vec<Self> {
        let mut all = Vec::new();
        for (material, of) in model.materials.iter().enumerate() {
            for value in of.law.parameters() {
                let key = value.name;
                let coordinate = match key {
                    "poisson_ratio" => Coordinate::Poisson,
                    _ => Coordinate::Logarithm,
                };
                let name = format!("{}.{key}", of.name);
                if is_angle(key) {
                    let (name, factor) = (format!("{name}{DEGREES}"), 1f64.to_radians());
                    all.push(Self { name, material, key, factor, coordinate });
                }
                all.push(Self { name, material, key, factor: 1.0, coordinate });
            }
        }
        all
    }

    /// Its value in a model, in the unit of its name.
    pub fn value(&self, model: &Model) -> f64 {
        let of_law = model.materials[self.material].law.parameters();
        let value = of_law.iter().find(|p| p.name == self.key).map_or(f64::NAN, |p| p.value);
        value / self.factor
    }

    /// Gives the model another value.
    pub fn set(&self, model: &mut Model, value: f64) {
        let law = &mut model.materials[self.material].law;
        if let Some(other) = law.with_parameter(self.key, value * self.factor) {
            *law = other;
        }
    }

    /// The coordinate of a value.
    pub fn to_coordinate(&self, value: f64) -> f64 {
        match self.coordinate {
            Coordinate::Logarithm => value.ln(),
            Coordinate::Poisson => ((1.0 + value) / (0.5 - value)).ln(),
        }
    }

    /// The value at a coordinate.
    pub fn from_coordinate(&self, coordinate: f64) -> f64 {
        match self.coordinate {
            Coordinate::Logarithm => coordinate.exp(),
            // 1/2 - (3/2)/(1 + e^u)
            Coordinate::Poisson => 0.5 - 1.5 / (1.0 + coordinate.exp()),
        }
    }

    /// Derivative of the value by its coordinate.
    pub fn slope(&self, value: f64) -> f64 {
        match self.coordinate {
            Coordinate::Logarithm => value,
            Coordinate::Poisson => (1.0 + value) * (0.5 - value) / 1.5,
        }
    }

    /// What values make sense, in the unit of its name.
    fn domain(&self) -> [f64; 2] {
        match self.coordinate {
            Coordinate::Poisson => POISSON_RANGE,
            Coordinate::Logarithm if is_angle(self.key) => ANGLE_RANGE.map(|a| a / self.factor),
            Coordinate::Logarithm => [0.0, f64::INFINITY],
        }
    }

    /// That the search can start at a value.
    pub fn check_guess(&self, value: f64) -> Result<(), ParameterError> {
        let [low, high] = self.domain();
        if value > low && value < high {
            return Ok(());
        }
        let allowed = format!("a number between {low:.4} and {high:.4} is needed");
        Err(ParameterError::Guess { name: self.name.clone(), value, allowed })
    }

    /// The interval it is sought in: `given`, or a factor of 100 both ways.
    pub fn interval(
        &self,
        guess: f64,
        given: Option<[f64; 2]>,
    ) -> Result<[f64; 2], ParameterError> {
        let [low, high] = self.domain();
        let [lower, upper] = match (given, self.coordinate) {
            (Some(given), _) => given,
            (None, Coordinate::Logarithm) => [(guess / REACH).max(low), (guess * REACH).min(high)],
            (None, Coordinate::Poisson) => [low, high],
        };
        let wrong = |allowed: String| ParameterError::Bounds {
            name: self.name.clone(),
            lower,
            upper,
            allowed,
        };
        let positive = low > 0.0 || lower > low || self.coordinate == Coordinate::Poisson;
        if !(lower < upper && lower >= low && upper <= high && positive) {
            return Err(wrong(format!("within {low:.4} .. {high:.4}, the lower one first")));
        }
        if !(lower <= guess && guess <= upper) {
            return Err(wrong(format!("they must hold the guess {guess}")));
        }
        Ok([lower, upper])
    }
}

/// The box, in coordinates, of intervals.
pub(super) fn bounds(parameters: &[Parameter], intervals: &[[f64; 2]]) -> Bounds {
    let side = |i: usize| parameters.iter().zip(intervals).map(move |(p, r)| p.to_coordinate(r[i]));
    Bounds::new(side(0).collect(), side(1).collect()).expect("intervals are not empty")
}

/// The model with other values.
pub(super) fn with_values(model: &Model, parameters: &[Parameter], values: &[f64]) -> Model {
    let mut other = model.clone();
    for (parameter, &value) in parameters.iter().zip(values) {
        parameter.set(&mut other, value);
    }
    other
}

fn is_angle(key: &str) -> bool {
    key.ends_with("_angle")
}

fn listed(parameters: &[&Parameter]) -> String {
    parameters.iter().map(|p| format!("`{}`", p.name)).collect::<Vec<_>>().join(", ")
}
