//! Particles as the twin holds them: in the order in which the last substep visited them.

use super::blocks::{BlockKey, block_of};
use super::context::{self, Point};
use super::levels::{Places, nearest_node};
use crate::math::{Mat3, Scalar, Vec3};
use crate::model::Model;
use crate::mpm::simulator::Observation;
use crate::mpm::state::{Chunk, Chunks, Cotangent, Life, Particles, RigidMotion, State};
use rayon::prelude::*;
use std::sync::Arc;

/// The particles that are there in storage order, with the id of each.
#[derive(Clone, Debug)]
pub struct Stored<R> {
    pub id: Vec<u32>,
    pub cell: Vec<[i32; 3]>,
    pub offset: Vec<Vec3<R>>,
    pub v: Vec<Vec3<R>>,
    pub c: Vec<Mat3<R>>,
    pub f: Vec<Mat3<R>>,
    pub history: Vec<R>,
    pub rigid: Vec<RigidMotion<R>>,
    /// What is constant of each particle, by id.
    pub points: Arc<Vec<Point<R>>>,
    /// Levels that each takes part in, found anew at each substep; empty where there is one level.
    pub places: Places<R>,
    /// The particles that are gone, and the sinks that took them; in the order in which they went.
    pub gone: Arc<Vec<(u32, u32)>>,
    /// As [`State::chunks`].
    pub chunks: Arc<Chunks>,
}

impl<R: Scalar> Stored<R> {
    /// Block and node in it of the particle's place on the finest level that it takes part in.
    #[inline(always)]
    pub fn home(&self, p: usize) -> (BlockKey, usize) {
        let level = self.places.level(p);
        let node = match level {
            0 => self.cell[p],
            _ => nearest_node(self.cell[p], self.offset[p], level),
        };
        block_of(level, node)
    }

    /// Whether any particle is shared between levels.
    pub fn has_blends(&self) -> bool {
        !self.places.blends.is_empty()
    }

    pub fn zeros(count: usize) -> Self {
        Self {
            id: vec![0; count],
            cell: vec![[0; 3]; count],
            offset: vec![Vec3::zero(); count],
            v: vec![Vec3::zero(); count],
            c: vec![Mat3::zero(); count],
            f: vec![Mat3::zero(); count],
            history: vec![R::zero(); count],
            rigid: Vec::new(),
            points: Arc::default(),
            places: Places::default(),
            gone: Arc::default(),
            chunks: Arc::default(),
        }
    }

    /// `points` are those of the model, for a state that has none of its own.
    pub fn from_state(state: State<R>, points: &Arc<Vec<Point<R>>>) -> Self {
        let State { cell, offset, v, c, f, history, rigid, particles, life, chunks } = state;
        let own = particles.map(|particles| Arc::new(context::points(&particles)));
        let is_absent = |p: &u32| life[*p as usize] != Life::Present;
        let absent: Vec<u32> = (0..life.len() as u32).filter(is_absent).collect();
        let gone = absent.iter().filter_map(|&p| match life[p as usize] {
            Life::Gone { sink } => Some((p, sink)),
            _ => None,
        });
        let mut stored = Self {
            id: (0..cell.len() as u32).collect(),
            cell,
            offset,
            v,
            c,
            f,
            history,
            rigid,
            points: own.unwrap_or_else(|| points.clone()),
            places: Places::default(),
            gone: Arc::new(gone.collect()),
            chunks,
        };
        stored.remove(&absent);
        stored
    }

