//! From the parameters that a user states to the constants that kernels compute with, in dual numbers:
//! one statement gives the constants and their derivatives. The first two constants of every law are
//! mu and lambda [Pa].

use crate::math::Dual;

/// Most constants of a law.
pub const CONSTANTS: usize = 8;

type Constants = [Dual; CONSTANTS];

/// The constants, filled up with zeros.
fn constants<const N: usize>(first: [Dual; N]) -> Constants {
    std::array::from_fn(|n| first.get(n).copied().unwrap_or(number(0.0)))
}

fn number(value: f64) -> Dual {
    Dual::new(value, 0.0)
}

/// Lamé constants (mu, lambda) [Pa].
fn lame(young: Dual, nu: Dual) -> (Dual, Dual) {
    (young / ((nu + 1.0) * 2.0), young * nu / ((nu + 1.0) * (-nu * 2.0 + 1.0)))
}

/// (young_modulus, poisson_ratio) to `[mu, lambda]`.
pub fn elastic(p: &[Dual]) -> Constants {
    let (mu, lambda) = lame(p[0], p[1]);
    constants([mu, lambda])
}

/// (bulk_modulus, tension) to `[0, lambda, tension]`.
pub fn liquid(p: &[Dual]) -> Constants {
    constants([number(0.0), p[0], p[1]])
}

/// (bulk_modulus, tait_exponent, tension, viscosity) to
/// `[0, lambda, tension, viscosity, tait_exponent]`.
pub fn viscous_liquid(p: &[Dual]) -> Constants {
    constants([number(0.0), p[0], p[2], p[3], p[1]])
}

/// (bulk_modulus, tension, consistency, yield_stress, flow_index, rate_floor) to
/// `[0, lambda, tension, consistency, yield_stress, flow_index, rate_floor]`.
pub fn herschel_bulkley(p: &[Dual]) -> Constants {
    constants([number(0.0), p[0], p[1], p[2], p[3], p[4], p[5]])
}

/// (young_modulus, poisson_ratio, yield_stress, hardening_modulus) to
/// `[mu, lambda, yield_stress, hardening_modulus]`.
pub fn plasticine(p: &[Dual]) -> Constants {
    let (mu, lambda) = lame(p[0], p[1]);
    constants([mu, lambda, p[2], p[3]])
}

/// (young_modulus, poisson_ratio, hardening, compression_limit, stretch_limit, hardening_limit) to
/// `[mu, lambda, hardening, 1 - compression_limit, 1 + stretch_limit, hardening_limit]`.
pub fn snow(p: &[Dual]) -> Constants {
    let (mu, lambda) = lame(p[0], p[1]);
    constants([mu, lambda, p[2], -p[3] + 1.0, p[4] + 1.0, p[5]])
}

/// (young_modulus, poisson_ratio, friction_angle, cohesion) to `[mu, lambda, beta, trace_limit]`:
/// the cone `|dev e| <= -beta (tr e - trace_limit)`, `beta = alpha (1 + nu)/(1 - 2 nu)`,
/// `trace_limit = 3 c cot(phi)/(2 mu + 3 lambda)` (formulas.md 3.3).
pub fn sand(p: &[Dual]) -> Constants {
    let (nu, angle, cohesion) = (p[1], p[2], p[3]);
    let (mu, lambda) = lame(p[0], nu);
    let beta = cone_slope_of(angle) * (nu + 1.0) / (-nu * 2.0 + 1.0);
    let cotangent = num_dual::DualNum::tan(&angle);
    let limit = cohesion * 3.0 / (cotangent * (mu * 2.0 + lambda * 3.0));
    constants([mu, lambda, beta, limit])
}

fn cone_slope_of(friction_angle: Dual) -> Dual {
    let sin = num_dual::DualNum::sin(&friction_angle);
    sin * (2.0 * (2.0f64 / 3.0).sqrt()) / (-sin + 3.0)
}

/// Slope alpha of the Drucker-Prager cone, fitted to Mohr-Coulomb in triaxial compression; the angle
/// in radians.
pub fn cone_slope(friction_angle: f64) -> f64 {
    cone_slope_of(number(friction_angle)).re
}
