//! Particles as the twin holds them: in the order in which the last substep visited them.

use crate::math::{Mat3, Scalar, Vec3};
use crate::mpm::state::{Cotangent, RigidMotion, State};
use rayon::prelude::*;

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
}

impl<R: Scalar> Stored<R> {
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
        }
    }

    pub fn from_state(state: State<R>) -> Self {
        let State { cell, offset, v, c, f, history, rigid } = state;
        Self { id: (0..cell.len() as u32).collect(), cell, offset, v, c, f, history, rigid }
    }

    pub fn to_state(&self) -> State<R> {
        State {
            cell: by_id(&self.id, &self.cell),
            offset: by_id(&self.id, &self.offset),
            v: by_id(&self.id, &self.v),
            c: by_id(&self.id, &self.c),
            f: by_id(&self.id, &self.f),
            history: by_id(&self.id, &self.history),
            rigid: self.rigid.clone(),
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