    /// In id order; with what the particles are if `changing`, with which of them are there if
    /// `exchanging`.
    pub fn to_state(&self, changing: bool, exchanging: bool) -> State<R> {
        let count = self.points.len();
        let mut life = Vec::new();
        if exchanging {
            life = vec![Life::Unborn; count];
            self.id.iter().for_each(|&p| life[p as usize] = Life::Present);
            self.gone.iter().for_each(|&(p, sink)| life[p as usize] = Life::Gone { sink });
        }
        State {
            cell: by_id(count, &self.id, &self.cell, [0; 3]),
            offset: by_id(count, &self.id, &self.offset, Vec3::zero()),
            v: by_id(count, &self.id, &self.v, Vec3::zero()),
            c: by_id(count, &self.id, &self.c, Mat3::zero()),
            f: by_id(count, &self.id, &self.f, Mat3::identity()),
            history: by_id(count, &self.id, &self.history, R::zero()),
            rigid: self.rigid.clone(),
            particles: changing.then(|| Arc::new(self.particles())),
            life,
            chunks: self.chunks.clone(),
        }
    }

    /// Takes out the particles at some places, which are sorted; the others keep their order.
    pub fn remove(&mut self, places: &[u32]) -> Self {
        Self {
            id: remove(&mut self.id, places),
            cell: remove(&mut self.cell, places),
            offset: remove(&mut self.offset, places),
            v: remove(&mut self.v, places),
            c: remove(&mut self.c, places),
            f: remove(&mut self.f, places),
            history: remove(&mut self.history, places),
            rigid: Vec::new(),
            points: self.points.clone(),
            places: Places::default(),
            gone: Arc::default(),
            chunks: Arc::default(),
        }
    }

    /// Undoes [`Stored::remove`].
    pub fn put_back(&mut self, places: &[u32], taken: Self) {
        insert(&mut self.id, places, taken.id);
        insert(&mut self.cell, places, taken.cell);
        insert(&mut self.offset, places, taken.offset);
        insert(&mut self.v, places, taken.v);
        insert(&mut self.c, places, taken.c);
        insert(&mut self.f, places, taken.f);
        insert(&mut self.history, places, taken.history);
    }

    /// Drops all particles but the first.
    pub fn truncate(&mut self, count: usize) {
        self.id.truncate(count);
        self.cell.truncate(count);
        self.offset.truncate(count);
        self.v.truncate(count);
        self.c.truncate(count);
        self.f.truncate(count);
        self.history.truncate(count);
    }

    /// Positions and velocities, in id order.
    pub fn seen(&self, model: &Model) -> Observation {
        let count = self.points.len();
        let changing = model.levels.changes();
        let mut seen = Observation {
            x: vec![[0.0; 3]; count],
            v: vec![[0.0; 3]; count],
            absent: vec![true; if model.exchanges() { count } else { 0 }],
            rigid: self.rigid.iter().map(RigidMotion::cast).collect(),
            particles: changing.then(|| Arc::new(self.particles())),
        };
        for (p, &id) in self.id.iter().enumerate() {
            seen.x[id as usize] = std::array::from_fn(|a| {
                let cells = i64::from(self.cell[p][a]) - i64::from(model.origin[a]);
                (cells as f64 + self.offset[p][a].to_f64()) * model.cell_width
            });
            seen.v[id as usize] = self.v[p].0.map(R::to_f64);
        }
        if !seen.absent.is_empty() {
            self.id.iter().for_each(|&id| seen.absent[id as usize] = false);
        }
        seen
    }

    /// What the particles are.
    pub fn particles(&self) -> Particles {
        let points = || self.points.iter();
        Particles {
            mass: points().map(|p| p.mass.to_f64()).collect(),
            volume: points().map(|p| p.volume.to_f64()).collect(),
            material: points().map(|p| p.material).collect(),
            body: points().map(|p| p.body).collect(),
            muscle: points().map(|p| p.muscle).collect(),
            level: points().map(|p| p.level).collect(),
            held: match points().any(|p| p.held) {
                true => points().map(|p| p.held).collect(),
                false => Vec::new(),
            },
        }
    }

    /// Bytes per particle.
    pub const fn particle_bytes() -> usize {
        4 + 12 + (3 + 3 + 9 + 9 + 1) * size_of::<R>()
    }

