//! The path through the poses that resolution follows, against differences.

use super::super::Twin;
use super::super::tests::*;
use super::*;
use crate::agents::{Drive, PoseCotangent, field_at, field_at_adj};
use crate::model::{Model, Shape};
use crate::mpm::simulator::{ObservationCotangent, Simulator};
use crate::mpm::state::NO_MUSCLE;

/// The rotation by a vector.
fn turned(by: Vec3<f64>) -> Mat3<f64> {
    let turn = glam::DQuat::from_scaled_axis(glam::DVec3::from_array(by.0));
    let turn = glam::DMat3::from_quat(turn);
    Mat3::from_fn(|i, j| turn.col(j)[i])
}

/// A drive whose ball is nudged at one substep by a small translation, rotation and velocity, times `by`.
fn nudged(drive: &Drive, substep: usize, nudge: &[Vec3<f64>; 3], by: f64) -> Drive {
    let mut drive = drive.clone();
    let pose = &mut drive.poses[substep * drive.collider_count + 1];
    pose.offset += nudge[0] * by;
    pose.rotation = turned(nudge[1] * by) * pose.rotation;
    pose.velocity += nudge[2] * by;
    drive
}

#[test]
fn a_field_has_the_derivative_by_the_poses_of_its_agents() {
    const STEP: f64 = 1e-6;
    let mut random = Random::new(31);
    // Level and steep motion, upwards and down, and rest; with and without what is left of a way.
    let motions = [[0.5, -0.3, 0.1], [0.02, 0.01, -0.6], [0.1, 0.3, 0.5], [0.0; 3]];
    for (motion, linger) in motions.into_iter().flat_map(|m| [0.0, 1.0].map(|l| (m, l))) {
        let mut model = (*scene_with_levels(elastic(), 3)).clone();
        (model.levels.linger, model.levels.blend) = (linger, 0.05);
        let per_control = model.substeps_per_control;
        let mut base = drive(&model, 3);
        for (n, pose) in base.poses.iter_mut().enumerate() {
            pose.rotation = turned(Vec3([0.4, -0.3, 0.7]));
            pose.velocity = Vec3(motion);
            pose.offset += Vec3([0.05, 0.04, -0.03]) * (n / (2 * per_control)) as f64;
        }
        let start = 2 * per_control;
        let field = field_at::<f64>(&model, &base, start);
        assert_eq!(field.reaches.len(), if linger > 0.0 { 3 } else { 1 });
        // Of places in a band: weights of the coarser share and of its gradient.
        let mut places = Vec::new();
        while places.len() < 40 {
            let cell = [0, 1, 2].map(|_| 4 + (random.number() * 6.0) as i32);
            let at = (cell, random.vector(0.5));
            let bar = BlendBar { share: random.number(), gradient: random.vector(0.1) };
            places.extend(field.place(at.0, at.1).1.map(|blend| (at, blend, bar)));
        }
        let value = |drive: &Drive| -> f64 {
            let field = field_at::<f64>(&model, drive, start);
            let one = |((cell, offset), _, bar): &(([i32; 3], _), _, BlendBar<f64>)| {
                let blend = field.place(*cell, *offset).1.expect("still in the band");
                blend.shares[1] * bar.share + blend.gradient(1).dot(bar.gradient)
            };
            places.iter().map(one).sum()
        };
        let mut reaches = vec![ReachBar::ZERO; field.reaches.len()];
        for (at, blend, bar) in &places {
            field.reaches_adj(*at, blend, bar, &mut reaches);
        }
        let mut poses = vec![PoseCotangent::ZERO; base.poses.len()];
        field_at_adj(&model, &base, start, &reaches, &mut poses);
        for step in 0..3 {
            let nudge = [random.vector(0.1), random.vector(1.0), random.vector(1.0)];
            let at = |by: f64| value(&nudged(&base, step * per_control, &nudge, by));
            let difference = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            let bar = &poses[step * per_control * base.collider_count + 1];
            let terms = [
                bar.position.dot(nudge[0]),
                bar.rotation.dot(nudge[1]),
                bar.velocity.dot(nudge[2]),
            ];
            let (sum, size) =
                (terms.iter().sum::<f64>(), terms.iter().map(|t| t.abs()).sum::<f64>());
            assert!(
                (sum - difference).abs() <= 1e-7 * size.max(1.0),
                "{motion:?}, {linger} s, control step {step}: {terms:?} {difference}"
            );
            assert!((size > 1e-3) == (linger > 0.0 || step == 2), "{terms:?}");
        }
    }
}

