//! The one list of constitutive laws.

/// Calls a macro with the table of laws. A law is
///
/// ```text
/// /// One sentence about it.
/// Variant "name in scene files" module_and_shader {
///     /// One sentence about the parameter.
///     parameter: f64 = how it is stated,
/// }
/// constants how many, and how they follow from the parameters,
/// limits of the substep,
/// family, reads_rate (its stress depends on C), has_history;
/// ```
///
/// with its functions in `src/mpm/twin/material/<module>.rs` and `shaders/material/<module>.wgsl`.
macro_rules! law_table {
    ($callback:ident) => {
        $callback! {
            /// Fixed corotated elasticity.
            Elastic "elastic" elastic {
                /// Young's modulus.
                young_modulus: f64 = Parameter::positive("young_modulus", "Pa", 1e5),
                /// Poisson's ratio.
                poisson_ratio: f64 = Parameter::poisson_ratio(0.3),
            }
            constants 2 constants::elastic,
            limits Limits::elastic,
            family Elastic,
            reads_rate false,
            has_history false;

            /// Weakly compressible liquid.
            Liquid "liquid" liquid {
                /// Pressure per relative change of volume.
                bulk_modulus: f64 = Parameter::positive("bulk_modulus", "Pa", 5e4),
                /// Whether it resists being pulled apart; without, it sprays.
                tension: bool = Parameter::switch("tension", false, true),
            }
            constants 3 constants::liquid,
            limits Limits::elastic,
            family Liquid,
            reads_rate false,
            has_history false;

            /// Sand: Drucker-Prager with Hencky elasticity.
            Sand "sand" sand {
                /// Young's modulus of the packed grains.
                young_modulus: f64 = Parameter::positive("young_modulus", "Pa", 1e5),
                /// Poisson's ratio.
                poisson_ratio: f64 = Parameter::poisson_ratio(0.2),
                /// Internal friction angle, of triaxial compression.
                friction_angle: f64 = Parameter::number("friction_angle_deg", "", 30.0)
                    .from(Bound::Open(0.0)).to(Bound::Open(90.0)),
                /// Shear stress that it bears without pressure.
                cohesion: f64 = Parameter::not_negative("cohesion", "Pa", 50.0).or(0.0),
            }
            constants 4 constants::sand,
            limits Limits::elastic,
            family Granular,
            reads_rate false,
            has_history true;
        }
    };
}
pub(crate) use law_table;
