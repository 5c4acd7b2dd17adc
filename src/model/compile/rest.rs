//! The stress of a wide bed at rest under its own weight, as a deformation gradient (formulas.md 9).

use crate::math::{Mat3, Vec3};
use crate::model::{Law, LawKind};

/// A bed of one material whose surface is horizontal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bed {
    pub law: Law,
    /// Rest density [kg/m³].
    pub density: f64,
    /// Downward gravity [m/s²].
    pub gravity: f64,
}

/// A particle of such a bed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct AtRest {
    /// Elastic deformation gradient, vertical along z.
    pub f: Mat3<f64>,
    /// Rest volume over present volume.
    pub volume_ratio: f64,
}

impl Bed {
    /// The laws whose bed at rest is known.
    pub const KNOWN: [LawKind; 6] = [
        LawKind::Elastic,
        LawKind::Hencky,
        LawKind::Liquid,
        LawKind::ViscousLiquid,
        LawKind::HerschelBulkley,
        LawKind::Sand,
    ];

    /// The state at a depth [m] below the surface; `None` if the material cannot bear it: it would
    /// be crushed to nothing, or its law is not among [`Self::KNOWN`].
    pub fn at(&self, depth: f64) -> Option<AtRest> {
        let weight = self.density * self.gravity * depth;
        let [mu, lambda, ..] = self.law.constants();
        match self.law {
            // Cauchy stress M (s - 1) with M = lambda + 2 mu and stretch s, density rho0/s:
            // s² = 1 - 2 rho0 g z/M.
            Law::Elastic { .. } => {
                let s = positive_root(1.0 - 2.0 * weight / (lambda + 2.0 * mu))?;
                Some(AtRest { f: Mat3::diagonal(Vec3([1.0, 1.0, s])), volume_ratio: 1.0 / s })
            }
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
            Law::Hencky { poisson_ratio: nu, .. } | Law::Sand { poisson_ratio: nu, .. } => {
                // Elastic lateral ratio, or Jaky's where that lies outside the yield cone.
                let elastic = nu / (1.0 - nu);
                let k = match self.law {
                    Law::Sand { friction_angle, .. } => elastic.max(1.0 - friction_angle.sin()),
                    _ => elastic,
                };
                let c = (1.0 + 2.0 * k) / (2.0 * mu + 3.0 * lambda);
                let t = ((1.0 + 2.0 * c * weight).sqrt() - 1.0) / c;
                let vertical = (-t + lambda * c * t) / (2.0 * mu);
                let lateral = (-k * t + lambda * c * t) / (2.0 * mu);
                let f = Vec3([lateral.exp(), lateral.exp(), vertical.exp()]);
                Some(AtRest { f: Mat3::diagonal(f), volume_ratio: (c * t).exp() })
            }
            _ => None,
        }
    }
}

/// A liquid at a volume ratio J.
fn pressed(j: f64) -> AtRest {
    AtRest { f: Mat3::identity() * j.cbrt(), volume_ratio: 1.0 / j }
}

fn positive_root(square: f64) -> Option<f64> {
    (square > 0.0).then(|| square.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cauchy vertical stress [Pa] from F, by each law's own definition.
    fn vertical_stress(law: Law, f: Mat3<f64>) -> f64 {
        let [mu, lambda, ..] = law.constants();
        let j = f.determinant();
        let s = f[(2, 2)];
        let tau = match law {
            Law::Elastic { .. } => 2.0 * mu * (s - 1.0) * s + lambda * j * (j - 1.0),
            Law::Liquid { .. } | Law::HerschelBulkley { .. } => lambda * j * (j - 1.0),
            Law::ViscousLiquid { tait_exponent: gamma, .. } => {
                lambda / gamma * (j - j.powf(1.0 - gamma))
            }
            _ => 2.0 * mu * s.ln() + lambda * j.ln(),
        };
        tau / j
    }

    #[test]
    fn the_stress_of_a_bed_carries_the_weight_above_it() {
        for kind in Bed::KNOWN {
            let law = Law::typical(kind);
            let bed = Bed { law, density: 1600.0, gravity: 9.81 };
            // The weight per area of thin layers from the surface down, each at its own density.
            let (layers, depth) = (2000, 0.5);
            let thickness = depth / f64::from(layers);
            let mut carried = 0.0;
            for layer in 0..layers {
                let middle = bed.at((f64::from(layer) + 0.5) * thickness).unwrap();
                carried += bed.density * middle.volume_ratio * bed.gravity * thickness;
            }
            let stress = vertical_stress(law, bed.at(depth).unwrap().f);
            // The midpoint rule over 2000 layers is exact to 1e-8; a missing density change would
            // show at 4e-2.
            assert!((stress + carried).abs() < 1e-6 * carried, "{law:?}: {stress} {carried}");
        }
    }

    #[test]
    fn a_bed_too_soft_for_its_depth_is_refused() {
        let law = Law::Elastic { young_modulus: 1e3, poisson_ratio: 0.2 };
        assert_eq!(Bed { law, density: 1000.0, gravity: 9.81 }.at(1.0), None);
    }
}
