//! Grid update: momentum to velocity, gravity, then the rigid bodies and the colliders in their order.
//!
//! `v_i = p_i/m_i + dt g`, then `v_i <- collide(v_i)` for each solid; what a node loses to a rigid
//! body, `I = m_i (v_i - v_i')` and its moment, is summed for the body. Colliders come last: walls
//! hold. Empty nodes stay at rest.

use super::blocks::{BLOCK_EDGE, BLOCK_NODES, BlockKey, Sorted};
use super::contact::{ColliderAt, collide, collide_adj};
use super::context::{Command, Context};
use super::rigid::Impulse;
use super::tiles::{Grid, Scratch};
use super::transfer::Row;
use crate::agents::PoseCotangent;
use crate::math::{Quad, Scalar, Vec3};
use rayon::prelude::*;

/// The solids of one substep, by index: first the rigid bodies as predicted, then the colliders.
#[derive(Clone, Copy)]
pub struct Solids<'a, R> {
    pub bodies: &'a [ColliderAt<R>],
    pub colliders: &'a [ColliderAt<R>],
}

impl<'a, R> Solids<'a, R> {
    pub fn new(bodies: &'a [ColliderAt<R>], command: &'a Command<R>) -> Self {
        Self { bodies, colliders: &command.colliders }
    }
    pub fn len(&self) -> usize {
        self.bodies.len() + self.colliders.len()
    }
    #[inline(always)]
    pub fn get(&self, index: usize) -> &'a ColliderAt<R> {
        match index.checked_sub(self.bodies.len()) {
            None => &self.bodies[index],
            Some(collider) => &self.colliders[collider],
        }
    }
}

/// Node velocities after forces and contact, rows `(v_i [m/s], m_i [kg])`; and what the nodes gave
/// to each rigid body, about the origin of its collider (summed over nodes in block order).
pub fn grid_update<R: Scalar>(
    ctx: &Context<R>,
    solids: Solids<R>,
    sorted: &Sorted,
    momentum: &Grid<R>,
    scratch: &mut Scratch<R>,
) -> (Grid<R>, Vec<Impulse<R>>) {
    let keys = &sorted.blocks.node_keys;
    let mut velocities = scratch.take_grid(keys.len());
    let update_block = |nodes: &[Row<R>; BLOCK_NODES], key, out: &mut [Row<R>; BLOCK_NODES]| {
        let near = solids_near(ctx, solids, key);
        let bodies = near.iter().take_while(|&&s| s < solids.bodies.len()).count();
        let mut given = vec![Impulse::zero(); bodies];
        for (n, (row, out)) in nodes.iter().zip(out).enumerate() {
            let Some((v, mass)) = velocity(ctx, row) else {
                *out = Row::<R>::splat(R::zero());
                continue;
            };
            let mut v = v + ctx.gravity * ctx.dt;
            for (i, &s) in near.iter().enumerate() {
                let solid = solids.get(s);
                let d = distance(ctx, solid, node_of(key, n));
                let left = collide(solid, d, v);
                if i < bodies {
                    let linear = (v - left) * mass;
                    given[i] += Impulse { linear, angular: d.cross(linear) };
                }
                v = left;
            }
            *out = Row::<R>::new([v[0], v[1], v[2], mass]);
        }
        near.into_iter().zip(given).collect::<Vec<_>>()
    };
    let blocks = velocities.par_iter_mut().zip(momentum).zip(keys);
    let given: Vec<_> = blocks
        .map(|((out, nodes), &key)| ctx.clock.block(key, || update_block(nodes, key, out)))
        .collect();
    let mut impulses = vec![Impulse::zero(); solids.bodies.len()];
    for (body, impulse) in given.into_iter().flatten() {
        impulses[body] += impulse;
    }
    (velocities, impulses)
}

