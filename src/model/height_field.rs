//! Ground given by its heights at regular nodes.
//!
//! Between the nodes it is a quadratic B-spline, whose slope is continuous; beyond the outermost
//! nodes it goes on level in that direction, at the height of the edge, without end.

use super::surface::Surface;
use crate::math::{Mat3, Scalar, Vec3, spline_coefficients, spline_weights};
use std::sync::OnceLock;

/// Heights over the plane z = 0 of the body frame, which is centred; solid below.
#[derive(Debug)]
pub struct HeightField {
    /// From the first to the last node along x and y [m].
    pub size: [f64; 2],
    /// Nodes along x and y, two at least.
    pub counts: [usize; 2],
    /// Of the spline [m], x fastest.
    pub coefficients: Vec<f32>,
    /// The lowest and the highest coefficient [m]: the ground lies between.
    pub range: [f64; 2],
    /// Its steepest slope [-], or more.
    pub steepest: f64,
    /// For pictures; made when first asked for.
    surface: OnceLock<Surface>,
}

impl PartialEq for HeightField {
    fn eq(&self, other: &Self) -> bool {
        self.size == other.size
            && self.counts == other.counts
            && self.coefficients == other.coefficients
    }
}

/// Distance from the ground at a point, and what its derivatives need.
#[derive(Clone, Copy, Debug)]
pub struct GroundAt<R> {
    /// Above the ground along z, over the length of `steepness` [m]: the distance, to first order.
    pub phi: R,
    /// The derivative of phi [-].
    pub gradient: Vec3<R>,
    /// Unit, out of the ground.
    pub normal: Vec3<R>,
    /// dn_a/dp_b [1/m].
    pub curvature: Mat3<R>,
}

impl HeightField {
    /// From heights [m], `heights[i + counts[0] * j]` of node (i, j), at least two along each axis.
    pub fn new(size: [f64; 2], counts: [usize; 2], heights: &[f64]) -> Self {
        let coefficients = spline_coefficients(heights, counts);
        let coefficients: Vec<f32> = coefficients.into_iter().map(|c| c as f32).collect();
        let at = |i: usize, j: usize| f64::from(coefficients[i + counts[0] * j]);
        // A slope of the spline is a mean of differences of coefficients.
        let (mut along, mut range) = ([0.0f64; 2], [f64::INFINITY, f64::NEG_INFINITY]);
        for j in 0..counts[1] {
            for i in 0..counts[0] {
                let here = at(i, j);
                range = [range[0].min(here), range[1].max(here)];
                if i > 0 {
                    along[0] = along[0].max((here - at(i - 1, j)).abs());
                }
                if j > 0 {
                    along[1] = along[1].max((here - at(i, j - 1)).abs());
                }
            }
        }
        let slope = |a: usize| along[a] * (counts[a] - 1) as f64 / size[a];
        let steepest = slope(0).hypot(slope(1));
        Self { size, counts, coefficients, range, steepest, surface: OnceLock::new() }
    }

    /// Between nodes along an axis [m].
    pub fn spacing(&self, axis: usize) -> f64 {
        self.size[axis] / (self.counts[axis] - 1) as f64
    }

    /// Height [m] and its first and second derivatives (by xx, xy, yy) at x, y [m, body frame].
    #[inline]
    pub fn height<R: Scalar>(&self, x: R, y: R) -> (R, [R; 2], [R; 3]) {
        let mut nodes = [[0; 3]; 2];
        let mut weights = [[[R::zero(); 3]; 3]; 2];
        let mut inverse = [R::zero(); 2];
        for (a, p) in [x, y].into_iter().enumerate() {
            let last = (self.counts[a] - 1) as f64;
            inverse[a] = R::from_f64(last / self.size[a]);
            let u = (p + R::from_f64(0.5 * self.size[a])) * inverse[a];
            // Two nodes beyond the edge all three are the edge's.
            let u = u.max(R::from_f64(-2.0)).min(R::from_f64(last + 2.0));
            let nearest = (u.to_f64() + 0.5).floor();
            weights[a] = spline_weights(u - R::from_f64(nearest));
            nodes[a] = [-1.0, 0.0, 1.0].map(|step| (nearest + step).clamp(0.0, last) as usize);
        }
        let [wx, wy] = weights;
        let c = |i: usize, j: usize| {
            f64::from(self.coefficients[nodes[0][i] + self.counts[0] * nodes[1][j]])
        };
        // Differences from the middle coefficient keep the digits of the derivatives.
        let middle = R::from_f64(c(1, 1));
        let (mut value, mut slope, mut bend) = (R::zero(), [R::zero(); 2], [R::zero(); 3]);
        for j in 0..3 {
            let row: [R; 3] = std::array::from_fn(|i| R::from_f64(c(i, j)) - middle);
            let along = |w: &[R; 3]| w[0] * row[0] + w[1] * row[1] + w[2] * row[2];
            let [r0, r1, r2] = [along(&wx[0]), along(&wx[1]), along(&wx[2])];
            value += wy[0][j] * r0;
            slope[0] += wy[0][j] * r1;
            slope[1] += wy[1][j] * r0;
            bend[0] += wy[0][j] * r2;
            bend[1] += wy[1][j] * r1;
            bend[2] += wy[2][j] * r0;
        }
        let [ix, iy] = inverse;
        let slope = [slope[0] * ix, slope[1] * iy];
        (value + middle, slope, [bend[0] * ix * ix, bend[1] * ix * iy, bend[2] * iy * iy])
    }

