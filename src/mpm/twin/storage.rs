//! Particles as the twin holds them: in the order in which the last substep visited them.

use super::blocks::{BlockKey, block_of};
use super::context::{self, Point};
use super::levels::{Blend, Places, nearest_node};
use crate::math::{Mat3, Scalar, Vec3};
use crate::mpm::state::{Cotangent, Particles, RigidMotion, State};
use rayon::prelude::*;
use std::sync::Arc;

/// A [`State`] in storage order, with the id of each particle.
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

    /// How a particle is shared with the level above, if it is.
    #[inline(always)]
    pub fn blend(&self, p: usize) -> Option<&Blend<R>> {
        self.places.blend(p)
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
        }
    }

    /// `points` are those of the model, for a state that has none of its own.
    pub fn from_state(state: State<R>, points: &Arc<Vec<Point<R>>>) -> Self {
        let State { cell, offset, v, c, f, history, rigid, particles } = state;
        let own = particles.map(|particles| Arc::new(context::points(&particles)));
        Self {
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
        }
    }

    /// In id order; with what the particles are if `changing`.
    pub fn to_state(&self, changing: bool) -> State<R> {
        State {
            particles: changing.then(|| Arc::new(self.particles())),
            cell: by_id(&self.id, &self.cell),
            offset: by_id(&self.id, &self.offset),
            v: by_id(&self.id, &self.v),
            c: by_id(&self.id, &self.c),
            f: by_id(&self.id, &self.f),
            history: by_id(&self.id, &self.history),
            rigid: self.rigid.clone(),
        }
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
        // A sum does not depend on the storage order.
        sum.reduce(|| 0, u64::wrapping_add).wrapping_add(hasher.finish())
    }
}

/// Cotangents in storage order, brought into id order.
pub fn cotangent_by_id<R: Scalar>(id: &[u32], bar: &Cotangent<R>) -> Cotangent<R> {
    Cotangent {
        x: by_id(id, &bar.x),
        v: by_id(id, &bar.v),
        c: by_id(id, &bar.c),
        f: by_id(id, &bar.f),
        history: by_id(id, &bar.history),
        rigid: bar.rigid.clone(),
    }
}

fn by_id<T: Clone>(id: &[u32], values: &[T]) -> Vec<T> {
    let mut place = vec![0u32; id.len()];
    for (p, &i) in id.iter().enumerate() {
        place[i as usize] = p as u32;
    }
    place.into_iter().map(|p| values[p as usize].clone()).collect()
}
