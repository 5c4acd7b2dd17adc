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

            /// Compressible neo-Hookean elasticity.
            NeoHookean "neo_hookean" neo_hookean {
                /// Young's modulus at small strain.
                young_modulus: f64 = Parameter::positive("young_modulus", "Pa", 1e5),
                /// Poisson's ratio at small strain.
                poisson_ratio: f64 = Parameter::poisson_ratio(0.3),
            }
            constants 2 constants::elastic,
            limits Limits::elastic,
            family Elastic,
            reads_rate false,
            has_history false;

            /// Hencky elasticity: linear in the logarithmic strain.
            Hencky "hencky" hencky {
                /// Young's modulus at small strain.
                young_modulus: f64 = Parameter::positive("young_modulus", "Pa", 1e5),
                /// Poisson's ratio at small strain.
                poisson_ratio: f64 = Parameter::poisson_ratio(0.3),
            }
            constants 2 constants::elastic,
            limits Limits::elastic,
            family Elastic,
            reads_rate false,
            has_history false;

            /// Plasticine, clay: von Mises plasticity with linear hardening over Hencky elasticity.
            Plasticine "plasticine" plasticine {
                /// Young's modulus.
                young_modulus: f64 = Parameter::positive("young_modulus", "Pa", 1e5),
                /// Poisson's ratio.
                poisson_ratio: f64 = Parameter::poisson_ratio(0.25),
                /// Stress at which it yields when pulled in one direction.
                yield_stress: f64 = Parameter::positive("yield_stress", "Pa", 2e3),
                /// Growth of the yield stress with plastic strain.
                hardening_modulus: f64 =
                    Parameter::not_negative("hardening_modulus", "Pa", 1e4).or(0.0),
            }
            constants 4 constants::plasticine,
            limits Limits::elastic,
            family Plastic,
            reads_rate false,
            has_history true;

            /// Snow: fixed corotated elasticity that hardens as it is compacted and breaks at small
            /// strains.
            Snow "snow" snow {
                /// Young's modulus before any compaction.
                young_modulus: f64 = Parameter::positive("young_modulus", "Pa", 1e5),
                /// Poisson's ratio.
                poisson_ratio: f64 = Parameter::poisson_ratio(0.2),
                /// Exponent of the stiffness per plastic compaction.
                hardening: f64 = Parameter::not_negative("hardening", "", 10.0).or(10.0),
                /// Compression beyond which it is compacted for good.
                compression_limit: f64 = Parameter::positive("compression_limit", "", 2.5e-2)
                    .to(Bound::Open(1.0)).or(2.5e-2),
                /// Stretch beyond which it comes apart.
                stretch_limit: f64 = Parameter::positive("stretch_limit", "", 7.5e-3).or(7.5e-3),
                /// Largest factor by which it hardens; enters the stable substep.
                hardening_limit: f64 = Parameter::number("hardening_limit", "", 4.0)
                    .from(Bound::Closed(1.0)).or(4.0),
            }
            constants 6 constants::snow,
            limits Limits::snow,
            family Plastic,
            reads_rate false,
            has_history true;

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

            /// Viscous liquid with a Tait pressure.
            ViscousLiquid "viscous_liquid" viscous_liquid {
                /// Pressure per relative change of volume, at rest.
                bulk_modulus: f64 = Parameter::positive("bulk_modulus", "Pa", 5e4),
                /// Exponent of the pressure in the density: 1 is linear, 7 is water's.
                tait_exponent: f64 = Parameter::number("tait_exponent", "", 7.0)
                    .from(Bound::Closed(1.0)).or(1.0),
                /// Whether it resists being pulled apart; without, it sprays.
                tension: bool = Parameter::switch("tension", false, true),
                /// Shear stress per rate of shear.
                viscosity: f64 = Parameter::not_negative("viscosity", "Pa s", 20.0),
            }
            constants 5 constants::viscous_liquid,
            limits Limits::viscous_liquid,
            family Liquid,
            reads_rate true,
            has_history false;

            /// Herschel-Bulkley paste: mud, ice cream; Bingham's law at flow index 1.
            HerschelBulkley "herschel_bulkley" herschel_bulkley {
                /// Pressure per relative change of volume.
                bulk_modulus: f64 = Parameter::positive("bulk_modulus", "Pa", 5e4),
                /// Whether it resists being pulled apart.
                tension: bool = Parameter::switch("tension", false, true),
                /// Shear stress beyond the yield stress, at a rate of shear of 1/s.
                consistency: f64 = Parameter::not_negative("consistency", "Pa s^n", 10.0),
                /// Shear stress at which it yields.
                yield_stress: f64 = Parameter::not_negative("yield_stress", "Pa", 20.0),
                /// Exponent n of the rate of shear; less than 1 thins.
                flow_index: f64 = Parameter::positive("flow_index", "", 0.6)
                    .to(Bound::Closed(1.0)).or(1.0),
                /// Rate of shear at which yielding sets in: below, it creeps. A small one costs
                /// small substeps.
                rate_floor: f64 = Parameter::positive("rate_floor", "1/s", 0.5).or(1.0),
            }
            constants 7 constants::herschel_bulkley,
            limits Limits::herschel_bulkley,
            family Paste,
            reads_rate true,
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
