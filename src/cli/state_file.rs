//! States as npz files that numpy reads.

use super::error::CliError;
use super::files::write_whole;
use crate::math::{Mat3, Vec3};
use crate::model::Model;
use crate::mpm::state::{Chunk, RigidMotion, State};
use ndarray::{Array0, Array1, Array2, Array3};
use ndarray_npy::NpzWriter;
use std::path::Path;

/// Writes a state: `x` [m, world], `v` [m/s], `C` [1/s], `F`, `J` [-], `mass` [kg], `volume`
/// (rest) [m³], `material` and `body` (indices), `history` and `time` [s]; all f64 but the indices,
/// in the order of particle ids. With rigid bodies, of their centres of mass, in the order of the
/// scene: `rigid_x` (B x 3) [m], `rigid_rotation` (B x 4, quaternions x y z w), `rigid_v` [m/s],
/// `rigid_angular_velocity` [rad/s], `rigid_mass` (B) [kg]. With emitters or sinks only the particles that
/// are there, and `id`, their ids. With levels of resolution, `level` of each particle. Where
/// chunks sleep, `held` (0 or 1) of each particle, and of the chunks that are known `chunk` (K x 2, in edges
/// of a chunk from the origin) and `chunk_state`: 0 awake, 1 held, 2 asleep, its particles not among these.
pub fn write_state(
    path: &Path,
    model: &Model,
    state: &State<f64>,
    time_secs: f64,
) -> Result<(), CliError> {
    let there: Vec<usize> = state.present().collect();
    let positions: Vec<Vec3<f64>> = there
        .iter()
        .map(|&p| Vec3(state.world_position(p, model.cell_width, model.origin)))
        .collect();
    let determinants: Array1<f64> = there.iter().map(|&p| state.f[p].determinant()).collect();
    let particles = state.particles_or(&model.particles);
    write_whole(path, |file| -> Result<(), ndarray_npy::WriteNpzError> {
        let mut npz = NpzWriter::new(file);
        npz.add_array("x", &vectors(&positions))?;
        npz.add_array("v", &vectors(&of(&state.v, &there)))?;
        npz.add_array("C", &matrices(&of(&state.c, &there)))?;
        npz.add_array("F", &matrices(&of(&state.f, &there)))?;
        npz.add_array("J", &determinants)?;
        npz.add_array("mass", &Array1::from(of(&particles.mass, &there)))?;
        npz.add_array("volume", &Array1::from(of(&particles.volume, &there)))?;
        npz.add_array("material", &Array1::from(of(&particles.material, &there)))?;
        npz.add_array("body", &Array1::from(of(&particles.body, &there)))?;
        npz.add_array("history", &Array1::from(of(&state.history, &there)))?;
        if model.levels.changes() {
            npz.add_array("level", &Array1::from(of(&particles.level, &there)))?;
        }
        if model.levels.sleep.is_some() {
            let held: Array1<u8> = there.iter().map(|&p| u8::from(particles.is_held(p))).collect();
            npz.add_array("held", &held)?;
            let keys: Vec<_> = state.chunks.keys().collect();
            let places = Array2::from_shape_fn((keys.len(), 2), |(k, a)| keys[k][a]);
            npz.add_array("chunk", &places)?;
            let kind = |chunk: &Chunk| match chunk {
                Chunk::Awake { .. } => 0u8,
                Chunk::Held { .. } => 1,
                Chunk::Asleep(_) => 2,
            };
            npz.add_array("chunk_state", &state.chunks.values().map(kind).collect::<Array1<u8>>())?;
        }
        if model.exchanges() {
            let ids: Array1<i64> = there.iter().map(|&p| p as i64).collect();
            npz.add_array("id", &ids)?;
        }
        if !state.rigid.is_empty() {
            let bodies = &state.rigid;
            let vectors = |of: &dyn Fn(&RigidMotion<f64>) -> [f64; 3]| {
                let list: Vec<[f64; 3]> = bodies.iter().map(of).collect();
                Array2::from_shape_fn((list.len(), 3), |(b, a)| list[b][a])
            };
            let position = |m: &RigidMotion<f64>| m.world_position(model.cell_width, model.origin);
            npz.add_array("rigid_x", &vectors(&position))?;
            let rotation = Array2::from_shape_fn((bodies.len(), 4), |(b, a)| bodies[b].rotation[a]);
            npz.add_array("rigid_rotation", &rotation)?;
            npz.add_array("rigid_v", &vectors(&|m| m.velocity.0))?;
            npz.add_array("rigid_angular_velocity", &vectors(&|m| m.angular_velocity.0))?;
            let mass: Array1<f64> = model.rigid_bodies.iter().map(|body| body.mass).collect();
            npz.add_array("rigid_mass", &mass)?;
        }
        npz.add_array("time", &Array0::from_elem((), time_secs))?;
        npz.finish()?;
        Ok(())
    })
}

fn of<T: Copy>(values: &[T], particles: &[usize]) -> Vec<T> {
    particles.iter().map(|&p| values[p]).collect()
}

fn vectors(values: &[Vec3<f64>]) -> Array2<f64> {
    Array2::from_shape_fn((values.len(), 3), |(p, a)| values[p][a])
}

fn matrices(values: &[Mat3<f64>]) -> Array3<f64> {
    Array3::from_shape_fn((values.len(), 3, 3), |(p, a, b)| values[p][(a, b)])
}
