//! Materials that every scene can name without describing them.

use super::world::Material;
use crate::laws::Law;

/// The names of the built-in materials.
pub const BUILT_IN_MATERIALS: [&str; 5] = ["jelly", "rubber", "muscle_tissue", "water", "dry_sand"];

/// A built-in material by name. Moduli are those that simulations of this kind use (numerics.md 3):
/// softer than the real thing, so that a substep can be long, and stiff enough not to show it.
pub fn built_in_material(name: &str) -> Option<Material> {
    let elastic = |young_modulus, poisson_ratio| Law::Elastic { young_modulus, poisson_ratio };
    let (density, law) = match name {
        "jelly" => (1000.0, elastic(2e4, 0.3)),
        "rubber" => (1100.0, elastic(5e5, 0.4)),
        "muscle_tissue" => (1050.0, elastic(5e4, 0.4)),
        // Sound at 22 m/s: Mach 0.1 for a fall of 0.25 m.
        "water" => (1000.0, Law::Liquid { bulk_modulus: 5e5, tension: false }),
        "dry_sand" => {
            let friction_angle = 35f64.to_radians();
            (
                1600.0,
                Law::Sand { young_modulus: 1e6, poisson_ratio: 0.2, friction_angle, cohesion: 0.0 },
            )
        }
        _ => return None,
    };
    Some(Material { name: name.to_string(), density, law })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_material_exists_under_its_name() {
        for name in BUILT_IN_MATERIALS {
            assert_eq!(built_in_material(name).map(|m| m.name).as_deref(), Some(name));
        }
        assert_eq!(built_in_material("unobtainium"), None);
    }
}
