//! Colours: what a particle's colour says, and the scale that reads it back.

use crate::model::{Family, Material, Model};
use crate::mpm::state::{NO_MUSCLE, State};
use rayon::prelude::*;

/// What the colour of a particle shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Quantity {
    /// Its material; a muscle reddens with its activation.
    #[default]
    Material,
    /// |v| [m/s], on viridis.
    Speed,
    /// The volume ratio J = det F [-], blue when compressed, red when expanded.
    J,
    /// The level of resolution that its size belongs to, the finest dark.
    Level,
}

/// A quantity with the range that the colours span; `low` and `high` are unused by materials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paint {
    pub quantity: Quantity,
    pub low: f64,
    pub high: f64,
}

/// Volume changes shown by default: one tenth either way.
const J_REACH: f64 = 0.1;

impl Paint {
    /// A range known before the simulation runs, so that pictures of one scene compare: speeds up
    /// to the fastest thing at the start or a fall through the scene's own height, J within a
    /// tenth of 1.
    pub fn new(quantity: Quantity, model: &Model) -> Self {
        let (low, high) = match quantity {
            Quantity::Material => (0.0, 1.0),
            Quantity::Speed => (0.0, typical_speed(model)),
            Quantity::J => (1.0 - J_REACH, 1.0 + J_REACH),
            Quantity::Level => (0.0, model.levels.count().max(2) as f64 - 1.0),
        };
        Self { quantity, low, high }
    }

    /// sRGB colours of all particles.
    pub(super) fn colours(
        &self,
        model: &Model,
        state: &State<f64>,
        activations: &[f64],
    ) -> Vec<[u8; 3]> {
        let particles = state.particles_or(&model.particles);
        (0..state.particle_count())
            .into_par_iter()
            .map(|p| match self.quantity {
                Quantity::Material => {
                    let colour = material_colour(model, particles.material[p] as usize);
                    match particles.muscle[p] {
                        NO_MUSCLE => colour,
                        m => {
                            muscle_colour(colour, activation_ratio(model, m as usize, activations))
                        }
                    }
                }
                Quantity::Speed => self.scale_colour(state.v[p].norm_squared().sqrt()),
                Quantity::J => self.scale_colour(state.f[p].determinant()),
                Quantity::Level => self.scale_colour(f64::from(particles.level[p])),
            })
            .collect()
    }

    /// sRGB colour of a value of the quantity.
    pub fn scale_colour(&self, value: f64) -> [u8; 3] {
        let t = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        match self.quantity {
            Quantity::J => along(&DIVERGING, t),
            Quantity::Material | Quantity::Speed | Quantity::Level => along(&VIRIDIS, t),
        }
    }

    /// Name and unit of the quantity, as written beside its scale.
    pub fn title(&self) -> &'static str {
        match self.quantity {
            Quantity::Material => "material",
            Quantity::Speed => "speed [m/s]",
            Quantity::J => "volume ratio J",
            Quantity::Level => "level",
        }
    }
}

/// The greatest initial speed, or that of a fall through the height of the scene.
fn typical_speed(model: &Model) -> f64 {
    let fastest = model.initial.v.iter().map(|v| v.norm_squared()).fold(0.0, f64::max).sqrt();
    let fastest = model.emitters.iter().map(|e| e.speed).fold(fastest, f64::max);
    let heights = || {
        let start = &model.initial;
        let cells = |p: usize| f64::from(start.cell[p][2]) - f64::from(model.origin[2]);
        let particles = start.present().map(move |p| cells(p) + start.offset[p][2]);
        let nozzles = model.emitters.iter().map(|e| e.pose.position[2] / model.cell_width);
        particles.chain(nozzles)
    };
    let (low, high) =
        heights().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), z| (l.min(z), h.max(z)));
    let height = ((high - low) * model.cell_width).max(0.0);
    let fall = (2.0 * model.gravity.norm_squared().sqrt() * height).sqrt();
    let speed = fastest.max(fall);
    if speed > 0.0 { round_up(speed) } else { 1.0 }
}

/// The next number of the form 1, 2 or 5 times a power of ten.
pub(super) fn round_up(value: f64) -> f64 {
    let decade = 10f64.powf(value.log10().floor());
    // The slack keeps 0.2 from becoming 0.5 by round-off.
    let step = [1.0, 2.0, 5.0].into_iter().find(|s| s * decade >= value * (1.0 - 1e-9));
    step.unwrap_or(10.0) * decade
}

