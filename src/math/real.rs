//! The scalars that an equation can be evaluated with.
//!
//! [`Real`] is what a pointwise formula may use: arithmetic, a few functions, and *selects* instead
//! of branches, so that eight particles in a SIMD register and a dual number run the same source.
//! [`Scalar`] is a single number (f32, f64 or [`Dual`]) and knows the lanes it is batched into.

use num_dual::DualNum;
use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};
use wide::{f32x4, f32x8, f64x4, f64x8};

/// A number with one directional derivative, in double precision.
pub type Dual = num_dual::Dual64;

/// What a pointwise formula may use of its scalar.
pub trait Real:
    Copy
    + Debug
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
{
    /// Outcome of a comparison, one per lane.
    type Mask: Copy;

    /// Jacobi sweeps after which a singular value decomposition has converged to round-off.
    /// Over 200 000 matrices of each kind (random, near rest, condition up to 1e12) four sweeps left
    /// columns orthogonal to 8e-15, five to 3e-16; three leave up to 5e-6 near rest.
    const JACOBI_SWEEPS: usize;
    /// Cosine between two columns below which they count as orthogonal: round-off.
    const JACOBI_TOLERANCE: f64;
    /// Newton steps after which a polar rotation (and its tangent) has converged to round-off.
    const POLAR_STEPS: usize;
    /// Principal-value laws run in tensor form (logarithm and exponential of a matrix) instead of
    /// on singular values. Only duals do: an SVD has no derivative at repeated singular values,
    /// the tensor form has no such point, and thereby checks the closed forms independently.
    const TENSOR_FORM: bool = false;

    fn from_f64(value: f64) -> Self;
    fn sqrt(self) -> Self;
    fn exp(self) -> Self;
    fn ln(self) -> Self;
    fn cbrt(self) -> Self;
    fn abs(self) -> Self;

    fn lt(self, other: Self) -> Self::Mask;
    fn ge(self, other: Self) -> Self::Mask;
    fn select(mask: Self::Mask, if_true: Self, if_false: Self) -> Self;
    fn and(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    fn any(mask: Self::Mask) -> bool;

    fn zero() -> Self {
        Self::from_f64(0.0)
    }
    fn one() -> Self {
        Self::from_f64(1.0)
    }
    /// `self a + b`, rounded once where the processor has an instruction for it, else twice.
    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        self * a + b
    }
    /// `b - self a`, alike.
    #[inline(always)]
    fn mul_neg_add(self, a: Self, b: Self) -> Self {
        b - self * a
    }
    fn max(self, other: Self) -> Self {
        Self::select(self.lt(other), other, self)
    }
    fn min(self, other: Self) -> Self {
        Self::select(other.lt(self), other, self)
    }
    fn recip(self) -> Self {
        Self::one() / self
    }
}

/// A single number: f32, f64 or [`Dual`].
pub trait Scalar: Real<Mask = bool> + PartialOrd {
    /// The SIMD batch of this scalar: several particles side by side.
    type Lanes: Real;
    const LANES: usize;
    /// Four numbers of one node side by side.
    type Quad: Quad<Self>;
    /// Two of them side by side.
    type Pair: QuadPair<Self>;
    /// Nodes below this fraction of a full node's mass are empty (numerics.md 2): 1e-18 sits far
    /// above the smallest mass a quadratic weight can give and far below anything that matters.
    const EMPTY_NODE: f64 = 1e-18;

    /// Bytes that keep all of it.
    const BYTES: usize;
    /// From one to the next number.
    const EPSILON: f64;

    fn to_f64(self) -> f64;
    /// Value and tangent; the latter is zero of a plain number.
    fn parts(self) -> (f64, f64) {
        (self.to_f64(), 0.0)
    }
    /// Undoes [`Scalar::parts`]; a plain number has no tangent.
    fn from_parts(value: f64, tangent: f64) -> Self;
    /// Lanes from `pick(lane)`; the caller pads a short batch with a harmless particle.
    fn pack(pick: impl FnMut(usize) -> Self) -> Self::Lanes;
    fn lane(lanes: Self::Lanes, lane: usize) -> Self;
    fn splat(self) -> Self::Lanes;
    fn is_finite(self) -> bool {
        self.to_f64().is_finite()
    }
}

/// Four scalars that are added and multiplied side by side.
pub trait Quad<R>:
    Copy
    + Debug
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + AddAssign
{
    fn new(values: [R; 4]) -> Self;
    fn splat(value: R) -> Self;
    fn array(self) -> [R; 4];
    /// `self a + b`, as [`Real::mul_add`].
    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        self * a + b
    }
}

