//! The shape of a body as masses on a grid of its own, against a target's.
//!
//! Masses are spread with quadratic B-splines, so that the mismatch is continuously differentiable
//! when a particle crosses a cell. What lies outside the grid counts for nothing: the grid should
//! hold both the target and where the body starts, and its cells should be about as wide as the
//! body has still to move, or the gradient does not see the target.

use super::{Group, GroupBar};

/// Target masses at the nodes of a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct DensityTarget {
    /// Position of node (0, 0, 0) [m].
    pub origin: [f64; 3],
    /// Distance of the nodes [m].
    pub cell_width: f64,
    pub node_counts: [usize; 3],
    /// `[(i * node_counts[1] + j) * node_counts[2] + k]` [kg]
    pub node_mass: Vec<f64>,
}

/// Weights of one particle: first node, weights and their slopes [1/m] along each axis.
struct Stencil {
    base: [i64; 3],
    weight: [[f64; 3]; 3],
    slope: [[f64; 3]; 3],
}

impl DensityTarget {
    /// The target that particles at `points` [m] with these masses [kg] meet exactly.
    pub fn from_points(
        origin: [f64; 3],
        cell_width: f64,
        node_counts: [usize; 3],
        points: &[[f64; 3]],
        mass: &[f64],
    ) -> Self {
        let mut target = Self { origin, cell_width, node_counts, node_mass: Vec::new() };
        target.node_mass = target.spread(points, mass);
        target
    }

    /// `Σ (m_i - target_i)² / Σ target_i²`.
    pub(super) fn mismatch(&self, group: Group) -> f64 {
        let present = self.spread(group.x, group.mass);
        let difference = present.iter().zip(&self.node_mass).map(|(m, t)| (m - t).powi(2));
        difference.sum::<f64>() / self.norm()
    }

    pub(super) fn mismatch_adj(&self, group: Group, value_bar: f64, bar: &mut GroupBar) {
        let present = self.spread(group.x, group.mass);
        let factor = 2.0 * value_bar / self.norm();
        let node_bar: Vec<f64> =
            present.iter().zip(&self.node_mass).map(|(m, t)| factor * (m - t)).collect();
        for (p, x) in group.x.iter().enumerate() {
            let stencil = self.stencil(x);
            let (w, s) = (&stencil.weight, &stencil.slope);
            self.for_nodes(&stencil, |node, [i, j, k]| {
                let factor = node_bar[node] * group.mass[p];
                bar.x[p][0] += factor * s[0][i] * w[1][j] * w[2][k];
                bar.x[p][1] += factor * w[0][i] * s[1][j] * w[2][k];
                bar.x[p][2] += factor * w[0][i] * w[1][j] * s[2][k];
            });
        }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let nodes: usize = self.node_counts.iter().product();
        if !(self.cell_width > 0.0 && self.cell_width.is_finite()) {
            return Err(format!("the grid's cell width is {}; it must be > 0", self.cell_width));
        }
        if self.node_mass.len() != nodes {
            return Err(format!("{} target masses for {nodes} nodes", self.node_mass.len()));
        }
        if let Some(mass) = self.node_mass.iter().find(|m| !(**m >= 0.0 && m.is_finite())) {
            return Err(format!("a target mass is {mass}; it must be finite and >= 0"));
        }
        if self.norm() == 0.0 {
            return Err("the target has no mass on the grid".into());
        }
        Ok(())
    }

    fn norm(&self) -> f64 {
        self.node_mass.iter().map(|t| t * t).sum()
    }

    fn spread(&self, points: &[[f64; 3]], mass: &[f64]) -> Vec<f64> {
        let mut node_mass = vec![0.0; self.node_counts.iter().product()];
        for (x, m) in points.iter().zip(mass) {
            let stencil = self.stencil(x);
            let w = &stencil.weight;
            self.for_nodes(&stencil, |node, [i, j, k]| {
                node_mass[node] += m * w[0][i] * w[1][j] * w[2][k];
            });
        }
        node_mass
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_its_own_target_has_no_mismatch_and_all_its_mass_on_the_grid() {
        let points = [[0.1, 0.2, 0.3], [0.35, 0.31, 0.07]];
        let target = DensityTarget::from_points([-0.5; 3], 0.25, [6; 3], &points, &[2.0, 3.0]);
        target.check().unwrap();
        assert!((target.node_mass.iter().sum::<f64>() - 5.0).abs() < 1e-14);
        let group = Group { mass: &[2.0, 3.0], x: &points, v: &[[0.0; 3]; 2] };
        assert_eq!(target.mismatch(group), 0.0);
    }

    #[test]
    fn a_target_off_its_grid_is_refused() {
        let target = DensityTarget::from_points([0.0; 3], 0.1, [4; 3], &[[9.0; 3]], &[1.0]);
        assert!(target.check().unwrap_err().contains("no mass"));
    }
}
