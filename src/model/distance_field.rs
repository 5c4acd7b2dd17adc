//! The signed distance of a closed surface, sampled on a regular grid in its body frame: what a mesh is
//! to the material.
//!
//! Between the samples it is a quadratic B-spline: value, gradient and Hessian belong together, and the
//! gradient is continuous. All solvers, in any precision, read the same f32 coefficients.

use crate::math::{Mat3, Scalar, Vec3, spline_coefficients, spline_weights};
use rayon::prelude::*;

/// The farthest that the spline is from the distance that was sampled, in spacings: its points are at
/// most sqrt(3)/2 from the mean point of the samples that make them up, and the correction to the
/// coefficients is at most 3/4, for any function that changes by no more than the way.
pub const SPLINE_ERROR: f64 = 2.0;

/// Samples and where they lie.
#[derive(Clone, Debug, PartialEq)]
pub struct DistanceField {
    /// The first sample [m, body frame].
    pub low: Vec3<f64>,
    /// Between samples [m].
    pub spacing: f64,
    /// Along x, y, z.
    pub counts: [usize; 3],
    /// Of the spline [m], x fastest.
    pub coefficients: Vec<f32>,
    /// Corners of the box around the surface [m, body frame].
    pub surface: [Vec3<f64>; 2],
}

/// The spline at a point.
#[derive(Clone, Copy, Debug)]
pub struct SplineAt<R> {
    /// [m]
    pub value: R,
    /// [-]
    pub gradient: Vec3<R>,
    /// [1/m], symmetric.
    pub hessian: Mat3<R>,
}

impl DistanceField {
    /// Samples along each axis that cover a surface in a box, and `reach` [m] around it.
    pub fn counts([low, high]: [Vec3<f64>; 2], reach: f64, spacing: f64) -> [f64; 3] {
        // The spline is known from half a sample inside the outermost ones on.
        std::array::from_fn(|a| ((high[a] - low[a] + 2.0 * reach) / spacing).ceil() + 2.0)
    }

    /// Samples a distance [m] whose surface lies in a box, up to `reach` [m] around that.
    pub fn sample(
        surface: [Vec3<f64>; 2],
        reach: f64,
        spacing: f64,
        distance: impl Fn(Vec3<f64>) -> f64 + Sync,
    ) -> Self {
        let counts = Self::counts(surface, reach, spacing).map(|count| count as usize);
        let low = Vec3::from_fn(|a| {
            let middle = 0.5 * (surface[0][a] + surface[1][a]);
            middle - 0.5 * spacing * (counts[a] - 1) as f64
        });
        let place = |index: usize| {
            let at = [index, index / counts[0], index / (counts[0] * counts[1])];
            Vec3::from_fn(|a| low[a] + spacing * (at[a] % counts[a]) as f64)
        };
        let count = counts.iter().product::<usize>();
        let values: Vec<f64> = (0..count).into_par_iter().map(|n| distance(place(n))).collect();
        let coefficients = spline_coefficients(&values, counts);
        let coefficients = coefficients.into_iter().map(|c| c as f32).collect();
        Self { low, spacing, counts, coefficients, surface }
    }