    /// With f = z - height, g its gradient, s = |g| and G its Hessian: `phi = f/s`, `n = g/s`,
    /// `dn/dp = (1 - n nᵀ) G/s`, `dphi/dp = n - (phi/s) G n`.
    #[inline]
    pub fn at<R: Scalar>(&self, p: Vec3<R>) -> GroundAt<R> {
        let (height, [hx, hy], [hxx, hxy, hyy]) = self.height(p[0], p[1]);
        let o = R::zero();
        let g = Vec3([-hx, -hy, R::one()]);
        let inverse = g.norm_squared().sqrt().recip();
        let normal = g * inverse;
        let bend = Mat3([[-hxx, -hxy, o], [-hxy, -hyy, o], [o, o, o]]) * inverse;
        let phi = (p[2] - height) * inverse;
        let bent = bend * normal;
        // bend is symmetric: n nᵀ bend = n (bend n)ᵀ
        let curvature = bend - normal.outer(bent);
        GroundAt { phi, gradient: normal - bent * phi, normal, curvature }
    }

    /// A distance [m] that the ground is not nearer than, and that changes by no more than the way.
    #[inline]
    pub fn bound<R: Scalar>(&self, p: Vec3<R>) -> R {
        let (height, ..) = self.height(p[0], p[1]);
        (p[2] - height) * R::from_f64(1.0 / self.steepest.hypot(1.0))
    }

    /// Triangles through the spline at the nodes, facing up.
    pub fn surface(&self) -> &Surface {
        self.surface.get_or_init(|| {
            let [nx, ny] = self.counts;
            let vertex = |n: usize| {
                let at = |a: usize, i: usize| self.spacing(a) * i as f64 - 0.5 * self.size[a];
                let (x, y) = (at(0, n % nx), at(1, n / nx));
                Vec3([x, y, self.height(x, y).0])
            };
            let quad = |n: usize| {
                let corner = n % (nx - 1) + nx * (n / (nx - 1));
                let [a, b, c, d] = [0, 1, nx, nx + 1].map(|step| (corner + step) as u32);
                [[a, b, d], [a, d, c]]
            };
            let vertices = (0..nx * ny).map(vertex).collect();
            let triangles = (0..(nx - 1) * (ny - 1)).flat_map(quad).collect();
            Surface::sheet(vertices, triangles)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Dual;

    /// Two hills in a valley, over 2 m x 1 m.
    fn hills() -> HeightField {
        let (counts, size) = ([41, 31], [2.0, 1.0]);
        let heights: Vec<f64> = (0..41 * 31)
            .map(|n| hill(-1.0 + (n % 41) as f64 * 0.05, -0.5 + (n / 41) as f64 / 30.0))
            .collect();
        HeightField::new(size, counts, &heights)
    }

    fn hill(x: f64, y: f64) -> f64 {
        0.1 * (4.0 * x).sin() * (5.0 * y).cos() + 0.2 * x
    }

    fn points() -> impl Iterator<Item = Vec3<f64>> {
        (0..500).map(|n| {
            let noise = |k: f64| (n as f64 * k).sin();
            Vec3([0.85 * noise(1.3), 0.4 * noise(2.7), 0.3 * noise(0.9)])
        })
    }

    #[test]
    fn heights_between_nodes_are_those_of_the_function() {
        let field = hills();
        for p in points() {
            let (height, slope, _) = field.height(p[0], p[1]);
            assert!((height - hill(p[0], p[1])).abs() < 2e-5, "{height}");
            let exact = 0.4 * (4.0 * p[0]).cos() * (5.0 * p[1]).cos() + 0.2;
            assert!((slope[0] - exact).abs() < 2e-3, "{} {exact}", slope[0]);
        }
    }

    #[test]
    fn on_the_ground_distance_and_normal_are_exact_and_off_it_of_first_order() {
        let field = hills();
        for p in points() {
            let height = field.height(p[0], p[1]).0;
            let on = field.at(Vec3([p[0], p[1], height]));
            assert!(on.phi.abs() < 1e-15);
            let off = on.gradient - on.normal;
            assert!(off.norm_squared() < 1e-28, "{on:?}");
            // A step along the normal is its own distance, but for the curvature.
            let step = 1e-4;
            let above = field.at(Vec3([p[0], p[1], height]) + on.normal * step);
            assert!((above.phi - step).abs() < 1e-3 * step, "{}", above.phi);
        }
    }

    #[test]
    fn gradient_and_curvature_are_the_derivatives_of_distance_and_normal() {
        let field = hills();
        for p in points().map(|p| p * 1.5) {
            let at = field.at(p);
            for a in 0..3 {
                let seeded = Vec3::from_fn(|b| Dual::new(p[b], f64::from(u8::from(a == b))));
                let dual = field.at(seeded);
                assert!((dual.phi.eps - at.gradient[a]).abs() < 1e-12, "{p:?}");
                for b in 0..3 {
                    let slope = dual.normal[b].eps;
                    assert!((slope - at.curvature[(b, a)]).abs() < 1e-11, "{p:?} {slope}");
                }
            }
        }
    }

    #[test]
    fn beyond_the_edge_the_ground_goes_on_level() {
        let field = hills();
        for y in [-0.3, 0.0, 0.4] {
            let edge = field.height(1.1, y).0;
            let (far, slope, _) = field.height(1e6, y);
            assert_eq!((edge, slope[0]), (far, 0.0));
        }
    }

    #[test]
    fn the_bound_changes_by_no_more_than_the_way() {
        let field = hills();
        let all: Vec<_> = points().collect();
        for (p, q) in all.iter().zip(&all[1..]) {
            let way = (*p - *q).norm_squared().sqrt();
            assert!((field.bound(*p) - field.bound(*q)).abs() <= way, "{p:?} {q:?}");
            assert!(field.bound(*p).abs() <= field.at(*p).phi.abs());
        }
    }
}
