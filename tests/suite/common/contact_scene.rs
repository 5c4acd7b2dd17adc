//! A jittered cube that meets a rough floor and a soft capsule that moves and turns, half of it a
//! muscle: everything that a substep can do, small.

use super::models::{collider, model_of, rotation, still_drive};
use softscape::agents::Drive;
use softscape::math::{Mat3, Vec3};
use softscape::model::*;

/// Particles per axis.
pub const SIDE: usize = 9;

pub const ELASTIC: Law = Law::Elastic { young_modulus: 2e4, poisson_ratio: 0.3 };
pub const LIQUID: Law = Law::Liquid { bulk_modulus: 2e4, tension: true };
pub const SAND: Law =
    Law::Sand { young_modulus: 2e4, poisson_ratio: 0.25, friction_angle: 0.6, cohesion: 0.0 };

/// Numbers in [-1/2, 1/2) that are the same in every run.
pub fn noise(index: usize) -> f64 {
    let mut h = (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    h = (h ^ (h >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    h = (h ^ (h >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((h ^ (h >> 31)) >> 11) as f64 / (1u64 << 53) as f64 - 0.5
}

/// The scene; what is not elastic has no muscle.
pub fn scene(law: Law) -> Model {
    let h = 1.0 / 32.0;
    let mut x = Vec::new();
    for i in 0..SIDE {
        for j in 0..SIDE {
            for k in 0..SIDE {
                let n = 3 * x.len();
                let index = [i, j, k];
                x.push(std::array::from_fn(|a| {
                    0.3 + (index[a] as f64 + 0.5 + 0.3 * noise(n + a)) * h / 2.0
                }));
            }
        }
    }
    let mut model = model_of(h, 2e-4, law, 1000.0, &x, (h / 2.0f64).powi(3));
    model.substeps_per_control = 10;
    let spin = Mat3([[0.0, -3.0, 1.0], [3.0, 0.5, 0.0], [-1.0, 0.0, -0.5]]);
    for (p, x) in x.iter().enumerate() {
        model.initial.v[p] = Vec3([0.4, -0.2, -1.5]) + spin * (Vec3(*x) - Vec3([0.37; 3]));
        model.initial.c[p] = spin;
        let bend = Mat3::from_fn(|a, b| 0.02 * noise(9 * p + 3 * a + b));
        model.initial.f[p] = Mat3::identity() + bend;
    }
    let floor = Contact { mode: ContactMode::Separate, friction: 0.4, softness: 0.0 };
    model.colliders.push(collider("floor", Shape::HalfSpace, floor, [0.0, 0.0, 0.3]));
    let soft = Contact { mode: ContactMode::Separate, friction: 0.3, softness: 1.5 * h };
    let capsule = Shape::Capsule { radius: 0.06, half_length: 0.04 };
    let mut pusher = collider("capsule", capsule, soft, [0.25, 0.37, 0.36]);
    pusher.pose.rotation = glam::DQuat::from_rotation_x(0.7);
    pusher.velocity = Vec3([1.0, 0.2, -0.1]);
    pusher.angular_velocity = Vec3([0.0, 4.0, 2.0]);
    model.colliders.push(pusher);
    if law.spec().family == Family::Elastic {
        let fibre = Vec3([0.6, 0.0, 0.8]);
        model.muscles.push(Muscle { name: "leg".into(), fibre });
        for p in 0..x.len() / 2 {
            model.particles.muscle[p] = 0;
        }
    }
    model
}

/// The capsule carried along by its twist, the muscle pulling harder every control step.
pub fn drive(model: &Model, substeps: usize) -> Drive {
    let mut drive = still_drive(model, substeps);
    let dt = model.substep_secs;
    for substep in 0..drive.substeps() {
        let time = substep as f64 * dt;
        for (c, collider) in model.colliders.iter().enumerate() {
            let pose = &mut drive.poses[substep * model.colliders.len() + c];
            let turn = collider.angular_velocity * time;
            let turn = glam::DQuat::from_scaled_axis(glam::DVec3::from_array(turn.0));
            pose.rotation = rotation(turn * collider.pose.rotation);
            let cells = collider.velocity * (time / model.cell_width);
            for a in 0..3 {
                let at = pose.offset[a] / model.cell_width + cells[a];
                let (shift, offset) = softscape::mpm::state::split_position(at);
                pose.cell[a] += shift;
                pose.offset[a] = offset * model.cell_width;
            }
        }
    }
    for (index, activation) in drive.activations.iter_mut().enumerate() {
        *activation = 300.0 * (index + 1) as f64;
    }
    drive
}