/// Cotangents `(p_bar, m_bar)` of the node sums and of the poses of the solids (summed over nodes in
/// block order, in f64), from those of the velocities and of the bodies' impulses.
pub fn grid_update_adj<R: Scalar>(
    ctx: &Context<R>,
    solids: Solids<R>,
    sorted: &Sorted,
    momentum: &Grid<R>,
    (velocity_bar, impulse_bars): (&Grid<R>, &[Impulse<R>]),
    scratch: &mut Scratch<R>,
) -> (Grid<R>, Vec<PoseCotangent>) {
    let keys = &sorted.blocks.node_keys;
    let mut grid_bar = scratch.take_grid(keys.len());
    let poses: Vec<_> = grid_bar
        .par_iter_mut()
        .enumerate()
        .map(|(block, out)| {
            let near = solids_near(ctx, solids, keys[block]);
            let mut poses = vec![PoseCotangent::ZERO; near.len()];
            // The velocity that a node comes to each solid with, and leaves the last one with.
            let mut way = vec![Vec3::zero(); near.len() + 1];
            for n in 0..BLOCK_NODES {
                let Some((v_before, mass)) = velocity(ctx, &momentum[block][n]) else {
                    out[n] = Row::<R>::splat(R::zero());
                    continue;
                };
                let node = node_of(keys[block], n);
                way[0] = v_before + ctx.gravity * ctx.dt;
                for (i, &s) in near.iter().enumerate() {
                    let solid = solids.get(s);
                    way[i + 1] = collide(solid, distance(ctx, solid, node), way[i]);
                }
                let [x, y, z, _] = velocity_bar[block][n].array();
                let (mut v_bar, mut m_bar) = (Vec3([x, y, z]), R::zero());
                for (i, &s) in near.iter().enumerate().rev() {
                    let solid = solids.get(s);
                    let d = distance(ctx, solid, node);
                    let Some(bar) = impulse_bars.get(s) else {
                        let (through, pose_bar) = collide_adj(solid, d, way[i], v_bar);
                        v_bar = through;
                        poses[i] += pose_bar.to_f64();
                        continue;
                    };
                    // I = m (v - v'), and its moment d x I.
                    let given_bar = bar.linear + bar.angular.cross(d);
                    let lost = way[i] - way[i + 1];
                    let (through, mut pose_bar) =
                        collide_adj(solid, d, way[i], v_bar - given_bar * mass);
                    v_bar = through + given_bar * mass;
                    m_bar += lost.dot(given_bar);
                    pose_bar.position += bar.angular.cross(lost * mass);
                    poses[i] += pose_bar.to_f64();
                }
                let p_bar = v_bar * mass.recip();
                m_bar -= v_before.dot(p_bar);
                out[n] = Row::<R>::new([p_bar[0], p_bar[1], p_bar[2], m_bar]);
            }
            near.into_iter().zip(poses).collect::<Vec<_>>()
        })
        .collect();
    let mut sums = vec![PoseCotangent::ZERO; solids.len()];
    for (solid, pose_bar) in poses.into_iter().flatten() {
        sums[solid] += pose_bar;
    }
    (grid_bar, sums)
}

/// `(p/m, m)`, or nothing for an empty node.
#[inline(always)]
pub(super) fn velocity<R: Scalar>(ctx: &Context<R>, row: &Row<R>) -> Option<(Vec3<R>, R)> {
    let [x, y, z, mass] = row.array();
    (mass > ctx.empty_mass).then(|| (Vec3([x, y, z]) * mass.recip(), mass))
}

/// Solids that could reach a node of the block, by distance from its centre: the bound changes by at
/// most the way between two points.
pub(super) fn solids_near<R: Scalar>(
    ctx: &Context<R>,
    solids: Solids<R>,
    key: BlockKey,
) -> Vec<usize> {
    let first = node_of(key, 0);
    let cell_width = ctx.lattices[key.level as usize].cell_width;
    // From the centre of the block to its corner nodes, with a little for round-off.
    let reach = cell_width * R::from_f64(1.5 * 3f64.sqrt() * 1.001);
    let to_centre = Vec3::from_f64([1.5; 3]) * cell_width;
    (0..solids.len())
        .filter(|&s| {
            let solid = solids.get(s);
            let centre = distance(ctx, solid, first) + to_centre;
            solid.distance_bound(centre) <= reach + solid.softness
        })
        .collect()
}

/// World cell index of a node of a block, on the finest lattice.
#[inline(always)]
pub(super) fn node_of(key: BlockKey, node: usize) -> [i32; 3] {
    let local = [node / 16, node / 4 % 4, node % 4];
    std::array::from_fn(|a| {
        key.at[a].wrapping_mul(BLOCK_EDGE).wrapping_add(local[a] as i32) << key.level
    })
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
