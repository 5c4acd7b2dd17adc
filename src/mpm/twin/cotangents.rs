//! Cotangents as the reverse pass carries them.

use super::blocks::{Sorted, split_ranges};
use super::context::Context;
use crate::laws::CONSTANTS;
use crate::math::{Mat3, Real, Scalar, Vec3};
use crate::model::ReachBar;
use crate::mpm::state::Cotangent;

/// Derivative by material constants, activations and what levels of resolution follow, summed in f64.
#[derive(Clone)]
pub struct ParameterBars {
    pub constants: Vec<[f64; CONSTANTS]>,
    pub activations: Vec<f64>,
    /// By the reaches of the field; empty where they do not count.
    pub reaches: Vec<ReachBar>,
}

impl ParameterBars {
    pub fn zeros<R: Real>(ctx: &Context<R>) -> Self {
        Self {
            constants: vec![[0.0; CONSTANTS]; ctx.materials.len()],
            activations: vec![0.0; ctx.fibres.len()],
            reaches: Vec::new(),
        }
    }

    pub fn add(&mut self, other: &Self) {
        for (sum, bar) in self.constants.iter_mut().flatten().zip(other.constants.iter().flatten())
        {
            *sum += bar;
        }
        for (sum, bar) in self.activations.iter_mut().zip(&other.activations) {
            *sum += bar;
        }
        if !other.reaches.is_empty() {
            self.reaches.resize(other.reaches.len(), ReachBar::ZERO);
        }
        for (sum, bar) in self.reaches.iter_mut().zip(&other.reaches) {
            *sum += *bar;
        }
    }

    /// Adds one lane of a batch's cotangents of constants, of which the first `count` can differ
    /// from zero.
    #[inline(always)]
    pub fn add_constants<R: Scalar>(
        &mut self,
        material: u32,
        k_bar: &[R::Lanes; CONSTANTS],
        lane: usize,
        count: usize,
    ) {
        let sums = &mut self.constants[material as usize];
        for (sum, bar) in sums.iter_mut().zip(k_bar).take(count) {
            *sum += R::lane(*bar, lane).to_f64();
        }
    }
}

/// The cotangents of one particle block.
pub struct CotangentPart<'a, R> {
    pub x: &'a mut [Vec3<R>],
    pub v: &'a mut [Vec3<R>],
    pub c: &'a mut [Mat3<R>],
    pub f: &'a mut [Mat3<R>],
    pub history: &'a mut [R],
}

/// One part per particle block of cotangents in the order of `sorted`.
pub fn split_cotangent<'a, R>(
    bar: &'a mut Cotangent<R>,
    sorted: &Sorted,
) -> Vec<CotangentPart<'a, R>> {
    let ranges = &sorted.ranges;
    let x = split_ranges(&mut bar.x, ranges);
    let v = split_ranges(&mut bar.v, ranges);
    let c = split_ranges(&mut bar.c, ranges);
    let f = split_ranges(&mut bar.f, ranges);
    let history = split_ranges(&mut bar.history, ranges);
    x.into_iter()
        .zip(v)
        .zip(c)
        .zip(f)
        .zip(history)
        .map(|((((x, v), c), f), history)| CotangentPart { x, v, c, f, history })
        .collect()
}
