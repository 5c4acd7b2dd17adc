//! Three-vectors and 3 x 3 matrices over any [`Real`]. Matrices are row-major: `m[(row, column)]`.

use super::Real;
use std::ops::{Add, AddAssign, Index, IndexMut, Mul, Neg, Sub};

/// A three-vector.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(transparent)]
pub struct Vec3<R>(pub [R; 3]);

/// A 3 x 3 matrix, row-major.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(transparent)]
pub struct Mat3<R>(pub [[R; 3]; 3]);

// SAFETY: transparent wrappers of arrays of plain floats.
unsafe impl<R: bytemuck::Zeroable> bytemuck::Zeroable for Vec3<R> {}
unsafe impl<R: bytemuck::Pod> bytemuck::Pod for Vec3<R> {}
unsafe impl<R: bytemuck::Zeroable> bytemuck::Zeroable for Mat3<R> {}
unsafe impl<R: bytemuck::Pod> bytemuck::Pod for Mat3<R> {}

impl<R: Real> Vec3<R> {
    /// Written out: `array::from_fn` of SIMD lanes is not always inlined, and then goes through memory.
    #[inline(always)]
    pub fn from_fn(mut f: impl FnMut(usize) -> R) -> Self {
        Self([f(0), f(1), f(2)])
    }
    #[inline(always)]
    pub fn zero() -> Self {
        Self([R::zero(); 3])
    }
    #[inline(always)]
    pub fn from_f64(v: [f64; 3]) -> Self {
        Self(v.map(R::from_f64))
    }
    #[inline(always)]
    pub fn dot(self, o: Self) -> R {
        dot3(self.0, o.0)
    }
    #[inline(always)]
    pub fn cross(self, o: Self) -> Self {
        let ([a, b, c], [x, y, z]) = (self.0, o.0);
        Self([b * z - c * y, c * x - a * z, a * y - b * x])
    }
    #[inline(always)]
    pub fn norm_squared(self) -> R {
        self.dot(self)
    }
    /// `self otherᵀ`.
    #[inline(always)]
    pub fn outer(self, o: Self) -> Mat3<R> {
        Mat3::from_fn(|i, j| self.0[i] * o.0[j])
    }
    #[inline(always)]
    pub fn select(mask: R::Mask, if_true: Self, if_false: Self) -> Self {
        Self::from_fn(|i| R::select(mask, if_true[i], if_false[i]))
    }
}

impl<R: Real> Mat3<R> {
    #[inline(always)]
    pub fn from_fn(mut f: impl FnMut(usize, usize) -> R) -> Self {
        let mut row = |i| [f(i, 0), f(i, 1), f(i, 2)];
        Self([row(0), row(1), row(2)])
    }
    #[inline(always)]
    pub fn zero() -> Self {
        Self([[R::zero(); 3]; 3])
    }
    #[inline(always)]
    pub fn identity() -> Self {
        Self::diagonal(Vec3([R::one(); 3]))
    }
    #[inline(always)]
    pub fn diagonal(d: Vec3<R>) -> Self {
        Self::from_fn(|i, j| if i == j { d[i] } else { R::zero() })
    }
    #[inline(always)]
    pub fn from_f64(m: [[f64; 3]; 3]) -> Self {
        Self(m.map(|row| row.map(R::from_f64)))
    }
    #[inline(always)]
    pub fn transpose(self) -> Self {
        Self::from_fn(|i, j| self.0[j][i])
    }
    #[inline(always)]
    pub fn column(self, j: usize) -> Vec3<R> {
        Vec3::from_fn(|i| self.0[i][j])
    }
    #[inline(always)]
    pub fn from_columns(c: [Vec3<R>; 3]) -> Self {
        Self::from_fn(|i, j| c[j][i])
    }
    #[inline(always)]
    pub fn trace(self) -> R {
        self.0[0][0] + self.0[1][1] + self.0[2][2]
    }
    /// `self : other`, the sum of the products of the entries.
    #[inline(always)]
    pub fn double_dot(self, o: Self) -> R {
        let mut sum = R::zero();
        for i in 0..3 {
            for j in 0..3 {
                sum = self.0[i][j].mul_add(o.0[i][j], sum);
            }
        }
        sum
    }
    #[inline(always)]
    pub fn symmetric_part(self) -> Self {
        let half = R::from_f64(0.5);
        Self::from_fn(|i, j| half * (self.0[i][j] + self.0[j][i]))
    }
    /// The trace-free part.
    #[inline(always)]
    pub fn deviator(self) -> Self {
        let third = self.trace() * R::from_f64(1.0 / 3.0);
        Self::from_fn(|i, j| if i == j { self.0[i][j] - third } else { self.0[i][j] })
    }
    /// The matrix of cofactors: `J F^-T`.
    #[inline(always)]
    pub fn cofactor(self) -> Self {
        let m = &self.0;
        Self::from_fn(|i, j| {
            let (a, b) = ((i + 1) % 3, (i + 2) % 3);
            let (c, d) = ((j + 1) % 3, (j + 2) % 3);
            m[a][d].mul_neg_add(m[b][c], m[a][c] * m[b][d])
        })
    }
    #[inline(always)]
    pub fn determinant(self) -> R {
        dot3(self.0[0], self.cofactor().0[0])
    }
    #[inline(always)]
    pub fn inverse(self) -> Self {
        let c = self.cofactor();
        let det = dot3(self.0[0], c.0[0]);
        c.transpose() * det.recip()
    }
    /// Twice the axial vector: `(M21 - M12, M02 - M20, M10 - M01)`.
    #[inline(always)]
    pub fn axial(self) -> Vec3<R> {
        let m = &self.0;
        Vec3([m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1]])
    }
    /// The matrix `[v]x` with `[v]x w = v x w`.
    #[inline(always)]
    pub fn cross_matrix(v: Vec3<R>) -> Self {
        let ([x, y, z], o) = (v.0, R::zero());
        Self([[o, -z, y], [z, o, -x], [-y, x, o]])
    }
    #[inline(always)]
    pub fn select(mask: R::Mask, if_true: Self, if_false: Self) -> Self {
        Self::from_fn(|i, j| R::select(mask, if_true.0[i][j], if_false.0[i][j]))
    }
}

