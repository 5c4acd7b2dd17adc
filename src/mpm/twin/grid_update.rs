//! Grid update: momentum to velocity, gravity, then the colliders in their order.
//!
//! `v_i = p_i/m_i + dt g`, then `v_i <- collide(v_i)` for each collider. Empty nodes stay at rest.

use super::blocks::{BLOCK_EDGE, BLOCK_NODES, BlockKey, Sorted};
use super::contact::{ColliderAt, collide, collide_adj};
use super::context::{Command, Context};
use super::tiles::{Grid, Scratch};
use super::transfer::Row;
use crate::agents::PoseCotangent;
use crate::math::{Quad, Scalar, Vec3};
use rayon::prelude::*;

/// Node velocities after forces and contact: rows `(v_i [m/s], m_i [kg])`.
pub fn grid_update<R: Scalar>(
    ctx: &Context<R>,
    command: &Command<R>,
    sorted: &Sorted,
    momentum: &Grid<R>,
    scratch: &mut Scratch<R>,
) -> Grid<R> {
    let keys = &sorted.blocks.node_keys;
    let mut velocities = scratch.take_grid(keys.len());
    velocities.par_iter_mut().zip(momentum).zip(keys).for_each(|((out, nodes), &key)| {
        let colliders = colliders_near(ctx, command, key);
        for (n, (row, out)) in nodes.iter().zip(out).enumerate() {
            let Some((v, mass)) = velocity(ctx, row) else {
                *out = Row::<R>::splat(R::zero());
                continue;
            };
            let mut v = v + ctx.gravity * ctx.dt;
            for &c in &colliders {
                let collider = &command.colliders[c];
                v = collide(collider, distance(ctx, collider, node_of(key, n)), v);
            }
            *out = Row::<R>::new([v[0], v[1], v[2], mass]);
        }
    });
    velocities
}

/// Cotangents `(p_bar, m_bar)` of the node sums, from those of the velocities, and of the collider
/// poses (summed over nodes in block order, in f64).
pub fn grid_update_adj<R: Scalar>(
    ctx: &Context<R>,
    command: &Command<R>,
    sorted: &Sorted,
    momentum: &Grid<R>,
    velocity_bar: &Grid<R>,
    scratch: &mut Scratch<R>,
) -> (Grid<R>, Vec<PoseCotangent>) {
    let keys = &sorted.blocks.node_keys;
    let mut grid_bar = scratch.take_grid(keys.len());
    let poses: Vec<_> = grid_bar
        .par_iter_mut()
        .enumerate()
        .map(|(block, out)| {
            let colliders = colliders_near(ctx, command, keys[block]);
            let mut poses = vec![PoseCotangent::ZERO; colliders.len()];
            let mut before = vec![Vec3::zero(); colliders.len()];
            for n in 0..BLOCK_NODES {
                let Some((v_before, mass)) = velocity(ctx, &momentum[block][n]) else {
                    out[n] = Row::<R>::splat(R::zero());
                    continue;
                };
                let node = node_of(keys[block], n);
                let mut v = v_before + ctx.gravity * ctx.dt;
                for (v_in, &c) in before.iter_mut().zip(&colliders) {
                    let collider = &command.colliders[c];
                    *v_in = v;
                    v = collide(collider, distance(ctx, collider, node), v);
                }
                let [x, y, z, _] = velocity_bar[block][n].array();
                let mut v_bar = Vec3([x, y, z]);
                for (i, &c) in colliders.iter().enumerate().rev() {
                    let collider = &command.colliders[c];
                    let d = distance(ctx, collider, node);
                    let (through, pose_bar) = collide_adj(collider, d, before[i], v_bar);
                    v_bar = through;
                    poses[i] += pose_bar.to_f64();
                }
                let p_bar = v_bar * mass.recip();
                let m_bar = -v_before.dot(p_bar);
                out[n] = Row::<R>::new([p_bar[0], p_bar[1], p_bar[2], m_bar]);
            }
            colliders.into_iter().zip(poses).collect::<Vec<_>>()
        })
        .collect();
    let mut sums = vec![PoseCotangent::ZERO; command.colliders.len()];
    for (collider, pose_bar) in poses.into_iter().flatten() {
        sums[collider] += pose_bar;
    }
    (grid_bar, sums)
}

/// `(p/m, m)`, or nothing for an empty node.
#[inline(always)]
pub(super) fn velocity<R: Scalar>(ctx: &Context<R>, row: &Row<R>) -> Option<(Vec3<R>, R)> {
    let [x, y, z, mass] = row.array();
    (mass > ctx.empty_mass).then(|| (Vec3([x, y, z]) * mass.recip(), mass))
}

/// Colliders that could reach a node of the block, by distance from its centre: the signed
/// distance changes by at most the way between two points.
pub(super) fn colliders_near<R: Scalar>(
    ctx: &Context<R>,
    command: &Command<R>,
    key: BlockKey,
) -> Vec<usize> {
    let first = node_of(key, 0);
    // From the centre of the block to its corner nodes, with a little for round-off.
    let reach = ctx.cell_width * R::from_f64(1.5 * 3f64.sqrt() * 1.001);
    let to_centre = Vec3::from_f64([1.5; 3]) * ctx.cell_width;
    (0..command.colliders.len())
        .filter(|&c| {
            let collider = &command.colliders[c];
            let centre = distance(ctx, collider, first) + to_centre;
            collider.signed_distance(centre) <= reach + collider.softness
        })
        .collect()
}

/// World cell index of a node of a block.
#[inline(always)]
pub(super) fn node_of(key: BlockKey, node: usize) -> [i32; 3] {
    let local = [node / 16, node / 4 % 4, node % 4];
    std::array::from_fn(|a| key[a].wrapping_mul(BLOCK_EDGE) + local[a] as i32)
}

/// Node minus collider position [m], by integer cells, so that it is exact anywhere.
#[inline(always)]
pub(super) fn distance<R: Scalar>(
    ctx: &Context<R>,
    collider: &ColliderAt<R>,
    node: [i32; 3],
) -> Vec3<R> {
    Vec3::from_fn(|a| {
        let cells = node[a].wrapping_sub(collider.cell[a]);
        R::from_f64(f64::from(cells)) * ctx.cell_width - collider.offset[a]
    })
}
