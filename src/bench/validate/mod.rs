//! Physical laws that the solver is held against: measured, reference, tolerance, verdict, and a
//! control for each, a set-up made wrong on purpose that the same check has to reject.
//!
//! Every law is a function of a [`Lab`] (a backend) and has its own file. Set-ups are small enough
//! that all of them together take minutes on two cores.

mod bar;
mod cantilever;
pub mod check;
mod conservation;
mod coupling;
mod dam_break;
mod gradients;
mod granular_column;
mod hydrostatic;
mod incline;
mod intrusion;
pub mod lab;
mod levels;
mod manufactured;
mod moduli;
mod objectivity;
mod repeat;
mod repose;

use crate::mpm::simulator::SimulationError;
use check::Report;
use lab::Lab;

/// A law with the number it has in the list of all laws.
pub struct Law {
    pub number: u32,
    pub name: &'static str,
    /// What is held against what, for people.
    pub about: &'static str,
    pub run: fn(&Lab) -> Result<Report, SimulationError>,
}

/// The laws that there are, by number.
pub const LAWS: [Law; 16] = [
    Law {
        number: 1,
        name: "conservation",
        about: "Two elastic balls fly, collide off centre and part: mass, momentum and angular momentum stay, and the energy never rises.",
        run: conservation::run,
    },
    Law {
        number: 2,
        name: "objectivity",
        about: "Physics does not know which way the axes point: a turned scene gives the turned result.",
        run: objectivity::run,
    },
    Law {
        number: 3,
        name: "moduli",
        about: "What a body answers to compression: bulk modulus, confined modulus, and the lateral pressure at rest.",
        run: moduli::run,
    },
    Law {
        number: 4,
        name: "manufactured-solution",
        about: "A neo-Hookean block is forced along a known motion: the distance from it falls with the square of the cell width.",
        run: manufactured::run,
    },
    Law {
        number: 5,
        name: "bar-vibration",
        about: "Longitudinal vibration of a bar, fixed at one end: its period.",
        run: bar::run,
    },
    Law {
        number: 6,
        name: "cantilever",
        about: "A clamped beam under a small gravity: its deflection and its first frequency.",
        run: cantilever::run,
    },
    Law {
        number: 7,
        name: "incline",
        about: "A block on an incline sticks or slides as Coulomb says; a bed of sand flows if and only if the slope is steeper than its friction angle.",
        run: incline::run,
    },
    Law {
        number: 8,
        name: "hydrostatic-column",
        about: "A liquid at rest in a tank: the pressure is rho g z, and nothing moves.",
        run: hydrostatic::run,
    },
    Law {
        number: 9,
        name: "granular-column",
        about: "A column of sand collapses in a channel: how far it runs, against experiments.",
        run: granular_column::run,
    },
    Law {
        number: 10,
        name: "dam-break",
        about: "A column of liquid falls apart: its front, against the measurements of Martin and Moyce (1952).",
        run: dam_break::run,
    },
    Law {
        number: 11,
        name: "repose",
        about: "Sand that is poured slowly makes a heap as steep as its friction angle.",
        run: repose::run,
    },
    Law {
        number: 12,
        name: "intrusion",
        about: "A plate is pushed into sand: the force on it grows linearly with the depth.",
        run: intrusion::run,
    },
    Law {
        number: 13,
        name: "levels",
        about: "Across levels of resolution a pulse is not reflected, a spinning ball keeps its motion, and a bed at rest stays at rest.",
        run: levels::run,
    },
    Law {
        number: 14,
        name: "gradients",
        about: "The gradient of a rollout is the derivative of the rollout, for each material, and where resolution follows what moves.",
        run: gradients::run,
    },
    Law {
        number: 15,
        name: "repeat",
        about: "A run repeats bit for bit, forward and backward, on any number of threads and wherever it takes place, with one level of resolution and with three.",
        run: repeat::run,
    },
    Law {
        number: 16,
        name: "coupling",
        about: "A free ball hits liquid and sand and shares its momentum with them; a box floats where it displaces its weight.",
        run: coupling::run,
    },
];
