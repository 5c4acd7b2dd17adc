//! What the nodes give to each collider in a substep, and the adjoint (formulas.md 2.2).
//!
//! Beside `grid_update`, not in it: the impulses are computed again from the node momenta, in runs
//! that measure them only.

use super::blocks::{BLOCK_NODES, Sorted};
use super::contact::{collide, collide_adj};
use super::context::Context;
use super::grid_update::{Solids, distance, node_of, solids_near, velocity};
use super::tiles::Grid;
use super::transfer::Row;
use crate::agents::PoseCotangent;
use crate::math::{Quad, Scalar, Vec3};
use crate::mpm::wrench::Wrench;
use rayon::prelude::*;

/// Impulse `Σ m (v - v')` [N s] of each collider and its moment `Σ d x I` [N m s] about the
/// collider's origin, summed over nodes in block order, in f64.
pub fn wrench<R: Scalar>(
    ctx: &Context<R>,
    solids: Solids<R>,
    sorted: &Sorted,
    momentum: &Grid<R>,
) -> Vec<Wrench> {
    let keys = &sorted.blocks.node_keys;
    let of_block = |(nodes, &key): (&[Row<R>; BLOCK_NODES], _)| {
        let near = solids_near(ctx, solids, key);
        let mut given = vec![Wrench::ZERO; near.len()];
        for (n, row) in nodes.iter().enumerate() {
            let Some((v, mass)) = velocity(ctx, row) else { continue };
            let mut v = v + ctx.gravity * ctx.dt;
            for (given, &s) in given.iter_mut().zip(&near) {
                let collider = solids.get(s);
                let d = distance(ctx, collider, node_of(key, n));
                let left = collide(collider, d, v);
                let impulse = (v - left) * mass;
                given.add(&Wrench { force: to_f64(impulse), torque: to_f64(d.cross(impulse)) });
                v = left;
            }
        }
        near.into_iter().zip(given).collect::<Vec<_>>()
    };
    let given: Vec<_> = momentum.par_iter().zip(keys).map(of_block).collect();
    let mut sums = vec![Wrench::ZERO; solids.len()];
    for (solid, impulse) in given.into_iter().flatten() {
        sums[solid].add(&impulse);
    }
    sums.split_off(solids.bodies.len())
}

/// Adds to the cotangents `(p_bar, m_bar)` of the node sums and to those of the poses of all solids,
/// from those of what [`wrench`] returned: `I_bar = F_bar + T_bar x d`, `v_bar += m I_bar`, `v'_bar -= m I_bar`,
/// `m_bar += (v - v')·I_bar`, `position_bar += T_bar x I`.
pub fn wrench_adj<R: Scalar>(
    ctx: &Context<R>,
    solids: Solids<R>,
    sorted: &Sorted,
    momentum: &Grid<R>,
    bars: &[Wrench],
    (grid_bar, poses): (&mut Grid<R>, &mut [PoseCotangent]),
) {
    let keys = &sorted.blocks.node_keys;
    let of_block = |(block, out): (usize, &mut [Row<R>; BLOCK_NODES])| {
        let near = solids_near(ctx, solids, keys[block]);
        let mut pose_bars = vec![PoseCotangent::ZERO; near.len()];
        // The velocity that a node comes to each collider with, and leaves the last one with.
        let mut way = vec![Vec3::<R>::zero(); near.len() + 1];
        for n in 0..BLOCK_NODES {
            let Some((v_before, mass)) = velocity(ctx, &momentum[block][n]) else { continue };
            let node = node_of(keys[block], n);
            way[0] = v_before + ctx.gravity * ctx.dt;
            for (i, &s) in near.iter().enumerate() {
                let collider = solids.get(s);
                way[i + 1] = collide(collider, distance(ctx, collider, node), way[i]);
            }
            let (mut v_bar, mut m_bar) = (Vec3::zero(), R::zero());
            for (i, &s) in near.iter().enumerate().rev() {
                let collider = solids.get(s);
                let d = distance(ctx, collider, node);
                let bar = s.checked_sub(solids.bodies.len()).map_or(Wrench::ZERO, |c| bars[c]);
                let torque_bar = Vec3::from_f64(bar.torque.0);
                let impulse_bar = Vec3::from_f64(bar.force.0) + torque_bar.cross(d);
                let lost = way[i] - way[i + 1];
                let after_bar = v_bar - impulse_bar * mass;
                let (through, mut pose_bar) = collide_adj(collider, d, way[i], after_bar);
                v_bar = through + impulse_bar * mass;
                m_bar += lost.dot(impulse_bar);
                pose_bar.position += torque_bar.cross(lost * mass);
                pose_bars[i] += pose_bar.to_f64();
            }
            let p_bar = v_bar * mass.recip();
            m_bar -= v_before.dot(p_bar);
            let [x, y, z, w] = out[n].array();
            out[n] = Row::<R>::new([x + p_bar[0], y + p_bar[1], z + p_bar[2], w + m_bar]);
        }
        near.into_iter().zip(pose_bars).collect::<Vec<_>>()
    };
    let found: Vec<_> = grid_bar.par_iter_mut().enumerate().map(of_block).collect();
    for (solid, pose_bar) in found.into_iter().flatten() {
        poses[solid] += pose_bar;
    }
}

fn to_f64<R: Scalar>(v: Vec3<R>) -> Vec3<f64> {
    Vec3(v.0.map(R::to_f64))
}
