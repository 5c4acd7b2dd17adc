//! One number held against what it should be, and the controls that show that the check can fail.

use serde::Serialize;

/// What is accepted of a measured number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "accept")]
pub enum Accept {
    /// Within `tolerance * |reference|` of the reference.
    Near {
        reference: f64,
        tolerance: f64,
    },
    /// From `low` to `high`.
    Within {
        low: f64,
        high: f64,
    },
    AtMost {
        limit: f64,
    },
    AtLeast {
        limit: f64,
    },
}

impl Accept {
    pub fn accepts(&self, measured: f64) -> bool {
        match *self {
            Accept::Near { reference, tolerance } => {
                (measured - reference).abs() <= tolerance * reference.abs()
            }
            Accept::Within { low, high } => (low..=high).contains(&measured),
            Accept::AtMost { limit } => measured <= limit,
            Accept::AtLeast { limit } => measured >= limit,
        }
    }

    /// How much of what is accepted a measured number uses up: 0 in the middle or far from the
    /// limit, 1 at the limit, more beyond.
    pub fn share(&self, measured: f64) -> f64 {
        match *self {
            Accept::Near { reference, tolerance } => {
                (measured - reference).abs() / (tolerance * reference.abs())
            }
            Accept::Within { low, high } => (2.0 * measured - low - high).abs() / (high - low),
            Accept::AtMost { limit: 0.0 } => {
                if measured <= 0.0 {
                    0.0
                } else {
                    f64::INFINITY
                }
            }
            Accept::AtMost { limit } => (measured / limit).max(0.0),
            Accept::AtLeast { limit } => (limit / measured).max(0.0),
        }
    }
}

/// A measurement and its verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// What was measured, with its unit.
    pub what: String,
    pub measured: f64,
    #[serde(flatten)]
    pub accept: Accept,
    /// What was made wrong on purpose; the check must then reject. `None`: it must accept.
    pub control: Option<String>,
}

impl Check {
    pub fn near(what: &str, measured: f64, reference: f64, tolerance: f64) -> Self {
        Self::new(what, measured, Accept::Near { reference, tolerance })
    }
    pub fn within(what: &str, measured: f64, low: f64, high: f64) -> Self {
        Self::new(what, measured, Accept::Within { low, high })
    }
    pub fn at_most(what: &str, measured: f64, limit: f64) -> Self {
        Self::new(what, measured, Accept::AtMost { limit })
    }
    pub fn at_least(what: &str, measured: f64, limit: f64) -> Self {
        Self::new(what, measured, Accept::AtLeast { limit })
    }
    fn new(what: &str, measured: f64, accept: Accept) -> Self {
        Self { what: what.to_owned(), measured, accept, control: None }
    }

    /// The same check of a set-up that is wrong in this way.
    pub fn control(self, wrong: &str) -> Self {
        Self { control: Some(wrong.to_owned()), ..self }
    }

    /// Whether it came out as it must. A number that is not finite never does: a control that blew
    /// up shows nothing.
    pub fn passed(&self) -> bool {
        self.measured.is_finite() && self.accept.accepts(self.measured) == self.control.is_none()
    }
}

/// What one law gave.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub checks: Vec<Check>,
    /// Measured and told, not judged.
    pub remarks: Vec<String>,
    pub plot: Option<Plot>,
}

impl Report {
    pub fn passed(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(Check::passed)
    }
}

/// Curves over one axis.
#[derive(Clone, Debug, Default)]
pub struct Plot {
    pub title: String,
    pub x_label: String,
    pub y_label: String,
    pub logarithmic: bool,
    pub curves: Vec<Curve>,
}

#[derive(Clone, Debug)]
pub struct Curve {
    pub name: String,
    pub points: Vec<[f64; 2]>,
    /// Drawn as dots, not as a line.
    pub dots: bool,
}

impl Plot {
    pub fn new(title: &str, x_label: &str, y_label: &str) -> Self {
        Self {
            title: title.to_owned(),
            x_label: x_label.to_owned(),
            y_label: y_label.to_owned(),
            ..Self::default()
        }
    }

    /// Both axes in powers of ten.
    pub fn logarithmic(self) -> Self {
        Self { logarithmic: true, ..self }
    }

    pub fn line(self, name: &str, points: Vec<[f64; 2]>) -> Self {
        self.with(name, points, false)
    }

    pub fn dots(self, name: &str, points: Vec<[f64; 2]>) -> Self {
        self.with(name, points, true)
    }

    fn with(mut self, name: &str, points: Vec<[f64; 2]>, dots: bool) -> Self {
        self.curves.push(Curve { name: name.to_owned(), points, dots });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_passes_only_by_being_rejected() {
        let right = Check::near("period", 1.005, 1.0, 0.01);
        assert!(right.passed() && !right.control("none").passed());
        let wrong = Check::near("period", 1.02, 1.0, 0.01);
        assert!(!wrong.passed() && wrong.control("long bar").passed());
    }

    #[test]
    fn the_share_of_what_is_accepted_is_one_at_the_limit() {
        assert!((Accept::Near { reference: -2.0, tolerance: 0.1 }.share(-2.2) - 1.0).abs() < 1e-12);
        assert_eq!(Accept::Within { low: 1.0, high: 3.0 }.share(1.0), 1.0);
        assert_eq!(Accept::AtMost { limit: 0.0 }.share(0.0), 0.0);
        assert_eq!(Accept::AtMost { limit: 4.0 }.share(8.0), 2.0);
        assert_eq!(Accept::AtLeast { limit: 4.0 }.share(8.0), 0.5);
    }

    #[test]
    fn a_number_that_is_not_finite_never_passes() {
        for check in [Check::at_most("drift", f64::NAN, 1.0), Check::near("x", f64::NAN, 1.0, 0.1)]
        {
            assert!(!check.passed() && !check.control("unstable").passed());
        }
    }

    #[test]
    fn a_report_without_checks_does_not_pass() {
        assert!(!Report::default().passed());
    }
}