    /// A hash of all bits, in id order: equal if and only if two states are bitwise equal (but for
    /// a collision).
    pub fn fingerprint(&self) -> u64 {
        use std::hash::{Hash, Hasher};
        let sum = (0..self.id.len()).into_par_iter().map(|p| {
            let mut hasher = rustc_hash::FxHasher::default();
            let bits = |r: R| r.to_f64().to_bits();
            self.id[p].hash(&mut hasher);
            self.cell[p].hash(&mut hasher);
            self.offset[p].0.map(bits).hash(&mut hasher);
            self.v[p].0.map(bits).hash(&mut hasher);
            self.c[p].0.map(|row| row.map(bits)).hash(&mut hasher);
            self.f[p].0.map(|row| row.map(bits)).hash(&mut hasher);
            bits(self.history[p]).hash(&mut hasher);
            hasher.finish()
        });
        let mut hasher = rustc_hash::FxHasher::default();
        for body in &self.rigid {
            let bits = |r: R| r.to_f64().to_bits();
            body.cell.hash(&mut hasher);
            body.offset.0.map(bits).hash(&mut hasher);
            body.rotation.map(bits).hash(&mut hasher);
            body.velocity.0.map(bits).hash(&mut hasher);
            body.angular_velocity.0.map(bits).hash(&mut hasher);
        }
        let mut gone = self.gone.as_slice().to_vec();
        gone.sort_unstable();
        gone.hash(&mut hasher);
        for (key, chunk) in self.chunks.iter() {
            key.hash(&mut hasher);
            match chunk {
                Chunk::Awake { quiet } => (0u8, u64::from(*quiet)).hash(&mut hasher),
                Chunk::Held { touched } => (1u8, u64::from(*touched)).hash(&mut hasher),
                Chunk::Asleep(archived) => (2u8, archived.checksum()).hash(&mut hasher),
            }
        }
        // A sum does not depend on the storage order.
        sum.reduce(|| 0, u64::wrapping_add).wrapping_add(hasher.finish())
    }
}

/// Cotangents in storage order, brought into id order; those of the absent ones among `count` particles
/// are zero.
pub fn cotangent_by_id<R: Scalar>(count: usize, id: &[u32], bar: &Cotangent<R>) -> Cotangent<R> {
    Cotangent {
        x: by_id(count, id, &bar.x, Vec3::zero()),
        v: by_id(count, id, &bar.v, Vec3::zero()),
        c: by_id(count, id, &bar.c, Mat3::zero()),
        f: by_id(count, id, &bar.f, Mat3::zero()),
        history: by_id(count, id, &bar.history, R::zero()),
        rigid: bar.rigid.clone(),
    }
}

/// Entries whose id is beyond the count belong to nobody.
fn by_id<T: Clone>(count: usize, id: &[u32], values: &[T], absent: T) -> Vec<T> {
    let mut sorted = vec![absent; count];
    for (&i, value) in id.iter().zip(values) {
        if let Some(place) = sorted.get_mut(i as usize) {
            *place = value.clone();
        }
    }
    sorted
}

/// Takes the elements at sorted places out of a list.
fn remove<T: Clone>(list: &mut Vec<T>, places: &[u32]) -> Vec<T> {
    if places.is_empty() {
        return Vec::new();
    }
    let taken = places.iter().map(|&p| list[p as usize].clone()).collect();
    let mut place = 0u32;
    let mut left = places.iter().peekable();
    list.retain(|_| {
        let goes = left.next_if_eq(&&place).is_some();
        place += 1;
        !goes
    });
    taken
}

/// Undoes [`remove`].
pub fn insert<T>(list: &mut Vec<T>, places: &[u32], taken: Vec<T>) {
    let count = list.len() + taken.len();
    let mut kept = std::mem::take(list).into_iter();
    let mut back = places.iter().zip(taken).peekable();
    list.extend((0..count as u32).filter_map(
        |place| match back.next_if(|(at, _)| **at == place) {
            Some((_, value)) => Some(value),
            None => kept.next(),
        },
    ));
}