/// Two quads that are added and multiplied side by side.
pub trait QuadPair<R: Scalar>:
    Copy + Debug + Send + Sync + 'static + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self>
{
    fn join(quads: [R::Quad; 2]) -> Self;
    fn split(self) -> [R::Quad; 2];
    /// `self a + b`, as [`Real::mul_add`].
    fn mul_add(self, a: Self, b: Self) -> Self;

    #[inline(always)]
    fn splat(value: R) -> Self {
        Self::join([R::Quad::splat(value); 2])
    }
}

macro_rules! quad {
    ($quad:ty, $pair:ty, $float:ty) => {
        impl Quad<$float> for $quad {
            #[inline(always)]
            fn new(values: [$float; 4]) -> Self {
                <$quad>::from(values)
            }
            #[inline(always)]
            fn splat(value: $float) -> Self {
                <$quad>::splat(value)
            }
            #[inline(always)]
            fn array(self) -> [$float; 4] {
                self.to_array()
            }
            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                <$quad>::mul_add(self, a, b)
            }
        }

        impl QuadPair<$float> for $pair {
            #[inline(always)]
            fn join(quads: [$quad; 2]) -> Self {
                bytemuck::cast(quads)
            }
            #[inline(always)]
            fn split(self) -> [$quad; 2] {
                bytemuck::cast(self)
            }
            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                <$pair>::mul_add(self, a, b)
            }
        }
    };
}
quad!(f32x4, f32x8, f32);
quad!(f64x4, f64x8, f64);

/// Four duals.
#[derive(Clone, Copy, Debug)]
pub struct DualQuad([Dual; 4]);

impl Quad<Dual> for DualQuad {
    fn new(values: [Dual; 4]) -> Self {
        Self(values)
    }
    fn splat(value: Dual) -> Self {
        Self([value; 4])
    }
    fn array(self) -> [Dual; 4] {
        self.0
    }
}

/// Two of them.
#[derive(Clone, Copy, Debug)]
pub struct DualPair([DualQuad; 2]);

impl QuadPair<Dual> for DualPair {
    fn join(quads: [DualQuad; 2]) -> Self {
        Self(quads)
    }
    fn split(self) -> [DualQuad; 2] {
        self.0
    }
    fn mul_add(self, a: Self, b: Self) -> Self {
        self * a + b
    }
}

macro_rules! dual_operator {
    ($operator:ident, $method:ident) => {
        impl $operator for DualQuad {
            type Output = Self;
            fn $method(self, other: Self) -> Self {
                Self(std::array::from_fn(|n| self.0[n].$method(other.0[n])))
            }
        }
        impl $operator for DualPair {
            type Output = Self;
            fn $method(self, other: Self) -> Self {
                Self(std::array::from_fn(|n| self.0[n].$method(other.0[n])))
            }
        }
    };
}
dual_operator!(Add, add);
dual_operator!(Sub, sub);
dual_operator!(Mul, mul);

impl AddAssign for DualQuad {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

macro_rules! real_for_float {
    ($float:ty, $sweeps:expr, $tolerance:expr, $polar:expr) => {
        impl Real for $float {
            type Mask = bool;
            const JACOBI_SWEEPS: usize = $sweeps;
            const JACOBI_TOLERANCE: f64 = $tolerance;
            const POLAR_STEPS: usize = $polar;
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $float
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                <$float>::sqrt(self)
            }
            #[inline(always)]
            fn exp(self) -> Self {
                <$float>::exp(self)
            }
            #[inline(always)]
            fn ln(self) -> Self {
                <$float>::ln(self)
            }
            #[inline(always)]
            fn cbrt(self) -> Self {
                <$float>::cbrt(self)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                <$float>::abs(self)
            }
            // Without the instruction a fused operation is a call.
            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                if cfg!(target_feature = "fma") {
                    <$float>::mul_add(self, a, b)
                } else {
                    self * a + b
                }
            }
            #[inline(always)]
            fn mul_neg_add(self, a: Self, b: Self) -> Self {
                Real::mul_add(-self, a, b)
            }
            #[inline(always)]
            fn lt(self, other: Self) -> bool {
                self < other
            }
            #[inline(always)]
            fn ge(self, other: Self) -> bool {
                self >= other
            }
            #[inline(always)]
            fn select(mask: bool, if_true: Self, if_false: Self) -> Self {
                if mask { if_true } else { if_false }
            }
            #[inline(always)]
            fn and(a: bool, b: bool) -> bool {
                a && b
            }
            #[inline(always)]
            fn any(mask: bool) -> bool {
                mask
            }
        }
    };
}
real_for_float!(f32, 4, 1e-7, 6);
real_for_float!(f64, 5, 5e-17, 9);

