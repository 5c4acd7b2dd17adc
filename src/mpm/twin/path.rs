//! The derivative along a path that another backend took.
//!
//! In f32 a node or particle close to a change of branch (contact, yield) takes the other branch than
//! in f64 now and then, and from there on the two runs are different motions, with different
//! derivatives. Whether a backend's gradient is right is then a question about its own motion: each
//! substep is linearised in f64 at the state which that backend had before it.

use super::Twin;
use crate::agents::Drive;
use crate::model::Model;
use crate::mpm::simulator::{Gradient, ObservationCotangent, SimulationError, Simulator};
use crate::mpm::state::State;
use std::sync::Arc;

/// Gradient, in f64, of an objective whose derivative by the last state is `seed`, with every substep n
/// linearised at `path[n]`, the state before it. The last entry is the state at the end.
///
/// # Errors
/// A substep diverges from its state, the drive does not cover the path, particles come and go (another
/// backend's may do so a substep earlier), or f64 splits or merges others than the path did.
pub fn gradient_along(
    model: &Arc<Model>,
    drive: &Drive,
    path: &[State<f64>],
    seed: &ObservationCotangent,
) -> Result<Gradient, SimulationError> {
    if model.exchanges() || model.levels.sleep.is_some() {
        let problem = "a path along which particles come and go, or sleep, cannot be followed";
        return Err(SimulationError::Device(problem.into()));
    }
    let mut twin = Twin::<f64>::new(model)?;
    twin.drive(drive)?;
    if let Some(last) = path.last() {
        twin.load(last)?;
    }
    twin.begin_reverse()?;
    twin.seed(seed)?;
    for substep in (0..path.len().saturating_sub(1)).rev() {
        // Cotangents lie in id order of the state that this substep should have led to.
        let by_id = twin.reverse.walking.place.clone();
        twin.load(&path[substep])?;
        let record = twin.substep(substep)?;
        let next = &path[substep + 1];
        let levels = &next.particles_or(&model.particles).level;
        let is_same = |id: usize| twin.present.points[id].level == levels[id];
        if twin.present.id.len() != levels.len() || !(0..levels.len()).all(is_same) {
            let problem = format!("substep {substep} split or merged other particles in f64");
            return Err(SimulationError::Device(problem));
        }
        for (place, &id) in twin.reverse.walking.place.iter_mut().zip(&twin.present.id) {
            *place = by_id[id as usize];
        }
        twin.substep_adj(substep, record)?;
    }
    twin.gradient()
}
