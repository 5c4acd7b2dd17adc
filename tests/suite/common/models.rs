//! Models and comparisons that several test files share.

use softscape::agents::{ColliderPose, Drive};
use softscape::math::{Mat3, Vec3};
use softscape::model::*;
use softscape::mpm::state::{NO_MUSCLE, Particles, State, split_position};

/// A model of one body: particles at world positions `x`, one material, nothing else.
pub fn model_of(cell_width: f64, dt: f64, law: Law, density: f64, x: &[[f64; 3]], v: f64) -> Model {
    let n = x.len();
    let mut initial = State {
        cell: vec![[0; 3]; n],
        offset: vec![Vec3([0.0; 3]); n],
        v: vec![Vec3([0.0; 3]); n],
        c: vec![Mat3::zero(); n],
        f: vec![Mat3::identity(); n],
        history: vec![0.0; n],
        ..State::default()
    };
    for (p, x) in x.iter().enumerate() {
        for a in 0..3 {
            let (cell, offset) = split_position(x[a] / cell_width);
            initial.cell[p][a] = cell;
            initial.offset[p][a] = offset;
        }
    }
    Model {
        name: "test".into(),
        cell_width,
        substep_secs: dt,
        substeps_per_control: 1,
        gravity: Vec3([0.0, 0.0, -9.81]),
        origin: [0; 3],
        materials: vec![Material { name: "material".into(), density, law }],
        bodies: vec![Body { name: "body".into(), material: 0, particles: 0..n }],
        colliders: vec![],
        rigid_bodies: vec![],
        emitters: vec![],
        sinks: vec![],
        muscles: vec![],
        actions: vec![],
        particles: Particles {
            mass: vec![density * v; n],
            volume: vec![v; n],
            material: vec![0; n],
            body: vec![0; n],
            muscle: vec![NO_MUSCLE; n],
            level: vec![0; n],
            held: vec![],
        },
        initial,
        levels: Levels::uniform(),
    }
}

/// A collider that keeps its pose and twist, with every axis in metres and world frame.
pub fn collider(name: &str, shape: Shape, contact: Contact, position: [f64; 3]) -> Collider {
    Collider {
        name: name.into(),
        shape,
        contact,
        pose: Pose { position: Vec3(position), rotation: glam::DQuat::IDENTITY },
        velocity: Vec3([0.0; 3]),
        angular_velocity: Vec3([0.0; 3]),
    }
}

/// Every collider where it starts, with its own twist (but not carried along), no activation.
pub fn still_drive(model: &Model, substeps: usize) -> Drive {
    let poses: Vec<ColliderPose> = model.colliders.iter().map(|c| pose_of(model, c)).collect();
    let control_steps = substeps.div_ceil(model.substeps_per_control);
    Drive {
        control_steps,
        collider_count: poses.len(),
        muscle_count: model.muscles.len(),
        substeps_per_control: model.substeps_per_control,
        poses: poses.repeat(control_steps * model.substeps_per_control),
        nozzles: vec![],
        births: vec![],
        activations: vec![0.0; control_steps * model.muscles.len()],
    }
}

fn pose_of(model: &Model, c: &Collider) -> ColliderPose {
    let mut pose = ColliderPose {
        cell: model.origin,
        offset: Vec3([0.0; 3]),
        rotation: rotation(c.pose.rotation),
        velocity: c.velocity,
        angular_velocity: c.angular_velocity,
    };
    for a in 0..3 {
        let (cell, offset) = split_position(c.pose.position[a] / model.cell_width);
        pose.cell[a] += cell;
        pose.offset[a] = offset * model.cell_width;
    }
    pose
}

pub fn rotation(q: glam::DQuat) -> Mat3<f64> {
    let m = glam::DMat3::from_quat(q);
    Mat3::from_fn(|i, j| m.col(j)[i])
}

/// |a - b| / |b|, 2-norm over everything.
pub fn relative_error(a: impl IntoIterator<Item = f64>, b: impl IntoIterator<Item = f64>) -> f64 {
    let (mut difference, mut norm) = (0.0, 0.0);
    for (a, b) in a.into_iter().zip(b) {
        difference += (a - b) * (a - b);
        norm += b * b;
    }
    (difference / norm).sqrt()
}

/// World coordinates of all particles [cells].
pub fn positions(model: &Model, state: &State<f64>) -> Vec<f64> {
    (0..state.particle_count()).flat_map(|p| state.world_position(p, 1.0, model.origin)).collect()
}
