//! What sleep and wake do to the particles, and the transpose.

use super::{Choice, Fate, Surroundings};
use crate::math::{Mat3, Scalar, Vec3};
use crate::mpm::simulator::SimulationError;
use crate::mpm::state::{ChunkKey, Cotangent, State};
use crate::mpm::twin::context::{self, Point};
use crate::mpm::twin::storage::Stored;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Cotangents of what sleeps, by chunk and in the order in which it is kept. Its velocities are zero,
/// whatever was before.
pub type Asleep<R> = BTreeMap<ChunkKey, Cotangent<R>>;

/// What was done at the start of a control step.
pub struct Change<R> {
    pub before: Stored<R>,
    /// Where each particle came from, by id, which is also its storage position.
    origins: Vec<Origin>,
    /// The chunks whose particles came, whether from the archive, and how many.
    came: Vec<(ChunkKey, bool, u32)>,
    /// What went to the archive: storage positions before, in the order in which it is kept.
    left: Vec<(ChunkKey, Vec<u32>)>,
}

#[derive(Clone, Copy, Debug)]
enum Origin {
    /// Storage position before the change.
    Kept(u32),
    /// The same, its velocities set to zero.
    Stilled(u32),
    /// Which of the arrivals, and which particle of it.
    Came(u32, u32),
}

/// Does what was decided.
pub(super) fn apply<R: Scalar>(
    around: &Surroundings,
    stored: &mut Stored<R>,
    keys: &[ChunkKey],
    choice: Choice<R>,
) -> Result<Change<R>, SimulationError> {
    let Choice { fates, arrivals, .. } = &choice;
    let mut by_id = vec![0; stored.id.len()];
    for (p, &id) in stored.id.iter().enumerate() {
        by_id[id as usize] = p as u32;
    }
    let points = &stored.points;
    // Who is there afterwards: body, origin, whether held.
    let mut made: Vec<(u32, Origin, bool)> = Vec::with_capacity(by_id.len());
    let mut left: BTreeMap<ChunkKey, Vec<u32>> = BTreeMap::new();
    for (point, &p) in points.iter().zip(&by_id) {
        let key = keys[p as usize];
        match fates.get(&key) {
            None => made.push((point.body, Origin::Kept(p), point.held)),
            Some(Fate::Wakes) => made.push((point.body, Origin::Kept(p), false)),
            Some(Fate::Stills) => made.push((point.body, Origin::Stilled(p), true)),
            Some(Fate::Leaves) => left.entry(key).or_default().push(p),
            Some(Fate::Goes) => {}
        }
    }
    let mut new_points = Vec::new();
    for (n, arrival) in arrivals.iter().enumerate() {
        let particles = arrival.state.particles.as_deref().expect("arrivals say what they are");
        let points: Vec<Point<R>> = context::points(particles);
        for (k, point) in points.iter().enumerate() {
            made.push((point.body, Origin::Came(n as u32, k as u32), arrival.held));
        }
        new_points.push(points);
    }
    // Ids follow the order of the bodies; in a body, those that come are the last.
    made.sort_by_key(|&(body, ..)| body);

    let before = std::mem::replace(stored, Stored::zeros(0));
    let particle = |&(_, origin, held): &(u32, Origin, bool)| {
        let (zero, none) = (Vec3::zero(), Mat3::zero());
        let (cell, offset, v, c, f, history, point) = match origin {
            Origin::Kept(p) | Origin::Stilled(p) => {
                let p = p as usize;
                let point = before.points[before.id[p] as usize];
                let moving = matches!(origin, Origin::Kept(_));
                let (v, c) = if moving { (before.v[p], before.c[p]) } else { (zero, none) };
                (before.cell[p], before.offset[p], v, c, before.f[p], before.history[p], point)
            }
            Origin::Came(n, k) => {
                let (state, k) = (&arrivals[n as usize].state, k as usize);
                let point = new_points[n as usize][k];
                (state.cell[k], state.offset[k], zero, none, state.f[k], state.history[k], point)
            }
        };
        (cell, offset, v, c, f, history, Point { held, ..point })
    };
    let particles: Vec<_> = made.par_iter().map(particle).collect();
    let mut after = Stored::zeros(particles.len());
    let mut points = Vec::with_capacity(particles.len());
    for (id, (cell, offset, v, c, f, history, point)) in particles.into_iter().enumerate() {
        after.id[id] = id as u32;
        after.cell[id] = cell;
        after.offset[id] = offset;
        after.v[id] = v;
        after.c[id] = c;
        after.f[id] = f;
        after.history[id] = history;
        points.push(point);
    }
    after.rigid.clone_from(&before.rigid);
    after.points = Arc::new(points);
    let taken = |key: &ChunkKey| left.get(key).map(|places| taken(&before, places));
    match choice.chunks(around, &before.chunks, taken) {
        Ok(chunks) => after.chunks = Arc::new(chunks),
        Err(error) => {
            *stored = before;
            return Err(error);
        }
    }
    *stored = after;
    Ok(Change {
        before,
        origins: made.into_iter().map(|(_, origin, _)| origin).collect(),
        came: arrivals
            .iter()
            .map(|a| (a.key, a.restored, a.state.particle_count() as u32))
            .collect(),
        left: left.into_iter().collect(),
    })
}

