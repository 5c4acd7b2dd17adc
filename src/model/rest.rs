//! The stress of a wide bed at rest under its own weight, as a deformation gradient (formulas.md 9).

use crate::laws::cone_slope;
use crate::math::{Mat3, Vec3, exp_symmetric};
use crate::model::Law;

/// A bed of one material whose surface is horizontal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bed {
    pub law: Law,
    /// Rest density [kg/m³].
    pub density: f64,
    /// Downward gravity [m/s²].
    pub gravity: f64,
}

/// A particle of such a bed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AtRest {
    /// Elastic deformation gradient, vertical along z.
    pub f: Mat3<f64>,
    /// Rest volume over present volume.
    pub volume_ratio: f64,
    /// Plastic history.
    pub history: f64,
}

impl AtRest {
    /// Without weight above.
    pub const UNLOADED: Self = Self {
        f: Mat3([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        volume_ratio: 1.0,
        history: 0.0,
    };
}

impl Bed {
    /// The state at a depth [m] below the surface; `None` if the material cannot bear it: it would
    /// be crushed to nothing.
    pub fn at(&self, depth: f64) -> Option<AtRest> {
        self.under(self.weight(depth))
    }

    /// Weight [Pa] of so much of it [m] as it is before it is pressed together.
    pub fn weight(&self, depth: f64) -> f64 {
        self.density * self.gravity * depth
    }

    /// The weight of this material that presses as much as that of another does which lies upon it:
    /// pressure grows by `rho g z`, with the density that it is pressed to. `None` if neither bears it.
    pub fn weight_of(&self, other: &Bed, weight: f64) -> Option<f64> {
        const HALVINGS: usize = 60;
        let pressure = |bed: &Bed, weight: f64| {
            // Beyond what it bears the ratio has no bound.
            let ratio = |w: f64| bed.under(w).map_or(f64::INFINITY, |rest| rest.volume_ratio);
            simpson(ratio, 0.0, weight)
        };
        let wanted = pressure(other, weight);
        if !wanted.is_finite() {
            return None;
        }
        // Density never falls with depth, so that the pressure is the weight or more.
        let (mut low, mut high) = (0.0, wanted);
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            if pressure(self, middle) < wanted { low = middle } else { high = middle }
        }
        Some(high)
    }

    /// The state under so much weight [Pa] of itself, where the surface has this slope along x and y. On a
    /// slope, sand and Hencky materials have the stress of one without end: pressure as of the vertical
    /// depth, shear along it (formulas.md 9). Other laws are as on level ground, which on a slope is near
    /// rest only.
    pub fn on_slope(&self, weight: f64, slope: [f64; 2]) -> Option<AtRest> {
        let steepness = slope[0].hypot(slope[1]);
        if steepness == 0.0 {
            return self.under(weight);
        }
        let friction = match self.law {
            Law::Sand { friction_angle, .. } => Some(friction_angle),
            Law::Hencky { .. } => None,
            _ => return self.under(weight),
        };
        let [mu, lambda, ..] = self.law.constants();
        let cos = 1.0 / steepness.hypot(1.0);
        let sin = steepness * cos;
        let normal = Vec3([-slope[0] * cos, -slope[1] * cos, cos]);
        let down = Vec3([-slope[0] * cos / steepness, -slope[1] * cos / steepness, -sin]);
        // Over the normal pressure; the share of the shear that the cone allows.
        let stress = |k: f64, share: f64| {
            let along = (Mat3::identity() - normal.outer(normal)) * -k;
            let shear = normal.outer(down) + down.outer(normal);
            along - normal.outer(normal) + shear * (share * sin / cos)
        };
        let inside = |k: f64, share: f64| {
            let Some(angle) = friction else { return true };
            let tau = stress(k, share);
            let trace = -(1.0 + 2.0 * k);
            let deviator = tau - Mat3::identity() * (trace / 3.0);
            deviator.double_dot(deviator).sqrt() <= -INSIDE * cone_slope(angle) * trace
        };
        let least = self.lateral_ratio(mu, lambda);
        let between = |holds: &dyn Fn(f64) -> bool, from: f64, to: f64| {
            let (mut bad, mut good) = (from, to);
            for _ in 0..SEARCHES {
                let middle = 0.5 * (bad + good);
                if holds(middle) { good = middle } else { bad = middle }
            }
            good
        };
        let (k, share) = if inside(least, 1.0) {
            (least, 1.0)
        } else if inside(1.0, 1.0) {
            (between(&|k| inside(k, 1.0), least, 1.0), 1.0)
        } else {
            // Too steep to stand: it will slide, from the most shear that it bears.
            (1.0, between(&|share| inside(1.0, share), 1.0, 0.0))
        };
        let c = (1.0 + 2.0 * k) / (2.0 * mu + 3.0 * lambda);
        let t = ((1.0 + 2.0 * c * weight).sqrt() - 1.0) / c;
        let tau = stress(k, share) * (t * cos * cos);
        let trace = tau[(0, 0)] + tau[(1, 1)] + tau[(2, 2)];
        let mean = lambda * trace / (2.0 * mu + 3.0 * lambda);
        let strain = (tau - Mat3::identity() * mean) * (0.5 / mu);
        let change = strain[(0, 0)] + strain[(1, 1)] + strain[(2, 2)];
        Some(AtRest { f: exp_symmetric(strain), volume_ratio: (-change).exp(), history: 0.0 })
    }

    /// Lateral over vertical stress of sand and Hencky materials: the elastic one, or Jaky's where that
    /// lies outside the yield cone.
    fn lateral_ratio(&self, mu: f64, lambda: f64) -> f64 {
        // nu/(1 - nu)
        let elastic = lambda / (lambda + 2.0 * mu);
        match self.law {
            Law::Sand { friction_angle, .. } => elastic.max(1.0 - friction_angle.sin()),
            _ => elastic,
        }
    }

    /// The state under so much weight [Pa] of itself; `None` if it would be crushed to nothing.
    ///
    /// What yields is taken to have come there by being pressed together vertically, without moving
    /// sideways.
    pub fn under(&self, weight: f64) -> Option<AtRest> {
        let [mu, lambda, ..] = self.law.constants();
        match self.law {
            // Cauchy stress M (s - 1) with M = lambda + 2 mu and stretch s, density rho0/s:
            // s² = 1 - 2 rho0 g z/M.
            Law::Elastic { .. } => {
                Some(shortened(positive_root(1.0 - 2.0 * weight / (lambda + 2.0 * mu))?))
            }
            Law::NeoHookean { .. } => neo_hookean(mu, lambda, weight),
            Law::Plasticine { yield_stress, hardening_modulus, .. } => {
                Some(plasticine(mu, lambda, yield_stress, hardening_modulus, weight))
            }
            Law::Snow { .. } => snow(&self.law.constants(), weight),
            // The same with Cauchy stress lambda (J - 1).
            Law::Liquid { .. } | Law::HerschelBulkley { .. } => {
                Some(pressed(positive_root(1.0 - 2.0 * weight / lambda)?))
            }
            // Cauchy pressure (K/γ)(J^-γ - 1): J^(1-γ) = 1 + (γ - 1) rho0 g z/K.
            Law::ViscousLiquid { tait_exponent, .. } => {
                let excess = tait_exponent - 1.0;
                Some(pressed(match excess.abs() < 1e-6 {
                    true => (-weight / lambda).exp(),
                    false => (1.0 + excess * weight / lambda).powf(-1.0 / excess),
                }))
            }
            Law::Hencky { .. } | Law::Sand { .. } => {
                let k = self.lateral_ratio(mu, lambda);
                let c = (1.0 + 2.0 * k) / (2.0 * mu + 3.0 * lambda);
                let t = ((1.0 + 2.0 * c * weight).sqrt() - 1.0) / c;
                let vertical = (-t + lambda * c * t) / (2.0 * mu);
                let lateral = (-k * t + lambda * c * t) / (2.0 * mu);
                let f = Vec3([lateral.exp(), lateral.exp(), vertical.exp()]);
                Some(AtRest { f: Mat3::diagonal(f), volume_ratio: (c * t).exp(), history: 0.0 })
            }
        }
    }
}

/// A liquid at a volume ratio J.
fn pressed(j: f64) -> AtRest {
    AtRest { f: Mat3::identity() * j.cbrt(), volume_ratio: 1.0 / j, history: 0.0 }
}

/// Elastic, at a vertical stretch s.
fn shortened(s: f64) -> AtRest {
    AtRest { f: Mat3::diagonal(Vec3([1.0, 1.0, s])), volume_ratio: 1.0 / s, history: 0.0 }
}

/// Cauchy stress `mu (s - 1/s) + lambda ln s/s` at density rho0/s:
/// `rho0 g z = mu ((1 - s²)/2 - y) + lambda (y²/2 - y)`, y = ln s.
fn neo_hookean(mu: f64, lambda: f64, weight: f64) -> Option<AtRest> {
    let borne = |y: f64| {
        let square = (2.0 * y).exp();
        let value = mu * (0.5 * (1.0 - square) - y) + lambda * (0.5 * y * y - y);
        (value, -mu * (square + 1.0) + lambda * (y - 1.0))
    };
    Some(shortened(falling_root(borne, weight, SMALLEST_STRETCH.ln())?.exp()))
}

/// Pressed to a vertical log strain -a at density `rho0 exp(a)`, with Kirchhoff stress -t(a):
/// `rho0 g z = t(a) + ∫t da`. `t' = lambda + 2 mu` up to a = sigma_y/(2 mu); from there the difference
/// q of the principal stresses is the hardened yield stress,
/// `q = (3 mu sigma_y + 2 mu H a)/(3 mu + H)`, and `t' = K + (2/3) q'`.
fn plasticine(mu: f64, lambda: f64, yield_stress: f64, hardening: f64, weight: f64) -> AtRest {
    let elastic = lambda + 2.0 * mu;
    // The root of `stiffness b²/2 + (stiffness + stress) b = weight`.
    let further = |stiffness: f64, stress: f64, weight: f64| {
        let middle = stiffness + stress;
        2.0 * weight / (middle + (middle * middle + 2.0 * stiffness * weight).sqrt())
    };
    let limit = yield_stress / (2.0 * mu);
    let stress = elastic * limit;
    let borne = stress + 0.5 * stress * limit;
    if weight <= borne {
        return shortened((-further(elastic, 0.0, weight)).exp());
    }
    let softened = 3.0 * mu + hardening;
    let yielding = lambda + 2.0 / 3.0 * mu + 4.0 / 3.0 * mu * hardening / softened;
    let a = limit + further(yielding, stress, weight - borne);
    let history = (2.0 * mu * a - yield_stress) / softened;
    let difference = (yield_stress + hardening * history) / (2.0 * mu);
    let lateral = (difference - a) / 3.0;
    let f = Vec3([lateral.exp(), lateral.exp(), (lateral - difference).exp()]);
    AtRest { f: Mat3::diagonal(f), volume_ratio: a.exp(), history }
}

/// Elastic up to the stretch s = `1 - compression_limit`; from there the plastic volume Jp shrinks and
/// hardens by `h = min(exp(xi (1 - Jp)), cap)`: Cauchy stress `h M (s - 1)/Jp` at density
/// `rho0/(s Jp)`, thus `rho0 g z = M (1 - s²)/2 + M (1 - s) s (h - 1 + ∫ h d ln Jp)`, the integral
/// from ln Jp, the history, to 0.
fn snow(constants: &[f64], weight: f64) -> Option<AtRest> {
    let [mu, lambda, xi, limit, _, cap, ..] = *constants else { return None };
    let elastic = lambda + 2.0 * mu;
    let borne = 0.5 * elastic * (1.0 - limit * limit);
    if weight <= borne {
        return Some(shortened(positive_root(1.0 - 2.0 * weight / elastic)?));
    }
    let scale = elastic * (1.0 - limit) * limit;
    let free = |history: f64| (xi * (1.0 - history.exp())).exp();
    // The history at which it hardens no more.
    let hardest = if xi > 0.0 { (1.0 - cap.ln() / xi).max(0.0).ln() } else { f64::NEG_INFINITY };
    let borne = |history: f64| {
        let h = free(history).min(cap);
        let hardens = history > hardest;
        let from = history.max(hardest);
        let integral = simpson(free, from, 0.0) + cap * (from - history);
        let slope = -h * if hardens { 1.0 + xi * history.exp() } else { 1.0 };
        (borne + scale * (h - 1.0 + integral), scale * slope)
    };
    let history = falling_root(borne, weight, SMALLEST_STRETCH.ln())?;
    Some(AtRest { history, volume_ratio: (-history).exp() / limit, ..shortened(limit) })
}

/// How far inside the cone a slope at rest is: by 2 %, so that round-off does not make it yield.
const INSIDE: f64 = 0.98;
/// Halvings by which the stress of a slope is found: to a millionth.
const SEARCHES: usize = 20;

/// What is pressed to less of its volume is crushed: where the laws stop to follow.
const SMALLEST_STRETCH: f64 = 0.05;

/// Where a function, given with its slope, that falls from `low` to zero at 0 takes a value; `None` if it
/// lies below `low`. Newton's method, kept between bounds by bisection.
fn falling_root(f: impl Fn(f64) -> (f64, f64), value: f64, low: f64) -> Option<f64> {
    const ITERATIONS: usize = 100;
    let (mut low, mut high) = (low, 0.0);
    if f(low).0 < value {
        return None;
    }
    let mut x = 0.5 * (low + high);
    for _ in 0..ITERATIONS {
        let (at, slope) = f(x);
        if at > value {
            low = x;
        } else {
            high = x;
        }
        let newton = x - (at - value) / slope;
        let next = if low < newton && newton < high { newton } else { 0.5 * (low + high) };
        if (next - x).abs() <= 1e-15 * x.abs() {
            break;
        }
        x = next;
    }
    Some(x)
}

/// Simpson's rule.
fn simpson(f: impl Fn(f64) -> f64, from: f64, to: f64) -> f64 {
    const PAIRS: i32 = 32;
    let half = (to - from) / f64::from(2 * PAIRS);
    let at = |i: i32| f(from + half * f64::from(i));
    let sum: f64 = (0..PAIRS).map(|k| at(2 * k) + 4.0 * at(2 * k + 1) + at(2 * k + 2)).sum();
    sum * half / 3.0
}

fn positive_root(square: f64) -> Option<f64> {
    (square > 0.0).then(|| square.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LawKind;

    #[test]
    fn a_bed_too_soft_for_its_depth_is_refused() {
        let elastic = Law::Elastic { young_modulus: 1e3, poisson_ratio: 0.2 };
        let neo_hookean = Law::NeoHookean { young_modulus: 1e3, poisson_ratio: 0.2 };
        let snow = Law::typical(LawKind::Snow);
        for (law, depth) in [(elastic, 1.0), (neo_hookean, 10.0), (snow, 1e3)] {
            let bed = Bed { law, density: 1000.0, gravity: 9.81 };
            assert_eq!(bed.at(depth), None, "{law:?}");
            assert!(bed.at(0.01).is_some(), "{law:?}");
        }
    }

    #[test]
    fn the_surface_is_undeformed() {
        for &kind in LawKind::ALL {
            let at = Bed { law: Law::typical(kind), density: 1e3, gravity: 9.81 }.at(0.0).unwrap();
            let change = at.f - Mat3::identity();
            assert!(change.double_dot(change).sqrt() < 1e-15, "{kind:?}: {at:?}");
            assert!((at.volume_ratio - 1.0).abs() < 1e-15 && at.history == 0.0, "{at:?}");
        }
    }

    #[test]
    fn a_root_is_found_where_newton_alone_would_leave() {
        let cubic = |x: f64| (-x * x * x, -3.0 * x * x);
        for value in [1e-9, 0.3, 7.9] {
            let x = falling_root(cubic, value, -2.0).unwrap();
            assert!((x + value.cbrt()).abs() < 1e-12, "{value}: {x}");
        }
        assert_eq!(falling_root(cubic, 8.1, -2.0), None);
    }
}
