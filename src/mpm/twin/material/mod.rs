//! Constitutive laws at one particle: Kirchhoff stress and return map, each with its adjoint, and the
//! stored energy.
//!
//! The stages `p2g` and `g2p` call these; `shaders/material/` mirrors them. Everything is generic
//! over [`Real`] and uses selects instead of branches, so that one source serves a single particle,
//! eight particles in a SIMD register, and a dual number. `k` is [`crate::laws::Law::constants`].
//!
//! A law is a module here with the functions that [`dispatch_laws`] names; what a law does
//! not have it takes from `none`. Which laws there are is the table of [`crate::laws`].

mod elastic;
mod hencky;
mod herschel_bulkley;
mod liquid;
mod muscle;
mod neo_hookean;
mod none;
mod plasticine;
mod principal;
mod sand;
mod snow;
mod viscous_liquid;

pub use muscle::{muscle_stress, muscle_stress_adj};
pub use principal::sinhc;

use crate::laws::{CONSTANTS, LawKind, law_table};
use crate::math::{Mat3, Real, Vec3};

/// What the stress of a particle depends on.
#[derive(Clone, Copy, Debug)]
pub struct Local<R> {
    /// Elastic deformation gradient [-].
    pub f: Mat3<R>,
    /// Affine velocity [1/s]; zero unless a law of the model reads it.
    pub c: Mat3<R>,
    /// Plastic history; zero unless a law of the model has one.
    pub history: R,
}

impl<R: Real> Local<R> {
    /// A deformation at rest, without history.
    pub fn of_f(f: Mat3<R>) -> Self {
        Self { f, c: Mat3::zero(), history: R::zero() }
    }
}

/// Cotangent of a [`Local`].
#[derive(Clone, Copy, Debug)]
pub struct LocalBar<R> {
    pub f: Mat3<R>,
    pub c: Mat3<R>,
    pub history: R,
}

impl<R: Real> LocalBar<R> {
    /// That of a law whose stress depends on F alone.
    #[inline(always)]
    pub fn of_f(f: Mat3<R>) -> Self {
        Self { f, c: Mat3::zero(), history: R::zero() }
    }

    /// Lane by lane.
    #[inline(always)]
    pub fn select(mask: R::Mask, if_true: &Self, if_false: &Self) -> Self {
        Self {
            f: Mat3::select(mask, if_true.f, if_false.f),
            c: Mat3::select(mask, if_true.c, if_false.c),
            history: R::select(mask, if_true.history, if_false.history),
        }
    }
}

/// What a law takes F apart into, at a higher price than all the rest: stress and its adjoint share
/// it.
#[derive(Clone, Copy, Debug)]
pub struct Factors<R> {
    /// U of the singular value decomposition; or R of the polar one.
    pub left: Mat3<R>,
    /// Singular values, of a law that has them.
    pub s: Vec3<R>,
    /// V, if the adjoint is to follow.
    pub right: Mat3<R>,
}

impl<R: Real> Factors<R> {
    /// Those of a law that does without.
    #[inline(always)]
    pub fn none() -> Self {
        Self::of_rotation(Mat3::zero())
    }

    #[inline(always)]
    pub fn of_rotation(left: Mat3<R>) -> Self {
        Self { left, s: Vec3::zero(), right: Mat3::zero() }
    }

    /// Lane by lane.
    #[inline(always)]
    pub fn select(mask: R::Mask, if_true: &Self, if_false: &Self) -> Self {
        Self {
            left: Mat3::select(mask, if_true.left, if_false.left),
            s: Vec3::select(mask, if_true.s, if_false.s),
            right: Mat3::select(mask, if_true.right, if_false.right),
        }
    }
}

/// The first constants' cotangents, filled up with zeros.
#[inline(always)]
fn constants_bar<R: Real, const N: usize>(first: [R; N]) -> [R; CONSTANTS] {
    let mut bars = [R::zero(); CONSTANTS];
    bars[..N].copy_from_slice(&first);
    bars
}

/// Defines the functions that choose a law by its kind.
macro_rules! dispatch_laws {
    ($(
        $(#[doc = $doc:literal])*
        $Law:ident $name:literal $module:ident { $($parameters:tt)* }
        constants $count:literal $constants:path,
        limits $limits:path,
        family $Family:ident,
        reads_rate $reads_rate:literal,
        has_history $has_history:literal;
    )*) => {
        /// Kirchhoff stress tau [Pa].
        #[inline(never)]
        pub fn stress<R: Real>(kind: LawKind, k: &[R; CONSTANTS], at: &Local<R>) -> Mat3<R> {
            match kind {
                $(LawKind::$Law => $module::stress(k, at, &$module::factors::<R, false>(at)),)*
            }
        }

        /// Kirchhoff stress tau [Pa], and what [`stress_adj`] needs again of the way there.
        #[inline(never)]
        pub fn stress_and_factors<R: Real>(
            kind: LawKind,
            k: &[R; CONSTANTS],
            at: &Local<R>,
        ) -> (Mat3<R>, Factors<R>) {
            match kind {
                $(LawKind::$Law => {
                    let factors = $module::factors::<R, true>(at);
                    ($module::stress(k, at, &factors), factors)
                })*
            }
        }

        /// Cotangents of the particle and of the constants, from that of the stress; only its
        /// symmetric part counts.
        #[inline(never)]
        pub fn stress_adj<R: Real>(
            kind: LawKind,
            k: &[R; CONSTANTS],
            at: &Local<R>,
            factors: &Factors<R>,
            tau_bar: Mat3<R>,
        ) -> (LocalBar<R>, [R; CONSTANTS]) {
            match kind {
                $(LawKind::$Law => $module::stress_adj(k, at, factors, tau_bar),)*
            }
        }

        /// The admissible F and plastic history that a trial F and the old history relax to.
        #[inline(never)]
        pub fn return_map<R: Real>(
            kind: LawKind,
            k: &[R; CONSTANTS],
            f_trial: Mat3<R>,
            history: R,
        ) -> (Mat3<R>, R) {
            match kind {
                $(LawKind::$Law => $module::return_map(k, f_trial, history),)*
            }
        }

        /// Cotangents of the trial F, of the old history and of the constants, from those of the
        /// results.
        #[inline(never)]
        pub fn return_map_adj<R: Real>(
            kind: LawKind,
            k: &[R; CONSTANTS],
            f_trial: Mat3<R>,
            history: R,
            f_bar: Mat3<R>,
            history_bar: R,
        ) -> (Mat3<R>, R, [R; CONSTANTS]) {
            match kind {
                $(LawKind::$Law => $module::return_map_adj(k, f_trial, history, f_bar, history_bar),)*
            }
        }

        /// Stored energy per rest volume [J/m³]: tau is its derivative, `(dW/dF) Fᵀ`, but for what
        /// a law adds by the strain rate.
        pub fn energy<R: Real>(kind: LawKind, k: &[R; CONSTANTS], at: &Local<R>) -> R {
            match kind {
                $(LawKind::$Law => $module::energy(k, at),)*
            }
        }
    };
}
law_table!(dispatch_laws);