/// Copies of some particles, without their velocities.
fn taken<R: Scalar>(before: &Stored<R>, places: &[u32]) -> State<R> {
    fn at<T: Copy>(values: &[T], places: &[u32]) -> Vec<T> {
        places.iter().map(|&p| values[p as usize]).collect()
    }
    let points = places.iter().map(|&p| before.points[before.id[p as usize] as usize]);
    let only = Stored { points: Arc::new(points.collect()), ..Stored::zeros(0) };
    State {
        cell: at(&before.cell, places),
        offset: at(&before.offset, places),
        v: vec![Vec3::zero(); places.len()],
        c: vec![Mat3::zero(); places.len()],
        f: at(&before.f, places),
        history: at(&before.history, places),
        particles: Some(Arc::new(only.particles())),
        ..State::default()
    }
}

impl<R: Scalar> Change<R> {
    /// The cotangent of the state before, by storage position, from that after: of the particle with
    /// id i it is entry `place[i]` of `bar`. What wakes leaves its cotangent with what sleeps, what fell
    /// asleep takes it from there; what came as new is a constant.
    pub fn adj(&self, bar: &Cotangent<R>, place: &[u32], asleep: &mut Asleep<R>) -> Cotangent<R> {
        let mut sums = Cotangent::zeros(self.before.id.len());
        let mut woken: Vec<_> = self
            .came
            .iter()
            .map(|&(_, restored, count)| {
                Cotangent::zeros(if restored { count as usize } else { 0 })
            })
            .collect();
        for (id, origin) in self.origins.iter().enumerate() {
            let k = place[id] as usize;
            match *origin {
                Origin::Kept(p) => {
                    let p = p as usize;
                    copy_place(&mut sums, p, bar, k);
                    (sums.v[p], sums.c[p]) = (bar.v[k], bar.c[k]);
                }
                Origin::Stilled(p) => copy_place(&mut sums, p as usize, bar, k),
                Origin::Came(n, at) if self.came[n as usize].1 => {
                    copy_place(&mut woken[n as usize], at as usize, bar, k);
                }
                Origin::Came(..) => {}
            }
        }
        // What falls asleep and what wakes in one change are different chunks.
        for (key, places) in &self.left {
            if let Some(kept) = asleep.remove(key) {
                for (k, &p) in places.iter().enumerate() {
                    copy_place(&mut sums, p as usize, &kept, k);
                }
            }
        }
        for (&(key, restored, _), bar) in self.came.iter().zip(woken) {
            if restored {
                asleep.insert(key, bar);
            }
        }
        sums.rigid.clone_from(&bar.rigid);
        sums
    }
}

/// All but the velocities.
fn copy_place<R: Scalar>(to: &mut Cotangent<R>, p: usize, from: &Cotangent<R>, k: usize) {
    to.x[p] = from.x[k];
    to.f[p] = from.f[k];
    to.history[p] = from.history[k];
}