#[test]
fn a_rollout_has_the_derivative_by_poses_that_levels_follow_if_asked() {
    const SUBSTEPS: usize = 15;
    const STEP: f64 = 1e-5;
    let mut model = (*scene_with_levels(elastic(), 3)).clone();
    // The ball only leads the levels.
    model.colliders[1].shape = Shape::Sphere { radius: 1e-3 };
    model.colliders[1].contact.softness = 0.0;
    (model.levels.linger, model.levels.blend) = (1.0, 0.05);
    model.particles.muscle.fill(NO_MUSCLE);
    let mut base = drive(&model, 3);
    for (n, pose) in base.poses.iter_mut().enumerate() {
        pose.offset += Vec3([0.013, 0.004, -0.006]) * (n / (2 * model.substeps_per_control)) as f64;
        pose.cell[2] += 3;
        // A box that stands straight grows by a turn either way.
        pose.rotation = turned(Vec3([0.1, 0.2, 0.3]));
    }
    let mut random = Random::new(32);
    let nudge = [random.vector(0.1), random.vector(1.0), random.vector(1.0)];
    let count = model.initial.particle_count();
    let seed = ObservationCotangent {
        x: (0..count).map(|_| random.vector(1.0).0).collect(),
        v: (0..count).map(|_| random.vector(1.0).0).collect(),
        ..ObservationCotangent::default()
    };
    let value = |model: &Arc<Model>, drive: &Drive| -> f64 {
        let mut twin = Twin::<f64>::new(model).unwrap();
        twin.drive(drive).unwrap();
        twin.forward(0..SUBSTEPS).unwrap();
        twin.observe(0).unwrap();
        let seen = twin.observation(0).unwrap();
        assert_eq!(seen.x.len(), count, "particles were split or merged");
        let sum = |a: &[[f64; 3]], b: &[[f64; 3]]| -> f64 {
            a.iter().zip(b).map(|(&a, &b)| Vec3(a).dot(Vec3(b))).sum()
        };
        sum(&seen.x, &seed.x) + sum(&seen.v, &seed.v)
    };
    for through_agents in [true, false] {
        model.levels.through_agents = through_agents;
        let model = Arc::new(model.clone());
        let mut twin = Twin::<f64>::new(&model).unwrap();
        twin.drive(&base).unwrap();
        twin.forward_recorded(0..SUBSTEPS).unwrap();
        twin.begin_reverse().unwrap();
        twin.seed(&seed).unwrap();
        twin.reverse(0..SUBSTEPS).unwrap();
        let bars = twin.gradient().unwrap().drive.poses;
        for step in 0..3 {
            let substep = step * model.substeps_per_control;
            let at = |by: f64| value(&model, &nudged(&base, substep, &nudge, by));
            let difference = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            let bar = &bars[substep * base.collider_count + 1];
            let parts = [
                bar.position.dot(nudge[0]),
                bar.rotation.dot(nudge[1]),
                bar.velocity.dot(nudge[2]),
            ];
            let sum: f64 = parts.iter().sum();
            if through_agents {
                let error = (sum - difference).abs() / difference.abs();
                assert!(error <= 1e-6, "control step {step}: {sum} {difference} {error:.1e}");
            } else {
                assert!(sum == 0.0 && difference.abs() > 1e-6, "{sum} {difference}");
            }
        }
    }
}