macro_rules! real_for_lanes {
    ($lanes:ty, $quad:ty, $pair:ty, $float:ty, $count:expr) => {
        impl Real for $lanes {
            type Mask = $lanes;
            const JACOBI_SWEEPS: usize = <$float as Real>::JACOBI_SWEEPS;
            const JACOBI_TOLERANCE: f64 = <$float as Real>::JACOBI_TOLERANCE;
            const POLAR_STEPS: usize = <$float as Real>::POLAR_STEPS;
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                <$lanes>::splat(value as $float)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                <$lanes>::sqrt(self)
            }
            #[inline(always)]
            fn exp(self) -> Self {
                <$lanes>::exp(self)
            }
            #[inline(always)]
            fn ln(self) -> Self {
                <$lanes>::ln(self)
            }
            #[inline(always)]
            fn cbrt(self) -> Self {
                // J^(1/3) of a positive determinant; one Newton step restores what exp(ln/3) lost.
                let third = <$float>::from(1.0 as $float) / 3.0;
                let root = (<$lanes>::ln(self) * <$lanes>::splat(third)).exp();
                root - (root - self / (root * root)) * <$lanes>::splat(third)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                <$lanes>::abs(self)
            }
            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                <$lanes>::mul_add(self, a, b)
            }
            #[inline(always)]
            fn mul_neg_add(self, a: Self, b: Self) -> Self {
                <$lanes>::mul_neg_add(self, a, b)
            }
            #[inline(always)]
            fn lt(self, other: Self) -> Self {
                self.simd_lt(other)
            }
            #[inline(always)]
            fn ge(self, other: Self) -> Self {
                self.simd_ge(other)
            }
            #[inline(always)]
            fn select(mask: Self, if_true: Self, if_false: Self) -> Self {
                mask.select(if_true, if_false)
            }
            #[inline(always)]
            fn and(a: Self, b: Self) -> Self {
                a & b
            }
            #[inline(always)]
            fn any(mask: Self) -> bool {
                <$lanes>::any(mask)
            }
        }

        impl Scalar for $float {
            type Lanes = $lanes;
            const LANES: usize = $count;
            type Quad = $quad;
            type Pair = $pair;
            const BYTES: usize = size_of::<$float>();
            const EPSILON: f64 = <$float>::EPSILON as f64;
            fn from_parts(value: f64, _tangent: f64) -> Self {
                value as $float
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn pack(mut pick: impl FnMut(usize) -> Self) -> $lanes {
                let mut values = [0.0; $count];
                for (l, value) in values.iter_mut().enumerate() {
                    *value = pick(l);
                }
                <$lanes>::from(values)
            }
            #[inline(always)]
            fn lane(lanes: $lanes, lane: usize) -> Self {
                lanes.to_array()[lane]
            }
            #[inline(always)]
            fn splat(self) -> $lanes {
                <$lanes>::splat(self)
            }
        }
    };
}
real_for_lanes!(f32x8, f32x4, f32x8, f32, 8);
real_for_lanes!(f64x4, f64x4, f64x8, f64, 4);

impl Real for Dual {
    type Mask = bool;
    const JACOBI_SWEEPS: usize = 8;
    const JACOBI_TOLERANCE: f64 = 5e-17;
    // One step more than f64: the tangent converges one step behind the value.
    const POLAR_STEPS: usize = 12;
    const TENSOR_FORM: bool = true;
    fn from_f64(value: f64) -> Self {
        Dual::new(value, 0.0)
    }
    fn sqrt(self) -> Self {
        DualNum::sqrt(&self)
    }
    fn exp(self) -> Self {
        DualNum::exp(&self)
    }
    fn ln(self) -> Self {
        DualNum::ln(&self)
    }
    fn cbrt(self) -> Self {
        DualNum::cbrt(&self)
    }
    fn abs(self) -> Self {
        if self.re < 0.0 { -self } else { self }
    }
    fn lt(self, other: Self) -> bool {
        self.re < other.re
    }
    fn ge(self, other: Self) -> bool {
        self.re >= other.re
    }
    fn select(mask: bool, if_true: Self, if_false: Self) -> Self {
        if mask { if_true } else { if_false }
    }
    fn and(a: bool, b: bool) -> bool {
        a && b
    }
    fn any(mask: bool) -> bool {
        mask
    }
}

impl Scalar for Dual {
    type Lanes = Dual;
    const LANES: usize = 1;
    type Quad = DualQuad;
    type Pair = DualPair;
    const BYTES: usize = 16;
    const EPSILON: f64 = f64::EPSILON;
    fn to_f64(self) -> f64 {
        self.re
    }
    fn parts(self) -> (f64, f64) {
        (self.re, self.eps)
    }
    fn from_parts(value: f64, tangent: f64) -> Self {
        Dual::new(value, tangent)
    }
    fn pack(mut pick: impl FnMut(usize) -> Self) -> Dual {
        pick(0)
    }
    fn lane(lanes: Dual, _lane: usize) -> Self {
        lanes
    }
    fn splat(self) -> Dual {
        self
    }
    fn is_finite(self) -> bool {
        self.re.is_finite() && self.eps.is_finite()
    }
}
