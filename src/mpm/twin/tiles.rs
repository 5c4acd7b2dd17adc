//! The sparse grid: one array of nodes per block, and the tiles through which particles reach it.

use super::blocks::{BLOCK_NODES, NONE, Sorted, TILE_EDGE, TILE_NODES};
use super::storage::Stored;
use super::transfer::Row;
use crate::math::{Quad, Scalar};
use crate::mpm::state::Cotangent;
use rayon::prelude::*;

/// One row per node, block by block: `(momentum, mass)` or a cotangent of it.
pub type Grid<R> = Vec<[Row<R>; BLOCK_NODES]>;

/// The nodes around a particle block.
pub type Tile<R> = [Row<R>; TILE_NODES];

/// Where the particles of a block write: the nodes around it, and those of the level above.
pub struct Tiles<'a, R: Scalar> {
    pub home: &'a mut Tile<R>,
    pub upper: Option<&'a mut Tile<R>>,
}

impl<R: Scalar> Tiles<'_, R> {
    /// Of the finer (0) or the coarser level (1) of a particle in a band.
    #[inline(always)]
    pub fn side(&mut self, side: usize) -> &mut Tile<R> {
        match (side, &mut self.upper) {
            (1, Some(upper)) => upper,
            _ => self.home,
        }
    }
}

/// Memory that substeps hand on, so that a running simulation allocates nothing large: fresh pages
/// from the system cost more than the work done on them.
pub struct Scratch<R: Scalar> {
    tiles: Vec<Tile<R>>,
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

/// Runs `fill` on the tiles of each particle block, with that block's entry of `parts` (what it
/// writes besides), and sums the tiles at the nodes in fixed order. Returns what `fill` did, by block.
pub fn scatter_blocks<R: Scalar, P: Send, T: Send>(
    sorted: &Sorted,
    scratch: &mut Scratch<R>,
    parts: Vec<P>,
    fill: impl Fn(usize, P, &mut Tiles<R>) -> T + Sync,
) -> (Grid<R>, Vec<T>) {
    let zero = Row::<R>::splat(R::zero());
    let blocks = &sorted.blocks;
    let mut grid = scratch.take_grid(blocks.node_keys.len());
    let count = sorted.ranges.len();
    let tiles = &mut scratch.tiles;
    tiles.resize(count + blocks.upper.blocks.len(), [zero; TILE_NODES]);
    let (home_tiles, upper_tiles) = tiles.split_at_mut(count);
    let mut uppers: Vec<Option<&mut Tile<R>>> = Vec::new();
    uppers.resize_with(count, || None);
    for (&block, tile) in blocks.upper.blocks.iter().zip(&mut *upper_tiles) {
        uppers[block as usize] = Some(tile);
    }
    let done = home_tiles
        .par_iter_mut()
        .zip(uppers)
        .zip(parts)
        .enumerate()
        .map(|(block, ((home, mut upper), part))| {
            home.fill(zero);
            if let Some(tile) = &mut upper {
                tile.fill(zero);
            }
            fill(block, part, &mut Tiles { home, upper })
        })
        .collect();
    let (home_tiles, upper_tiles) = scratch.tiles.split_at(count);
    grid.par_iter_mut().enumerate().for_each(|(n, nodes)| {
        nodes.fill(zero);
        for (direction, &block) in blocks.particles_near[n].iter().enumerate() {
            if block != NONE {
                add_tile::<R>(&home_tiles[block as usize], direction, nodes);
            }
        }
        for &(upper, direction) in blocks.upper.from_below.get(n).into_iter().flatten() {
            let block = blocks.upper.blocks[upper as usize] as usize;
            let key = blocks.particle_keys[block].at;
            for_upper_overlap(key, direction as usize, |node, in_tile| {
                nodes[node] += upper_tiles[upper as usize][in_tile];
            });
        }
    });
    (grid, done)
}

/// The nodes of the level above around a particle block, or none if it does not reach them.
pub fn load_upper_tile<R: Scalar>(
    sorted: &Sorted,
    grid: &Grid<R>,
    block: usize,
) -> Option<Tile<R>> {
    let blocks = &sorted.blocks;
    let upper = blocks.upper_of(block)?;
    let mut tile = [Row::<R>::splat(R::zero()); TILE_NODES];
    for (direction, &node_block) in blocks.upper.nodes[upper].iter().enumerate() {
        let nodes = &grid[node_block as usize];
        for_upper_overlap(blocks.particle_keys[block].at, direction, |node, in_tile| {
            tile[in_tile] = nodes[node];
        });
    }
    Some(tile)
}

/// Per axis, for a block of even and odd coordinate k and the lower and upper of the two blocks
/// above that its nodes `2 k - 1 ..= 2 k + 3` lie in: the first node of that block, how many, and where
/// they lie in the tile.
const UPPER_OVERLAP: [[(usize, usize, usize); 2]; 2] =
    [[(3, 1, 0), (0, 4, 1)], [(1, 3, 0), (0, 2, 3)]];

/// Visits the nodes of a block above that the second tile of the block at `key` overlaps.
#[inline(always)]
fn for_upper_overlap(key: [i32; 3], direction: usize, visit: impl FnMut(usize, usize)) {
    let axis = |a: usize, which: usize| UPPER_OVERLAP[(key[a] & 1) as usize][which];
    let spans = [axis(0, direction / 4), axis(1, direction / 2 % 2), axis(2, direction % 2)];
    for_span(spans, visit);
}

/// Per axis, for a neighbour at -1, 0, +1: the first own node it reaches, how many, and where they
/// lie in its tile.
const OVERLAP: [(usize, usize, usize); 3] = [(0, 1, 5), (0, 4, 1), (3, 1, 0)];

/// Adds what the tile of the neighbour in a direction holds for this block.
#[inline(always)]
fn add_tile<R: Scalar>(tile: &Tile<R>, direction: usize, nodes: &mut [Row<R>; BLOCK_NODES]) {
    for_overlap(direction, |node, in_tile| {
        nodes[node] += tile[in_tile];
    });
}

/// The nodes around a particle block: its tile, from the node blocks that it touches.
pub fn load_tile<R: Scalar>(sorted: &Sorted, grid: &Grid<R>, block: usize) -> Tile<R> {
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
fn for_overlap(direction: usize, visit: impl FnMut(usize, usize)) {
    for_span([OVERLAP[direction / 9], OVERLAP[direction / 3 % 3], OVERLAP[direction % 3]], visit);
}

/// Visits the nodes of a block in spans of (first node, how many, where in the tile) along the axes.
#[inline(always)]
fn for_span(spans: [(usize, usize, usize); 3], mut visit: impl FnMut(usize, usize)) {
    let [(x0, nx, tx), (y0, ny, ty), (z0, nz, tz)] = spans;
    for i in 0..nx {
        for j in 0..ny {
            for k in 0..nz {
                let node = ((x0 + i) * 4 + y0 + j) * 4 + z0 + k;
                visit(node, ((tx + i) * TILE_EDGE + ty + j) * TILE_EDGE + tz + k);
            }
        }
    }
}