#[inline(always)]
fn dot3<R: Real>(a: [R; 3], b: [R; 3]) -> R {
    a[2].mul_add(b[2], a[1].mul_add(b[1], a[0] * b[0]))
}

impl<R> Index<usize> for Vec3<R> {
    type Output = R;
    #[inline(always)]
    fn index(&self, i: usize) -> &R {
        &self.0[i]
    }
}
impl<R> IndexMut<usize> for Vec3<R> {
    #[inline(always)]
    fn index_mut(&mut self, i: usize) -> &mut R {
        &mut self.0[i]
    }
}
impl<R> Index<(usize, usize)> for Mat3<R> {
    type Output = R;
    #[inline(always)]
    fn index(&self, (i, j): (usize, usize)) -> &R {
        &self.0[i][j]
    }
}
impl<R> IndexMut<(usize, usize)> for Mat3<R> {
    #[inline(always)]
    fn index_mut(&mut self, (i, j): (usize, usize)) -> &mut R {
        &mut self.0[i][j]
    }
}

impl<R: Real> Add for Vec3<R> {
    type Output = Self;
    #[inline(always)]
    fn add(self, o: Self) -> Self {
        Self::from_fn(|i| self[i] + o[i])
    }
}
impl<R: Real> Sub for Vec3<R> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, o: Self) -> Self {
        Self::from_fn(|i| self[i] - o[i])
    }
}
impl<R: Real> Neg for Vec3<R> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self::from_fn(|i| -self[i])
    }
}
impl<R: Real> Mul<R> for Vec3<R> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, s: R) -> Self {
        Self::from_fn(|i| self[i] * s)
    }
}
impl<R: Real> AddAssign for Vec3<R> {
    #[inline(always)]
    fn add_assign(&mut self, o: Self) {
        *self = *self + o;
    }
}
impl<R: Real> Add for Mat3<R> {
    type Output = Self;
    #[inline(always)]
    fn add(self, o: Self) -> Self {
        Self::from_fn(|i, j| self.0[i][j] + o.0[i][j])
    }
}
impl<R: Real> Sub for Mat3<R> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, o: Self) -> Self {
        Self::from_fn(|i, j| self.0[i][j] - o.0[i][j])
    }
}
impl<R: Real> Neg for Mat3<R> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self::from_fn(|i, j| -self.0[i][j])
    }
}
impl<R: Real> AddAssign for Mat3<R> {
    #[inline(always)]
    fn add_assign(&mut self, o: Self) {
        *self = *self + o;
    }
}
impl<R: Real> Mul<R> for Mat3<R> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, s: R) -> Self {
        Self::from_fn(|i, j| self.0[i][j] * s)
    }
}
impl<R: Real> Mul<Vec3<R>> for Mat3<R> {
    type Output = Vec3<R>;
    #[inline(always)]
    fn mul(self, v: Vec3<R>) -> Vec3<R> {
        Vec3::from_fn(|i| dot3(self.0[i], v.0))
    }
}
impl<R: Real> Mul for Mat3<R> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, o: Self) -> Self {
        Self::from_fn(|i, j| dot3(self.0[i], [o.0[0][j], o.0[1][j], o.0[2][j]]))
    }
}
