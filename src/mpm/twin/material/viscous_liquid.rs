//! Viscous liquid with a Tait pressure.

use super::liquid::{isotropic, slack};
use super::principal::sinhc;
use super::{Factors, Local, LocalBar, constants_bar};
use crate::laws::CONSTANTS;
use crate::math::{Mat3, Real};

pub use super::liquid::{factors, return_map, return_map_adj};

/// J in the pressure is floored below what the return map lets through: a guard of the logarithm.
const J_FLOOR: f64 = 0.05;

/// `tau = (lambda/γ)(J - J^(1-γ)) I + 2 eta J D`, D the deviator of sym C,
/// k = `[0, lambda, tension, eta, γ]`. Without tension the pressure is zero where J > 1; J = 1 itself
/// counts as compressed. Viscosity acts either way.
#[inline]
pub fn stress<R: Real>(k: &[R; CONSTANTS], at: &Local<R>, _: &Factors<R>) -> Mat3<R> {
    let p = Pressure::at(k, at.f);
    strain_rate(at.c) * (two::<R>() * k[3] * p.j) + isotropic(p.tau)
}

/// `F_bar = (tau' tr(T) + 2 eta D : T) J F^-T`, `C_bar = 2 eta J dev T`,
/// `tau' = (lambda/γ)(1 - (1-γ) J^-γ)`, T the symmetric part of `tau_bar`; `eta_bar = 2 J D : T`. No
/// derivative passes the floor of J.
#[inline]
pub fn stress_adj<R: Real>(
    k: &[R; CONSTANTS],
    at: &Local<R>,
    _: &Factors<R>,
    tau_bar: Mat3<R>,
) -> (LocalBar<R>, [R; CONSTANTS]) {
    let (zero, one) = (R::zero(), R::one());
    let t = tau_bar.symmetric_part();
    let p = Pressure::at(k, at.f);
    let (lambda, eta, gamma) = (k[1], k[3], k[4]);
    let trace = R::select(p.slack, zero, t.trace());
    let sheared = two::<R>() * strain_rate(at.c).double_dot(t);
    let slope = lambda / gamma * (one - (one - gamma) * p.power / p.j);
    let by_j = R::select(p.floored, zero, slope * trace + eta * sheared);
    let bar = LocalBar {
        f: at.f.cofactor() * by_j,
        c: t.deviator() * (two::<R>() * eta * p.j),
        history: zero,
    };
    let per_lambda = (p.j - p.power) / gamma;
    let gamma_bar = trace * lambda / gamma * (p.power * p.log - per_lambda);
    (bar, constants_bar([zero, trace * per_lambda, zero, p.j * sheared, gamma_bar]))
}

/// `(lambda/γ)(J - 1 - (J^(1-γ) - 1)/(1-γ))`, zero where slack.
pub fn energy<R: Real>(k: &[R; CONSTANTS], at: &Local<R>) -> R {
    let p = Pressure::at(k, at.f);
    // (J^a - 1)/a = ln J e^x sinh(x)/x, x = a ln J/2: also at a = 0.
    let x = (R::one() - k[4]) * p.log * R::from_f64(0.5);
    let stored = k[1] / k[4] * (p.j - R::one() - p.log * x.exp() * sinhc(x));
    R::select(p.slack, R::zero(), stored)
}

/// The pressure of a volume ratio.
struct Pressure<R: Real> {
    /// J, floored, and its logarithm.
    j: R,
    log: R,
    /// `J^(1-γ)`
    power: R,
    tau: R,
    floored: R::Mask,
    /// Stretched, without tension.
    slack: R::Mask,
}

impl<R: Real> Pressure<R> {
    #[inline(always)]
    fn at(k: &[R; CONSTANTS], f: Mat3<R>) -> Self {
        let det = f.determinant();
        let floor = R::from_f64(J_FLOOR);
        let j = det.max(floor);
        let log = j.ln();
        let power = ((R::one() - k[4]) * log).exp();
        let slack = slack(k, j);
        let tau = R::select(slack, R::zero(), k[1] / k[4] * (j - power));
        Self { j, log, power, tau, floored: det.lt(floor), slack }
    }
}

/// The deviator of sym C.
#[inline(always)]
pub(super) fn strain_rate<R: Real>(c: Mat3<R>) -> Mat3<R> {
    c.symmetric_part().deviator()
}

#[inline(always)]
fn two<R: Real>() -> R {
    R::from_f64(2.0)
}
