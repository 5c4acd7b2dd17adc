//! What leaves a nozzle that moves: a function of the drive alone, so that a device only has to put
//! the particles where they are said to come.
//!
//! A particle that passes the opening at a time within substep n comes at the end of it, as far ahead
//! as it has gone since: the stream is regular whatever the substep. With the pose (x, R) and twist (v,
//! ω) of the nozzle in that substep, l = R point, d the direction R z, s the speed and a the time since
//! it passed:
//!
//! ```text
//! x_p = x + l + dt (v + ω × l) + a s d
//! v_p = v + ω × l + s d            C_p = [ω]
//! ```

use super::{Birth, BirthCotangent, ColliderPose, PoseCotangent};
use crate::math::Vec3;
use crate::model::{Emission, Emitter, Model};
use crate::mpm::state::split_position;

/// Everything that comes in `substeps` substeps, by substep, then emitter, then particle. `nozzles` is
/// `[substep * emitter_count + emitter]`.
pub(super) fn births(model: &Model, nozzles: &[ColliderPose], substeps: usize) -> Vec<Birth> {
    let (dt, h) = (model.substep_secs, model.cell_width);
    let mut births = Vec::new();
    for (substep, row) in nozzles.chunks(model.emitters.len().max(1)).take(substeps).enumerate() {
        for (emitter, nozzle) in model.emitters.iter().zip(row) {
            let first = model.bodies[emitter.body as usize].particles.start;
            for index in emitter.during(substep, dt) {
                let left = Left::new(emitter, &emitter.emissions[index], nozzle, substep, dt);
                let (d, velocity) = left.motion();
                let at: [(i32, f64); 3] =
                    std::array::from_fn(|a| split_position((nozzle.offset[a] + d[a]) / h));
                births.push(Birth {
                    substep,
                    particle: (first + index) as u32,
                    cell: std::array::from_fn(|a| nozzle.cell[a].saturating_add(at[a].0)),
                    offset: Vec3(at.map(|(_, offset)| offset)),
                    velocity,
                    spin: nozzle.angular_velocity,
                });
            }
        }
    }
    births
}

/// Cotangents of the nozzles' poses and twists, as `nozzles`, from those of what [`births`] returned.
pub(super) fn births_adj(
    model: &Model,
    nozzles: &[ColliderPose],
    births: &[Birth],
    bars: &[BirthCotangent],
) -> Vec<PoseCotangent> {
    let mut nozzles_bar = vec![PoseCotangent::ZERO; nozzles.len()];
    for (birth, bar) in births.iter().zip(bars) {
        let body = model.particles.body[birth.particle as usize];
        // Emitters are few.
        let Some(e) = model.emitters.iter().position(|emitter| emitter.body == body) else {
            continue;
        };
        let emitter = &model.emitters[e];
        let first = model.bodies[body as usize].particles.start;
        let emission = &emitter.emissions[birth.particle as usize - first];
        let row = birth.substep * model.emitters.len() + e;
        let left = Left::new(emitter, emission, &nozzles[row], birth.substep, model.substep_secs);
        nozzles_bar[row] += left.motion_adj(bar);
    }
    nozzles_bar
}

/// A particle and the nozzle that it leaves.
struct Left {
    velocity: Vec3<f64>,
    angular_velocity: Vec3<f64>,
    /// From the nozzle's origin, world axes [m].
    lever: Vec3<f64>,
    direction: Vec3<f64>,
    speed: f64,
    /// Time since it passed the opening [s], at the end of the substep.
    age: f64,
    dt: f64,
}

impl Left {
    fn new(
        emitter: &Emitter,
        emission: &Emission,
        nozzle: &ColliderPose,
        substep: usize,
        dt: f64,
    ) -> Self {
        Self {
            velocity: nozzle.velocity,
            angular_velocity: nozzle.angular_velocity,
            lever: nozzle.rotation * emission.place(),
            direction: nozzle.rotation.column(2),
            speed: emitter.speed,
            age: (substep + 1) as f64 * dt - emission.secs,
            dt,
        }
    }

    /// Where it is from the nozzle's origin [m], and its velocity, at the end of the substep.
    fn motion(&self) -> (Vec3<f64>, Vec3<f64>) {
        let carried = self.velocity + self.angular_velocity.cross(self.lever);
        let pushed = self.direction * self.speed;
        (self.lever + carried * self.dt + pushed * self.age, carried + pushed)
    }

    /// Cotangent of the nozzle's pose and twist.
    fn motion_adj(&self, bar: &BirthCotangent) -> PoseCotangent {
        let carried_bar = bar.velocity + bar.position * self.dt;
        let direction_bar = (bar.velocity + bar.position * self.age) * self.speed;
        let lever_bar = bar.position + carried_bar.cross(self.angular_velocity);
        PoseCotangent {
            position: bar.position,
            rotation: self.lever.cross(lever_bar) + self.direction.cross(direction_bar),
            velocity: carried_bar,
            angular_velocity: self.lever.cross(carried_bar) + bar.spin,
        }
    }
}
