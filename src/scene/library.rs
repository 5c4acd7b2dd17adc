//! Materials by name: bodies may name them without describing them, and a `[[material]]` may start
//! from one by `preset`.
//!
//! Densities, angles, viscosities, yield stresses and exponents are those of the real thing, to the
//! digits that matter. Moduli of elasticity are lower than real ones wherever waves would be too fast
//! for a useful substep; each is stiff enough for what it is for: a liquid of 5e5 Pa carries sound
//! at 22 m/s, ten times as fast as a fall of 0.25 m. `docs/materials.md` says where each number is
//! from.

use crate::laws::Law;

/// The names of the built-in materials.
pub const BUILT_IN_MATERIALS: [&str; 13] = [
    "water",
    "milk",
    "coffee",
    "mud",
    "dry-sand",
    "wet-sand",
    "fresh-snow",
    "packed-snow",
    "clay",
    "ice-cream",
    "jelly",
    "rubber",
    "muscle-tissue",
];

/// Rest density [kg/m³] and law of a built-in material.
pub fn built_in_material(name: &str) -> Option<(f64, Law)> {
    let elastic = |young_modulus, poisson_ratio| Law::Elastic { young_modulus, poisson_ratio };
    let thin_liquid = |viscosity| Law::ViscousLiquid {
        bulk_modulus: 5e5,
        tait_exponent: 7.0,
        tension: false,
        viscosity,
    };
    let sand = |cohesion| Law::Sand {
        young_modulus: 1e6,
        poisson_ratio: 0.2,
        friction_angle: 35f64.to_radians(),
        cohesion,
    };
    let snow = |young_modulus, hardening, hardening_limit| Law::Snow {
        young_modulus,
        poisson_ratio: 0.2,
        hardening,
        compression_limit: 2.5e-2,
        stretch_limit: 7.5e-3,
        hardening_limit,
    };
    let paste = |bulk_modulus, consistency, yield_stress, flow_index| Law::HerschelBulkley {
        bulk_modulus,
        tension: true,
        consistency,
        yield_stress,
        flow_index,
        rate_floor: 0.2,
    };
    Some(match name {
        "water" => (1000.0, Law::Liquid { bulk_modulus: 5e5, tension: false }),
        "milk" => (1030.0, thin_liquid(2e-3)),
        "coffee" => (1000.0, thin_liquid(1e-3)),
        "mud" => (1500.0, paste(5e5, 30.0, 100.0, 1.0 / 3.0)),
        "dry-sand" => (1600.0, sand(0.0)),
        "wet-sand" => (1800.0, sand(1e3)),
        "fresh-snow" => (200.0, snow(4.8e4, 5.0, 2.0)),
        "packed-snow" => (400.0, snow(1.4e5, 10.0, 4.0)),
        "clay" => (
            1700.0,
            Law::Plasticine {
                young_modulus: 3e5,
                poisson_ratio: 0.25,
                yield_stress: 5e3,
                hardening_modulus: 0.0,
            },
        ),
        "ice-cream" => (600.0, paste(1e5, 60.0, 150.0, 0.5)),
        "jelly" => (1000.0, elastic(2e4, 0.3)),
        "rubber" => (1100.0, Law::NeoHookean { young_modulus: 5e5, poisson_ratio: 0.4 }),
        "muscle-tissue" => (1050.0, elastic(5e4, 0.4)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_material_has_parameters_that_its_law_allows() {
        for name in BUILT_IN_MATERIALS {
            let (density, law) = built_in_material(name).unwrap();
            assert!(density > 0.0);
            for (parameter, value) in law.spec().parameters.iter().zip(law.values()) {
                parameter.check(parameter.to_scene(value)).unwrap();
            }
        }
        assert_eq!(built_in_material("unobtainium"), None);
    }
}