/// |activation| as a fraction of what its channel allows; 0 when nothing is known.
fn activation_ratio(model: &Model, muscle: usize, activations: &[f64]) -> f64 {
    use crate::model::ActionTarget::Activation;
    let channel = model.actions.iter().find(|a| a.target == Activation { muscle });
    match (channel, activations.get(muscle)) {
        (Some(c), Some(a)) => {
            let most = c.lower.abs().max(c.upper.abs());
            if most > 0.0 { (a.abs() / most).min(1.0) } else { 0.0 }
        }
        _ => 0.0,
    }
}

/// Colours of elastic materials in the order in which they appear.
const ELASTIC: [[u8; 3]; 5] =
    [[233, 120, 84], [92, 158, 138], [160, 122, 190], [226, 172, 74], [204, 104, 136]];
const LIQUID: [[u8; 3]; 3] = [[66, 142, 214], [62, 178, 190], [110, 116, 208]];
const PLASTIC: [[u8; 3]; 3] = [[198, 138, 108], [150, 160, 120], [186, 150, 178]];
const PASTE: [[u8; 3]; 3] = [[134, 102, 74], [232, 220, 196], [120, 128, 110]];
const GRANULAR: [[u8; 3]; 3] = [[214, 178, 122], [180, 142, 100], [226, 202, 158]];
/// A muscle at its strongest.
const CONTRACTED: [u8; 3] = [196, 30, 48];
/// Colours of free rigid bodies in their order.
const RIGID: [[u8; 3]; 4] = [[198, 134, 66], [176, 62, 72], [96, 128, 72], [132, 96, 160]];
const FIXED_SOLID: [u8; 3] = [166, 172, 180];
const MOVING_SOLID: [u8; 3] = [76, 84, 98];

/// sRGB colour of a material: by the family of its law, and its rank in that family.
pub(super) fn material_colour(model: &Model, material: usize) -> [u8; 3] {
    let family = |m: &Material| m.law.spec().family;
    let own = family(&model.materials[material]);
    let rank = model.materials[..material].iter().filter(|m| family(m) == own).count();
    let colours: &[[u8; 3]] = match own {
        Family::Elastic => &ELASTIC,
        Family::Plastic => &PLASTIC,
        Family::Granular => &GRANULAR,
        Family::Liquid => &LIQUID,
        Family::Paste => &PASTE,
    };
    colours[rank % colours.len()]
}

/// A resting muscle is a little redder than its body, a contracted one fully red.
fn muscle_colour(body: [u8; 3], ratio: f64) -> [u8; 3] {
    let share = 0.25 + 0.75 * ratio;
    std::array::from_fn(|i| {
        let (from, to) = (f64::from(body[i]), f64::from(CONTRACTED[i]));
        (from + (to - from) * share).round() as u8
    })
}

/// sRGB colour of a collider, darker when it can move.
pub(super) fn solid_colour(moves: bool) -> [u8; 3] {
    if moves { MOVING_SOLID } else { FIXED_SOLID }
}

/// sRGB colour of a free rigid body.
pub(super) fn rigid_colour(body: usize) -> [u8; 3] {
    RIGID[body % RIGID.len()]
}

/// Viridis (Smith and van der Walt, matplotlib) at nine equal steps.
const VIRIDIS: [[u8; 3]; 9] = [
    [68, 1, 84],
    [71, 44, 122],
    [59, 81, 139],
    [44, 113, 142],
    [33, 144, 141],
    [39, 173, 129],
    [92, 200, 99],
    [170, 220, 50],
    [253, 231, 37],
];

/// Blue, near-white at the middle, red (after Moreland, "Diverging Color Maps", 2009).
const DIVERGING: [[u8; 3]; 5] =
    [[59, 76, 192], [141, 176, 254], [226, 224, 222], [244, 152, 122], [180, 4, 38]];

/// A colour at `t` in [0, 1] along equally spaced colours.
fn along(colours: &[[u8; 3]], t: f64) -> [u8; 3] {
    let place = t * (colours.len() - 1) as f64;
    let left = (place as usize).min(colours.len() - 2);
    let share = place - left as f64;
    std::array::from_fn(|i| {
        let (a, b) = (f64::from(colours[left][i]), f64::from(colours[left + 1][i]));
        (a + (b - a) * share).round() as u8
    })
}
