//! Physical laws that the solver is held against: measured, reference, tolerance, verdict, and a
//! control for each, a set-up made wrong on purpose that the same check has to reject.
//!
//! Every law is a function of a [`Lab`] (a backend) and has its own file. Set-ups are small enough
//! that all of them together take minutes on two cores.

mod bar;
mod cantilever;
pub mod check;
mod conservation;
mod dam_break;
mod gradients;
mod granular_column;
mod hydrostatic;
mod incline;
pub mod lab;
mod moduli;
mod objectivity;
mod repeat;

use crate::mpm::simulator::SimulationError;
use check::Report;
use lab::Lab;

/// A law with the number it has in the list of all laws.
pub struct Law {
    pub number: u32,
    pub name: &'static str,
    pub run: fn(&Lab) -> Result<Report, SimulationError>,
}

/// The laws that there are, by number.
pub const LAWS: [Law; 11] = [
    Law { number: 1, name: "conservation", run: conservation::run },
    Law { number: 2, name: "objectivity", run: objectivity::run },
    Law { number: 3, name: "moduli", run: moduli::run },
    Law { number: 5, name: "bar-vibration", run: bar::run },
    Law { number: 6, name: "cantilever", run: cantilever::run },
    Law { number: 7, name: "incline", run: incline::run },
    Law { number: 8, name: "hydrostatic-column", run: hydrostatic::run },
    Law { number: 9, name: "granular-column", run: granular_column::run },
    Law { number: 10, name: "dam-break", run: dam_break::run },
    Law { number: 14, name: "gradients", run: gradients::run },
    Law { number: 15, name: "repeat", run: repeat::run },
];
