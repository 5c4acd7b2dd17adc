//! The sparse grid: one array of nodes per block, and the tiles through which particles reach it.

use super::blocks::{BLOCK_NODES, NONE, Sorted, TILE_EDGE, TILE_NODES};
use super::storage::Stored;
use super::transfer::Row;
use crate::math::{Quad, Scalar};
use crate::mpm::state::Cotangent;
use rayon::prelude::*;

/// One row per node, block by block: `(momentum, mass)` or a cotangent of it.
pub type Grid<R> = Vec<[Row<R>; BLOCK_NODES]>;

/// Memory that substeps hand on, so that a running simulation allocates nothing large: fresh pages
/// from the system cost more than the work done on them.
pub struct Scratch<R: Scalar> {
    tiles: Vec<[Row<R>; TILE_NODES]>,
    grids: Vec<Grid<R>>,
    states: Vec<Stored<R>>,
    cotangents: Vec<Cotangent<R>>,
}

impl<R: Scalar> Scratch<R> {
    pub fn new() -> Self {
        Self { tiles: Vec::new(), grids: Vec::new(), states: Vec::new(), cotangents: Vec::new() }
    }

    /// A grid of so many blocks, to be overwritten.
    pub fn take_grid(&mut self, blocks: usize) -> Grid<R> {
        let mut grid = self.grids.pop().unwrap_or_default();
        grid.resize(blocks, [Row::<R>::splat(R::zero()); BLOCK_NODES]);
        grid
    }

    pub fn give_grid(&mut self, grid: Grid<R>) {
        self.grids.push(grid);
    }

    /// A state of so many particles, to be overwritten.
    pub fn take_state(&mut self, count: usize) -> Stored<R> {
        let reused = self.states.pop().filter(|s| s.id.len() == count);
        reused.unwrap_or_else(|| Stored::zeros(count))
    }

    pub fn give_state(&mut self, state: Stored<R>) {
        self.states.push(state);
    }

    /// Cotangents of so many particles, to be overwritten.
    pub fn take_cotangent(&mut self, count: usize) -> Cotangent<R> {
        let reused = self.cotangents.pop().filter(|bar| bar.x.len() == count);
        reused.unwrap_or_else(|| Cotangent::zeros(count))
    }

    pub fn give_cotangent(&mut self, bar: Cotangent<R>) {
        self.cotangents.push(bar);
    }
}

/// Runs `fill` on a tile per particle block, with that block's entry of `parts` (what it writes
/// besides), and sums the tiles at the nodes in fixed order. Returns what `fill` did, by block.
pub fn scatter_blocks<R: Scalar, P: Send, T: Send>(
    sorted: &Sorted,
    scratch: &mut Scratch<R>,
    parts: Vec<P>,
    fill: impl Fn(usize, P, &mut [Row<R>; TILE_NODES]) -> T + Sync,
) -> (Grid<R>, Vec<T>) {
    let zero = Row::<R>::splat(R::zero());
    let mut grid = scratch.take_grid(sorted.blocks.node_keys.len());
    let tiles = &mut scratch.tiles;
    tiles.resize(sorted.ranges.len(), [zero; TILE_NODES]);
    let done = tiles
        .par_iter_mut()
        .zip(parts)
        .enumerate()
        .map(|(block, (tile, part))| {
            tile.fill(zero);
            fill(block, part, tile)
        })
        .collect();
    grid.par_iter_mut().zip(&sorted.blocks.particles_near).for_each(|(nodes, near)| {
        nodes.fill(zero);
        for (direction, &block) in near.iter().enumerate() {
            if block != NONE {
                add_tile::<R>(&tiles[block as usize], direction, nodes);
            }
        }
    });
    (grid, done)
}

/// Per axis, for a neighbour at -1, 0, +1: the first own node it reaches, how many, and where they
/// lie in its tile.
const OVERLAP: [(usize, usize, usize); 3] = [(0, 1, 5), (0, 4, 1), (3, 1, 0)];

/// Adds what the tile of the neighbour in a direction holds for this block.
#[inline(always)]
fn add_tile<R: Scalar>(
    tile: &[Row<R>; TILE_NODES],
    direction: usize,
    nodes: &mut [Row<R>; BLOCK_NODES],
) {
    for_overlap(direction, |node, in_tile| {
        nodes[node] += tile[in_tile];
    });
}

/// The nodes around a particle block: its tile, from the node blocks that it touches.
pub fn load_tile<R: Scalar>(sorted: &Sorted, grid: &Grid<R>, block: usize) -> [Row<R>; TILE_NODES] {
    let mut tile = [Row::<R>::splat(R::zero()); TILE_NODES];
    for (direction, &node_block) in sorted.blocks.nodes_near[block].iter().enumerate() {
        let nodes = &grid[node_block as usize];
        // Seen from the neighbour, this block lies in the opposite direction.
        for_overlap(26 - direction, |node, in_tile| tile[in_tile] = nodes[node]);
    }
    tile
}

/// Visits the nodes of a block that the tile of its neighbour in `direction` overlaps.
#[inline(always)]
fn for_overlap(direction: usize, mut visit: impl FnMut(usize, usize)) {
    let (x0, nx, tx) = OVERLAP[direction / 9];
    let (y0, ny, ty) = OVERLAP[direction / 3 % 3];
    let (z0, nz, tz) = OVERLAP[direction % 3];
    for i in 0..nx {
        for j in 0..ny {
            for k in 0..nz {
                let node = ((x0 + i) * 4 + y0 + j) * 4 + z0 + k;
                visit(node, ((tx + i) * TILE_EDGE + ty + j) * TILE_EDGE + tz + k);
            }
        }
    }
}
