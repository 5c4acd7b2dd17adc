//! The shape of a body as masses on a grid of its own, against a target's.
//!
//! The grid should hold both the target and where the body starts, and its cells should be about as
//! wide as the body has still to move, or the gradient does not see the target.

use super::{Group, GroupBar};
use crate::rollout::node_grid::NodeGrid;

/// Target masses at the nodes of a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct DensityTarget {
    pub grid: NodeGrid,
    /// By node [kg].
    pub node_mass: Vec<f64>,
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
        let grid = NodeGrid { origin, cell_width, node_counts };
        Self { grid, node_mass: grid.spread(points, mass) }
    }

    /// `Σ (m_i - target_i)² / Σ target_i²`.
    pub(super) fn mismatch(&self, group: Group) -> f64 {
        let present = self.grid.spread(group.x, group.mass);
        let difference = present.iter().zip(&self.node_mass).map(|(m, t)| (m - t).powi(2));
        difference.sum::<f64>() / self.norm()
    }

    pub(super) fn mismatch_adj(&self, group: Group, value_bar: f64, bar: &mut GroupBar) {
        let present = self.grid.spread(group.x, group.mass);
        let factor = 2.0 * value_bar / self.norm();
        let node_bar: Vec<f64> =
            present.iter().zip(&self.node_mass).map(|(m, t)| factor * (m - t)).collect();
        self.grid.spread_adj(group.x, group.mass, &node_bar, bar.x);
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let nodes = self.grid.node_count();
        if !(self.grid.cell_width > 0.0 && self.grid.cell_width.is_finite()) {
            return Err(format!(
                "the grid's cell width is {}; it must be > 0",
                self.grid.cell_width
            ));
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
