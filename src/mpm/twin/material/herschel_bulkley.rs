//! Herschel-Bulkley paste: a liquid that flows like a very thick one below its yield stress.
//! Bingham's law is that of flow index 1.

use super::liquid::{isotropic, slack};
use super::viscous_liquid::strain_rate;
use super::{Factors, Local, LocalBar, constants_bar};
use crate::laws::CONSTANTS;
use crate::math::{Mat3, Real};

pub use super::liquid::{energy, factors, return_map, return_map_adj};

/// `tau = lambda J (J - 1) I + 2 eta J D`, D the deviator of sym C, `eta = c g^(n-1) + y/g`,
/// `g = sqrt(2 D : D + eps²)`, so that the shear stress is `c g^n + y`;
/// k = `[0, lambda, tension, c, y, n, eps]`. The root makes the yield point smooth: below the yield
/// stress it creeps with the viscosity y/eps. Without tension the pressure is zero where J > 1; J = 1
/// itself counts as compressed.
#[inline]
pub fn stress<R: Real>(k: &[R; CONSTANTS], at: &Local<R>, _: &Factors<R>) -> Mat3<R> {
    let j = at.f.determinant();
    let pressure = R::select(slack(k, j), R::zero(), k[1] * j * (j - R::one()));
    let flow = Flow::at(k, at.c);
    flow.rate * ((flow.viscosity + flow.viscosity) * j) + isotropic(pressure)
}

/// `F_bar = (lambda (2 J - 1) tr(T) + 2 eta D : T) J F^-T`, and with `eta' = d eta/dg`
/// `C_bar = 2 J (eta dev T + 2 (eta'/g)(D : T) D)`; T the symmetric part of `tau_bar`.
#[inline]
pub fn stress_adj<R: Real>(
    k: &[R; CONSTANTS],
    at: &Local<R>,
    _: &Factors<R>,
    tau_bar: Mat3<R>,
) -> (LocalBar<R>, [R; CONSTANTS]) {
    let (zero, one, two) = (R::zero(), R::one(), R::from_f64(2.0));
    let t = tau_bar.symmetric_part();
    let j = at.f.determinant();
    let trace = R::select(slack(k, j), zero, t.trace());
    let flow = Flow::at(k, at.c);
    let Flow { rate, g, log_g, power, viscosity } = flow;
    let sheared = two * rate.double_dot(t);
    let slope = (k[3] * (k[5] - one) * power - k[4] / g) / g;
    let by_rate = two * j * slope / g * sheared;
    let bar = LocalBar {
        f: at.f.cofactor() * (k[1] * (two * j - one) * trace + viscosity * sheared),
        c: t.deviator() * (two * j * viscosity) + rate * by_rate,
        history: zero,
    };
    let viscosity_bar = j * sheared;
    let k_bar = [
        zero,
        j * (j - one) * trace,
        zero,
        viscosity_bar * power,
        viscosity_bar / g,
        viscosity_bar * k[3] * power * log_g,
        viscosity_bar * slope * k[6] / g,
    ];
    (bar, constants_bar(k_bar))
}

/// How fast it is sheared, and how that thins it.
struct Flow<R> {
    /// D [1/s]
    rate: Mat3<R>,
    g: R,
    log_g: R,
    /// `g^(n-1)`
    power: R,
    /// [Pa s]
    viscosity: R,
}

impl<R: Real> Flow<R> {
    #[inline(always)]
    fn at(k: &[R; CONSTANTS], c: Mat3<R>) -> Self {
        let rate = strain_rate(c);
        let square = rate.double_dot(rate);
        let g = (square + square + k[6] * k[6]).sqrt();
        let log_g = g.ln();
        let power = ((k[5] - R::one()) * log_g).exp();
        Self { rate, g, log_g, power, viscosity: k[3] * power + k[4] / g }
    }
}