    /// The spline at a point [m, body frame]; `None` outside the samples, which is farther from the
    /// surface than the `reach` that was asked for.
    #[inline]
    pub fn at<R: Scalar>(&self, p: Vec3<R>) -> Option<SplineAt<R>> {
        let inverse = R::from_f64(1.0 / self.spacing);
        let u = (p - Vec3::from_f64(self.low.0)) * inverse;
        let mut first = 0;
        let mut stride = 1;
        let mut weights = [[[R::zero(); 3]; 3]; 3];
        for a in 0..3 {
            let count = self.counts[a];
            let at = u[a].to_f64();
            if !(at >= 0.5 && at < count as f64 - 1.5) {
                return None;
            }
            let nearest = (at + 0.5).floor();
            weights[a] = spline_weights(u[a] - R::from_f64(nearest));
            first += stride * (nearest as usize - 1);
            stride *= count;
        }
        let [wx, wy, wz] = weights;
        // Differences from the middle coefficient keep the digits of the derivatives.
        let rows = [self.counts[0], self.counts[0] * self.counts[1]];
        let middle = R::from_f64(f64::from(self.coefficients[first + 1 + rows[0] + rows[1]]));
        let mut value = R::zero();
        let mut gradient = Vec3::zero();
        let [mut xx, mut yy, mut zz, mut xy, mut xz, mut yz] = [R::zero(); 6];
        for k in 0..3 {
            // By the derivative along x, then along y.
            let [mut s00, mut s10, mut s20, mut s01, mut s11, mut s02] = [R::zero(); 6];
            for j in 0..3 {
                let start = first + j * rows[0] + k * rows[1];
                let c: [R; 3] = std::array::from_fn(|i| {
                    R::from_f64(f64::from(self.coefficients[start + i])) - middle
                });
                let along = |w: &[R; 3]| w[0] * c[0] + w[1] * c[1] + w[2] * c[2];
                let [r0, r1, r2] = [along(&wx[0]), along(&wx[1]), along(&wx[2])];
                s00 += wy[0][j] * r0;
                s10 += wy[0][j] * r1;
                s20 += wy[0][j] * r2;
                s01 += wy[1][j] * r0;
                s11 += wy[1][j] * r1;
                s02 += wy[2][j] * r0;
            }
            value += wz[0][k] * s00;
            gradient += Vec3([wz[0][k] * s10, wz[0][k] * s01, wz[1][k] * s00]);
            xx += wz[0][k] * s20;
            yy += wz[0][k] * s02;
            zz += wz[2][k] * s00;
            xy += wz[0][k] * s11;
            xz += wz[1][k] * s10;
            yz += wz[1][k] * s01;
        }
        let hessian = Mat3([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]) * (inverse * inverse);
        Some(SplineAt { value: value + middle, gradient: gradient * inverse, hessian })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Dual;

    const RADIUS: f64 = 0.3;

    fn sphere(spacing: f64) -> DistanceField {
        let box_ = [Vec3([-RADIUS; 3]), Vec3([RADIUS; 3])];
        DistanceField::sample(box_, 0.1, spacing, |p| p.norm_squared().sqrt() - RADIUS)
    }

    fn points() -> impl Iterator<Item = Vec3<f64>> {
        (0..400).map(|n| {
            let angle = n as f64 * 2.399_963;
            let z = 1.0 - (n as f64 + 0.5) / 200.0;
            let ring = (1.0 - z * z).sqrt();
            let r = RADIUS + 0.08 * (n as f64 * 0.7).sin();
            Vec3([ring * angle.cos(), ring * angle.sin(), z]) * r
        })
    }

    #[test]
    fn a_sampled_sphere_is_the_sphere_to_the_order_of_the_spline() {
        let worst = |spacing: f64| {
            let field = sphere(spacing);
            let mut worst = [0.0f64; 3];
            for p in points() {
                let at = field.at(p).unwrap();
                let r = p.norm_squared().sqrt();
                let normal = p * (1.0 / r);
                let bend = (Mat3::identity() - normal.outer(normal)) * (1.0 / r);
                let off = at.gradient - normal;
                let bent = at.hessian - bend;
                worst[0] = worst[0].max((at.value - r + RADIUS).abs());
                worst[1] = worst[1].max(off.norm_squared().sqrt());
                worst[2] = worst[2].max(bent.double_dot(bent).sqrt());
            }
            worst
        };
        let (coarse, fine) = (worst(0.04), worst(0.02));
        // Values fall with the third power of the spacing, gradients with the second, Hessians with
        // the first; how near the worst of these points comes to the worst of all varies by a half.
        for (order, (coarse, fine)) in [3, 2, 1].into_iter().zip(coarse.into_iter().zip(fine)) {
            assert!(fine < coarse / 2f64.powi(order) * 1.5, "order {order}: {coarse:e} {fine:e}");
        }
        assert!(fine[0] < 1e-3 * 0.02 && fine[1] < 2e-3 && fine[2] < 0.6, "{fine:?}");
    }

    #[test]
    fn gradient_and_hessian_are_those_of_the_spline_itself() {
        let field = sphere(0.05);
        for p in points() {
            let at = field.at(p).unwrap();
            for a in 0..3 {
                let seeded = Vec3::from_fn(|b| Dual::new(p[b], f64::from(u8::from(a == b))));
                let dual = field.at(seeded).unwrap();
                assert!((dual.value.eps - at.gradient[a]).abs() < 1e-12);
                for b in 0..3 {
                    let slope = dual.gradient[b].eps;
                    assert!((slope - at.hessian[(b, a)]).abs() < 1e-10, "{slope} {at:?}");
                }
            }
        }
    }

    #[test]
    fn the_samples_reach_as_far_as_asked_and_no_point_beyond_is_made_up() {
        let field = sphere(0.03);
        let edge = RADIUS + 0.1;
        assert!(field.at(Vec3([edge - 1e-9, -edge + 1e-9, 0.0])).is_some());
        assert!(field.at(Vec3([edge + 0.1, 0.0, 0.0])).is_none());
        assert!(field.at(Vec3([f64::NAN, 0.0, 0.0])).is_none());
    }
}
