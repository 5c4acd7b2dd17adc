//! Constitutive laws at one particle: Kirchhoff stress and return map, each with its adjoint.
//!
//! The stages `p2g` and `g2p` call these; `shaders/material/` mirrors them. Everything is generic
//! over [`Real`] and uses selects instead of branches, so that one source serves a single particle,
//! eight particles in a SIMD register, and a dual number. `k` is [`crate::model::Law::constants`].

mod elastic;
mod liquid;
mod muscle;
mod sand;

pub use muscle::{muscle_stress, muscle_stress_adj};

use crate::math::{Mat3, Real};
use crate::model::LawKind;

/// Kirchhoff stress tau [Pa] of the deformation gradient F.
#[inline(never)]
pub fn stress<R: Real>(kind: LawKind, k: [R; 4], f: Mat3<R>) -> Mat3<R> {
    match kind {
        LawKind::Elastic => elastic::stress(k, f),
        LawKind::Liquid => liquid::stress(k, f),
        LawKind::Sand => sand::stress(k, f),
    }
}

/// Cotangents of F and of the constants, from that of the stress; only its symmetric part counts.
#[inline(never)]
pub fn stress_adj<R: Real>(
    kind: LawKind,
    k: [R; 4],
    f: Mat3<R>,
    tau_bar: Mat3<R>,
) -> (Mat3<R>, [R; 4]) {
    match kind {
        LawKind::Elastic => elastic::stress_adj(k, f, tau_bar),
        LawKind::Liquid => liquid::stress_adj(k, f, tau_bar),
        LawKind::Sand => sand::stress_adj(k, f, tau_bar),
    }
}

/// The admissible F and plastic history that a trial F and the old history relax to.
#[inline(never)]
pub fn return_map<R: Real>(kind: LawKind, k: [R; 4], f_trial: Mat3<R>, history: R) -> (Mat3<R>, R) {
    match kind {
        LawKind::Elastic => (f_trial, history),
        LawKind::Liquid => (liquid::return_map(f_trial), history),
        LawKind::Sand => sand::return_map(k, f_trial, history),
    }
}

/// Cotangents of the trial F, of the old history and of the constants, from those of the results.
#[inline(never)]
pub fn return_map_adj<R: Real>(
    kind: LawKind,
    k: [R; 4],
    f_trial: Mat3<R>,
    history: R,
    f_bar: Mat3<R>,
    history_bar: R,
) -> (Mat3<R>, R, [R; 4]) {
    let none = [R::zero(); 4];
    match kind {
        LawKind::Elastic => (f_bar, history_bar, none),
        LawKind::Liquid => (liquid::return_map_adj(f_trial, f_bar), history_bar, none),
        LawKind::Sand => sand::return_map_adj(k, f_trial, history, f_bar, history_bar),
    }
}
