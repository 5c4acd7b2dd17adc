//! The height of the material over the nodes of a horizontal grid, as a camera above would see it.
//!
//! A maximum has no derivative where it changes hands, so heights are smooth maxima:
//! `H_i = floor + s ln(1 + Σ_p a_p w_ip exp((top_p - floor)/s))`, with the top of a particle half its
//! width above its centre, `w` the quadratic B-spline of node and particle in the plane, and `a` the
//! area of a particle over that of a map cell, so that a full layer counts as one. The floor is what
//! is seen where there is nothing.

/// A grid of heights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeightMap {
    /// Position of node (0, 0) in x and y [m].
    pub origin: [f64; 2],
    /// Distance of the nodes [m].
    pub cell_width: f64,
    /// Node (i, j) is number `i * node_counts[1] + j`.
    pub node_counts: [usize; 2],
    /// What is seen where there is nothing [m].
    pub floor: f64,
    /// The length s over which the maximum is smoothed [m].
    pub smoothing: f64,
}

/// One particle's part in one node.
struct Part {
    node: usize,
    particle: usize,
    /// `(top - floor)/s + ln(a w)`, and the slope of `ln w` by x and y [1/m].
    exponent: f64,
    slope: [f64; 2],
}

impl HeightMap {
    fn node_count(&self) -> usize {
        self.node_counts[0] * self.node_counts[1]
    }

    /// The height at every node [m].
    pub fn heights(&self, x: &[[f64; 3]], volume: &[f64]) -> Vec<f64> {
        self.sums(&self.parts(x, volume))
            .iter()
            .map(|(largest, sum)| self.floor + self.smoothing * (largest + sum.ln()))
            .collect()
    }

    /// Adds the derivative by the positions.
    pub fn heights_adj(
        &self,
        x: &[[f64; 3]],
        volume: &[f64],
        heights_bar: &[f64],
        x_bar: &mut [[f64; 3]],
    ) {
        let parts = self.parts(x, volume);
        let sums = self.sums(&parts);
        for part in &parts {
            let (largest, sum) = sums[part.node];
            // dH = s Σ share d(exponent)
            let share = (part.exponent - largest).exp() / sum;
            let bar = heights_bar[part.node] * share;
            x_bar[part.particle][0] += bar * self.smoothing * part.slope[0];
            x_bar[part.particle][1] += bar * self.smoothing * part.slope[1];
            x_bar[part.particle][2] += bar;
        }
    }

    /// By node: the largest exponent, at least 0, and the sum of exponentials relative to it, the
    /// floor's included.
    fn sums(&self, parts: &[Part]) -> Vec<(f64, f64)> {
        let mut largest = vec![0.0f64; self.node_count()];
        for part in parts {
            largest[part.node] = largest[part.node].max(part.exponent);
        }
        let mut sums: Vec<(f64, f64)> = largest.into_iter().map(|l| (l, (-l).exp())).collect();
        for part in parts {
            let (largest, sum) = &mut sums[part.node];
            *sum += (part.exponent - *largest).exp();
        }
        sums
    }

    fn parts(&self, x: &[[f64; 3]], volume: &[f64]) -> Vec<Part> {
        let mut parts = Vec::with_capacity(9 * x.len());
        for (particle, (x, volume)) in x.iter().zip(volume).enumerate() {
            // Not there.
            if *volume == 0.0 {
                continue;
            }
            let width = volume.cbrt();
            let rise = (x[2] + 0.5 * width - self.floor) / self.smoothing;
            let area = (width / self.cell_width).powi(2);
            let axes: [_; 2] = std::array::from_fn(|a| {
                let cells = (x[a] - self.origin[a]) / self.cell_width;
                let nearest = (cells + 0.5).floor();
                let o = cells - nearest;
                let weight = [0.5 * (0.5 - o).powi(2), 0.75 - o * o, 0.5 * (0.5 + o).powi(2)];
                let slope = [o - 0.5, -2.0 * o, o + 0.5].map(|s| s / self.cell_width);
                (nearest as i64 - 1, weight, slope)
            });
            let place = |axis: usize, step: usize| {
                let node = axes[axis].0 + step as i64;
                (0..self.node_counts[axis] as i64).contains(&node).then_some(node as usize)
            };
            for i in 0..3 {
                let Some(column) = place(0, i) else { continue };
                for j in 0..3 {
                    let Some(row) = place(1, j) else { continue };
                    let (wx, wy) = (axes[0].1[i], axes[1].1[j]);
                    if wx * wy == 0.0 {
                        continue;
                    }
                    parts.push(Part {
                        node: column * self.node_counts[1] + row,
                        particle,
                        exponent: rise + (area * wx * wy).ln(),
                        slope: [axes[0].2[i] / wx, axes[1].2[j] / wy],
                    });
                }
            }
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: HeightMap = HeightMap {
        origin: [0.0; 2],
        cell_width: 0.2,
        node_counts: [6, 6],
        floor: 0.0,
        smoothing: 0.01,
    };

    #[test]
    fn a_lattice_of_particles_is_as_high_as_it_was_filled() {
        let (spacing, mut x) = (0.05, Vec::new());
        for i in 0..40 {
            for j in 0..40 {
                for k in 0..6 {
                    let at = |n: i32, from: f64| from + spacing * (f64::from(n) + 0.5);
                    x.push([at(i, -0.5), at(j, -0.5), at(k, 0.0)]);
                }
            }
        }
        let heights = MAP.heights(&x, &vec![spacing.powi(3); x.len()]);
        // Layers below add s ln(1/(1 - exp(-5))) = 7e-5 m, the lattice about as much.
        for height in heights {
            assert!((height - 0.3).abs() < 2e-3, "{height}");
        }
    }

    #[test]
    fn where_nothing_is_the_floor_is_seen() {
        let map = HeightMap { floor: -0.4, ..MAP };
        assert_eq!(map.heights(&[[50.0, 0.0, 3.0]], &[1e-3]), vec![-0.4; 36]);
    }

    #[test]
    fn one_particle_high_up_is_seen_near_its_top() {
        let heights = MAP.heights(&[[0.4, 0.4, 2.0]], &[8e-3]);
        // Its spline covers a cell with a weight of 9/16 at its own node.
        let expected = 2.1 + 0.01 * (9.0f64 / 16.0).ln();
        assert!((heights[2 * 6 + 2] - expected).abs() < 1e-12, "{}", heights[14]);
    }
}
