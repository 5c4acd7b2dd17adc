//! Masses of particles on the nodes of a grid that is not the solver's.
//!
//! Masses are spread with quadratic B-splines, so that what is made of them is continuously
//! differentiable when a particle crosses a cell. What lies outside the grid counts for nothing.

/// Nodes at equal distances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NodeGrid {
    /// Position of node (0, 0, 0) [m].
    pub origin: [f64; 3],
    /// Distance of the nodes [m].
    pub cell_width: f64,
    /// Node (i, j, k) is number `(i * node_counts[1] + j) * node_counts[2] + k`.
    pub node_counts: [usize; 3],
}

/// Weights of one particle: first node, weights and their slopes [1/m] along each axis.
struct Stencil {
    base: [i64; 3],
    weight: [[f64; 3]; 3],
    slope: [[f64; 3]; 3],
}

impl NodeGrid {
    pub fn node_count(&self) -> usize {
        self.node_counts.iter().product()
    }

    /// What particles at `points` [m] give to the nodes, in the unit of `mass`.
    pub fn spread(&self, points: &[[f64; 3]], mass: &[f64]) -> Vec<f64> {
        let mut node_mass = vec![0.0; self.node_count()];
        for (x, m) in points.iter().zip(mass) {
            let stencil = self.stencil(x);
            let w = &stencil.weight;
            self.for_nodes(&stencil, |node, [i, j, k]| {
                node_mass[node] += m * w[0][i] * w[1][j] * w[2][k];
            });
        }
        node_mass
    }

    /// Adds the derivative by the positions, from that by the nodes' masses.
    pub fn spread_adj(
        &self,
        points: &[[f64; 3]],
        mass: &[f64],
        node_bar: &[f64],
        points_bar: &mut [[f64; 3]],
    ) {
        for ((x, mass), bar) in points.iter().zip(mass).zip(points_bar) {
            let stencil = self.stencil(x);
            let (w, s) = (&stencil.weight, &stencil.slope);
            self.for_nodes(&stencil, |node, [i, j, k]| {
                let factor = node_bar[node] * mass;
                bar[0] += factor * s[0][i] * w[1][j] * w[2][k];
                bar[1] += factor * w[0][i] * s[1][j] * w[2][k];
                bar[2] += factor * w[0][i] * w[1][j] * s[2][k];
            });
        }
    }

    fn stencil(&self, x: &[f64; 3]) -> Stencil {
        let mut stencil = Stencil { base: [0; 3], weight: [[0.0; 3]; 3], slope: [[0.0; 3]; 3] };
        for a in 0..3 {
            let cells = (x[a] - self.origin[a]) / self.cell_width;
            let nearest = (cells + 0.5).floor();
            let o = cells - nearest;
            stencil.base[a] = nearest as i64 - 1;
            stencil.weight[a] = [0.5 * (0.5 - o).powi(2), 0.75 - o * o, 0.5 * (0.5 + o).powi(2)];
            stencil.slope[a] = [o - 0.5, -2.0 * o, o + 0.5].map(|s| s / self.cell_width);
        }
        stencil
    }

    /// Calls `visit(node, [i, j, k])` for the nodes of a stencil that lie on the grid.
    fn for_nodes(&self, stencil: &Stencil, mut visit: impl FnMut(usize, [usize; 3])) {
        let place = |axis: usize, step: usize| {
            let node = stencil.base[axis] + step as i64;
            (0..self.node_counts[axis] as i64).contains(&node).then_some(node as usize)
        };
        for i in 0..3 {
            let Some(x) = place(0, i) else { continue };
            for j in 0..3 {
                let Some(y) = place(1, j) else { continue };
                for k in 0..3 {
                    let Some(z) = place(2, k) else { continue };
                    visit((x * self.node_counts[1] + y) * self.node_counts[2] + z, [i, j, k]);
                }
            }
        }
    }
}
