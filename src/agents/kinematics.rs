//! From actions to the motion of colliders and nozzles, and the derivative back.
//!
//! A collider's twist in a control step is its own constant twist plus what the actions add. The
//! pose *at* substep n (before its velocity acts) is the one that substep n sees:
//! `position(n+1) = position(n) + dt velocity(n)`, `R(n+1) = exp(dt omega(n)) R(n)`.

use super::{ColliderPose, Drive, DriveCotangent, emission};
use crate::math::{Mat3, Vec3};
use crate::model::{ActionTarget, Model, Pose};
use crate::mpm::state::split_position;
use glam::{DMat3, DQuat, DVec3};

/// Poses of all colliders and nozzles at every substep, what comes from the nozzles, and activations of
/// every control step.
///
/// `actions` is `[control_step * action_count + action]` in the units of [`ActionTarget`]; channels
/// with the same target add up.
///
/// # Panics
/// If `actions` does not have `control_steps * model.actions.len()` entries.
pub fn drive(model: &Model, actions: &[f64], control_steps: usize) -> Drive {
    let action_count = model.actions.len();
    assert_eq!(actions.len(), control_steps * action_count, "actions of the wrong shape");
    let (collider_count, muscle_count) = (model.colliders.len(), model.muscles.len());
    let substeps = control_steps * model.substeps_per_control;
    let dt = model.substep_secs;

    let movers = movers(model);
    let mut poses = Vec::with_capacity(substeps * collider_count);
    let mut nozzles = Vec::with_capacity(substeps * model.emitters.len());
    let mut activations = vec![0.0; control_steps * muscle_count];
    let mut position: Vec<_> = movers.iter().map(|m| m.pose.position).collect();
    let mut rotation: Vec<_> = movers.iter().map(|m| m.pose.rotation).collect();
    for step in 0..control_steps {
        let action = &actions[step * action_count..(step + 1) * action_count];
        // What this action commands, held over the control step.
        let mut twist: Vec<_> = movers.iter().map(|m| m.twist).collect();
        for (channel, &value) in model.actions.iter().zip(action) {
            match commanded(model, channel.target) {
                Commanded::Linear { mover, axis } => twist[mover].0[axis] += value,
                Commanded::Angular { mover, axis } => twist[mover].1[axis] += value,
                Commanded::Activation { muscle } => {
                    activations[step * muscle_count + muscle] += value
                }
            }
        }
        let turn: Vec<_> = twist.iter().map(|&(_, omega)| rotation_by(omega * dt)).collect();
        for _ in 0..model.substeps_per_control {
            for k in 0..movers.len() {
                let (velocity, angular_velocity) = twist[k];
                let (cell, offset) = place(model, position[k]);
                let rotation_now = matrix(rotation[k]);
                let list = if k < collider_count { &mut poses } else { &mut nozzles };
                list.push(ColliderPose {
                    cell,
                    offset,
                    rotation: rotation_now,
                    velocity,
                    angular_velocity,
                });
                position[k] += velocity * dt;
                // Rounding in the normalisation must not turn a collider that is at rest.
                if turn[k] != DQuat::IDENTITY {
                    rotation[k] = (turn[k] * rotation[k]).normalize();
                }
            }
        }
    }
    let births = emission::births(model, &nozzles, substeps);
    Drive {
        control_steps,
        collider_count,
        muscle_count,
        substeps_per_control: model.substeps_per_control,
        poses,
        nozzles,
        births,
        activations,
    }
}

/// Cotangent by the actions, `[control_step * action_count + action]`, of what [`drive`] returned.
///
/// With theta a small rotation about world axes, `R(n+1) = exp(dt omega) R(n)` has the tangent
/// `theta(n+1) = exp(dt omega) theta(n) + dt J(dt omega) omega_dot`, J the left Jacobian of the
/// exponential map; the loop below is its transpose, run from the last substep to the first.
///
/// # Panics
/// If the shapes of the arguments differ.
pub fn drive_adj(model: &Model, drive: &Drive, bar: &DriveCotangent) -> Vec<f64> {
    assert_eq!(drive.poses.len(), bar.poses.len(), "pose cotangents of the wrong shape");
    assert_eq!(drive.births.len(), bar.births.len(), "birth cotangents of the wrong shape");
    assert_eq!(drive.activations.len(), bar.activations.len(), "activation cotangents");
    let nozzles_bar = emission::births_adj(model, &drive.nozzles, &drive.births, &bar.births);
    let action_count = model.actions.len();
    let mut actions_bar = vec![0.0; drive.control_steps * action_count];
    let (colliders, emitters) = (drive.collider_count, model.emitters.len());
    // Cotangents of position and rotation of the pose after the present substep.
    let mut position_bar = vec![Vec3::<f64>::zero(); colliders + emitters];
    let mut rotation_bar = vec![Vec3::<f64>::zero(); colliders + emitters];
    let dt = model.substep_secs;
    for step in (0..drive.control_steps).rev() {
        let mut velocity_bar = vec![Vec3::<f64>::zero(); colliders + emitters];
        let mut angular_bar = vec![Vec3::<f64>::zero(); colliders + emitters];
        for substep_in_control in (0..drive.substeps_per_control).rev() {
            let substep = step * drive.substeps_per_control + substep_in_control;
            for k in 0..colliders + emitters {
                let (pose, pose_bar) = match k.checked_sub(colliders) {
                    None => {
                        let index = substep * colliders + k;
                        (&drive.poses[index], &bar.poses[index])
                    }
                    Some(emitter) => {
                        let index = substep * emitters + emitter;
                        (&drive.nozzles[index], &nozzles_bar[index])
                    }
                };
                let turn = pose.angular_velocity * dt;
                velocity_bar[k] += pose_bar.velocity + position_bar[k] * dt;
                angular_bar[k] += pose_bar.angular_velocity
                    + left_jacobian(turn).transpose() * rotation_bar[k] * dt;
                position_bar[k] += pose_bar.position;
                rotation_bar[k] =
                    pose_bar.rotation + matrix(rotation_by(turn)).transpose() * rotation_bar[k];
            }
        }
        for (index, channel) in model.actions.iter().enumerate() {
            actions_bar[step * action_count + index] = match commanded(model, channel.target) {
                Commanded::Linear { mover, axis } => velocity_bar[mover][axis],
                Commanded::Angular { mover, axis } => angular_bar[mover][axis],
                Commanded::Activation { muscle } => {
                    bar.activations[step * drive.muscle_count + muscle]
                }
            };
        }
    }
    actions_bar
}

/// What has a pose: the colliders, then the nozzles.
struct Mover {
    pose: Pose,
    /// Velocity and angular velocity that actions add to.
    twist: (Vec3<f64>, Vec3<f64>),
}

fn movers(model: &Model) -> Vec<Mover> {
    let colliders = model.colliders.iter();
    let colliders =
        colliders.map(|c| Mover { pose: c.pose, twist: (c.velocity, c.angular_velocity) });
    let emitters = model.emitters.iter();
    let emitters =
        emitters.map(|e| Mover { pose: e.pose, twist: (e.velocity, e.angular_velocity) });
    colliders.chain(emitters).collect()
}

/// What an action channel adds to.
enum Commanded {
    Linear { mover: usize, axis: usize },
    Angular { mover: usize, axis: usize },
    Activation { muscle: usize },
}

fn commanded(model: &Model, target: ActionTarget) -> Commanded {
    let colliders = model.colliders.len();
    match target {
        ActionTarget::LinearVelocity { collider, axis } => {
            Commanded::Linear { mover: collider, axis }
        }
        ActionTarget::AngularVelocity { collider, axis } => {
            Commanded::Angular { mover: collider, axis }
        }
        ActionTarget::EmitterVelocity { emitter, axis } => {
            Commanded::Linear { mover: colliders + emitter, axis }
        }
        ActionTarget::EmitterAngularVelocity { emitter, axis } => {
            Commanded::Angular { mover: colliders + emitter, axis }
        }
        ActionTarget::Activation { muscle } => Commanded::Activation { muscle },
    }
}

/// Node and offset [m] of a position relative to the model's origin. The split does not see the
/// origin, so a shift of the world by whole cells leaves every offset's bits alone.
fn place(model: &Model, position: Vec3<f64>) -> ([i32; 3], Vec3<f64>) {
    let h = model.cell_width;
    let split: [(i32, f64); 3] = std::array::from_fn(|a| split_position(position[a] / h));
    let cell = std::array::from_fn(|a| model.origin[a].saturating_add(split[a].0));
    (cell, Vec3::from_fn(|a| without_round_off(split[a].1) * h))
}

/// What division and rotation leave where a zero is meant is zero. A wall that is written to lie on
/// a plane of nodes has to hold those nodes, which a distance of 1e-17 would put outside.
fn without_round_off(value: f64) -> f64 {
    const ROUND_OFF: f64 = 1e-12;
    if value.abs() < ROUND_OFF { 0.0 } else { value }
}

/// Rotation by a rotation vector [rad].
fn rotation_by(turn: Vec3<f64>) -> DQuat {
    DQuat::from_scaled_axis(DVec3::from_array(turn.0))
}

fn matrix(rotation: DQuat) -> Mat3<f64> {
    let m = DMat3::from_quat(rotation);
    Mat3::from_fn(|i, j| without_round_off(m.col(j)[i]))
}

/// J(phi) with `exp([phi + e]) = exp([J e]) exp([phi])` to first order in e:
/// `I + (1 - cos a)/a² [phi] + (a - sin a)/a³ [phi]²`, a = |phi|.
fn left_jacobian(phi: Vec3<f64>) -> Mat3<f64> {
    // Below this angle the closed forms cancel; the next series term is below a⁴/7! ~ 1e-20.
    const SERIES_BELOW: f64 = 1e-2;
    let angle_squared = phi.norm_squared();
    let angle = angle_squared.sqrt();
    let (first, second) = if angle < SERIES_BELOW {
        let a2 = angle_squared;
        (0.5 - a2 / 24.0 + a2 * a2 / 720.0, 1.0 / 6.0 - a2 / 120.0 + a2 * a2 / 5040.0)
    } else {
        ((1.0 - angle.cos()) / angle_squared, (angle - angle.sin()) / (angle_squared * angle))
    };
    let cross = Mat3::cross_matrix(phi);
    Mat3::identity() + cross * first + cross * cross * second
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_on_a_plane_of_nodes_lies_on_it_exactly_whichever_way_it_faces() {
        let width = 0.1 / 12.0;
        for axis in [DVec3::X, DVec3::Y, DVec3::Z] {
            for normal in [axis, -axis] {
                let turned = matrix(DQuat::from_rotation_arc(DVec3::Z, normal)).column(2);
                let zeros = (0..3).filter(|&a| turned[a] == 0.0).count();
                assert_eq!(zeros, 2, "{turned:?}");
            }
        }
        let model = Model { cell_width: width, ..model() };
        for cells in [-7, 5, 12, 1_000] {
            let position = Vec3([f64::from(cells) * width, 0.0, 0.0]);
            assert_eq!(place(&model, position).1, Vec3::zero(), "{cells} cells");
        }
    }

    use crate::agents::{Birth, BirthCotangent, PoseCotangent};
    use crate::model::{
        ActionChannel, Body, Collider, Contact, ContactMode, Emission, Emitter, Muscle, Opening,
        Shape,
    };
    use crate::mpm::state::{Particles, State};

    /// A turning, moving, fully actuated collider, a nozzle likewise, and a muscle with two channels.
    fn model() -> Model {
        let channel = |name: &str, target| ActionChannel {
            name: name.into(),
            target,
            lower: -10.0,
            upper: 10.0,
        };
        let mut actions: Vec<_> = (0..3)
            .flat_map(|axis| {
                [
                    channel("linear", ActionTarget::LinearVelocity { collider: 1, axis }),
                    channel("angular", ActionTarget::AngularVelocity { collider: 1, axis }),
                ]
            })
            .collect();
        actions.extend((0..3).flat_map(|axis| {
            [
                channel("pour", ActionTarget::EmitterVelocity { emitter: 0, axis }),
                channel("swing", ActionTarget::EmitterAngularVelocity { emitter: 0, axis }),
            ]
        }));
        actions.push(channel("activation", ActionTarget::Activation { muscle: 0 }));
        actions.push(channel("activation", ActionTarget::Activation { muscle: 0 }));
        let collider = |name: &str, position, velocity, angular_velocity| Collider {
            name: name.into(),
            shape: Shape::Sphere { radius: 0.1 },
            contact: Contact { mode: ContactMode::Sticky, friction: 0.0, softness: 0.0 },
            pose: Pose { position: Vec3(position), rotation: DQuat::from_rotation_x(0.3) },
            velocity: Vec3(velocity),
            angular_velocity: Vec3(angular_velocity),
        };
        Model {
            name: "kinematics".into(),
            cell_width: 1.0 / 64.0,
            substep_secs: 2e-2,
            substeps_per_control: 5,
            gravity: Vec3::zero(),
            origin: [0; 3],
            materials: vec![],
            bodies: vec![Body { name: "nozzle".into(), material: 0, particles: 0..EMITTED }],
            colliders: vec![
                collider("fixed", [0.1, 0.2, 0.3], [0.0; 3], [0.0; 3]),
                collider("driven", [-0.4, 0.7, 0.2], [0.3, -0.1, 0.2], [0.5, 2.0, -1.0]),
            ],
            rigid_bodies: vec![],
            emitters: vec![Emitter {
                name: "nozzle".into(),
                body: 0,
                opening: Opening::Disc { radius: 0.1 },
                pose: Pose {
                    position: Vec3([0.3, -0.2, 0.9]),
                    rotation: DQuat::from_rotation_y(2.5),
                },
                velocity: Vec3([0.2, 0.4, -0.3]),
                angular_velocity: Vec3([-1.0, 0.5, 1.5]),
                speed: 1.7,
                emissions: (0..EMITTED)
                    .map(|i| Emission {
                        secs: 0.013 * (i as f64 + 0.5),
                        point: [0.07 * noise(i), 0.07 * noise(50 + i)],
                    })
                    .collect(),
            }],
            sinks: vec![],
            muscles: vec![Muscle { name: "muscle".into(), fibre: Vec3([1.0, 0.0, 0.0]) }],
            actions,
            particles: Particles { body: vec![0; EMITTED], ..Particles::default() },
            initial: State::default(),
            levels: crate::model::Levels::uniform(),
        }
    }

    /// Particles of the nozzle: some come within the 4 control steps of a test, some would later.
    const EMITTED: usize = 40;

    /// Numbers in [-1, 1] without a generator.
    fn noise(index: usize) -> f64 {
        ((index as f64 + 1.0) * 12.9898).sin()
    }

    fn position(model: &Model, pose: &ColliderPose) -> Vec3<f64> {
        Vec3::from_fn(|a| {
            f64::from(pose.cell[a] - model.origin[a]) * model.cell_width + pose.offset[a]
        })
    }

    /// Rotation vector that carries `from` to `to`.
    fn rotation_between(from: &Mat3<f64>, to: &Mat3<f64>) -> Vec3<f64> {
        // For central differences: the odd part of R, exact to third order in the angle.
        (*to * from.transpose()).axial() * 0.5
    }

    #[test]
    fn a_pose_is_the_integral_of_the_twists_before_it() {
        let model = model();
        let actions = vec![0.0; 3 * model.actions.len()];
        let drive = drive(&model, &actions, 3);
        let last = drive.poses_at(14)[1];
        let secs = 14.0 * model.substep_secs;
        let expected = model.colliders[1].pose.position + model.colliders[1].velocity * secs;
        let turned = rotation_by(model.colliders[1].angular_velocity * secs)
            * model.colliders[1].pose.rotation;
        for a in 0..3 {
            assert!((position(&model, &last)[a] - expected[a]).abs() < 1e-14);
            for b in 0..3 {
                assert!((last.rotation[(a, b)] - matrix(turned)[(a, b)]).abs() < 1e-14);
            }
        }
        assert_eq!(drive.poses_at(14)[0], drive.poses_at(0)[0]);
        assert_eq!(position(&model, &drive.poses_at(0)[1]), model.colliders[1].pose.position);
    }

    #[test]
    fn a_shift_of_the_origin_by_cells_changes_only_the_cells() {
        let mut model = model();
        let actions: Vec<_> = (0..4 * model.actions.len()).map(noise).collect();
        let here = drive(&model, &actions, 4);
        model.origin = [1 << 20, -(1 << 21), 17];
        let there = drive(&model, &actions, 4);
        for (a, b) in here.poses.iter().zip(&there.poses) {
            assert_eq!(a.offset, b.offset);
            assert_eq!(a.rotation, b.rotation);
            for axis in 0..3 {
                assert_eq!(a.cell[axis] + model.origin[axis], b.cell[axis]);
            }
        }
        for (a, b) in here.births.iter().zip(&there.births) {
            assert_eq!((a.offset, a.velocity), (b.offset, b.velocity));
            for axis in 0..3 {
                assert_eq!(a.cell[axis] + model.origin[axis], b.cell[axis]);
            }
        }
    }

    #[test]
    fn the_adjoint_agrees_with_central_differences() {
        // Central differences of step h: h²/6 third derivatives plus 1e-16/h of round-off.
        const STEP: f64 = 1e-5;
        const TOLERANCE: f64 = 1e-8;
        let model = model();
        let control_steps = 4;
        let actions: Vec<_> =
            (0..control_steps * model.actions.len()).map(|i| 3.0 * noise(i)).collect();
        let base = drive(&model, &actions, control_steps);
        let weights = |index: usize| Vec3::from_fn(|a| noise(7 * index + a));
        let bar = DriveCotangent {
            poses: (0..base.poses.len())
                .map(|i| PoseCotangent {
                    position: weights(4 * i),
                    rotation: weights(4 * i + 1),
                    velocity: weights(4 * i + 2),
                    angular_velocity: weights(4 * i + 3),
                })
                .collect(),
            births: (0..base.births.len())
                .map(|i| BirthCotangent {
                    position: weights(1000 + 3 * i),
                    velocity: weights(1001 + 3 * i),
                    spin: weights(1002 + 3 * i),
                })
                .collect(),
            activations: (0..base.activations.len()).map(noise).collect(),
        };
        assert!((10..EMITTED).contains(&base.births.len()), "{}", base.births.len());
        let born = |birth: &Birth| {
            Vec3::from_fn(|a| (f64::from(birth.cell[a]) + birth.offset[a]) * model.cell_width)
        };
        // The linear functional that `bar` is the derivative of, along base -> other.
        let functional = |other: &Drive| {
            let poses = base.poses.iter().zip(&other.poses).zip(&bar.poses);
            let mut sum: f64 = poses
                .map(|((from, to), bar)| {
                    bar.position.dot(position(&model, to) - position(&model, from))
                        + bar.rotation.dot(rotation_between(&from.rotation, &to.rotation))
                        + bar.velocity.dot(to.velocity - from.velocity)
                        + bar.angular_velocity.dot(to.angular_velocity - from.angular_velocity)
                })
                .sum();
            let births = base.births.iter().zip(&other.births).zip(&bar.births);
            sum += births
                .map(|((from, to), bar)| {
                    bar.position.dot(born(to) - born(from))
                        + bar.velocity.dot(to.velocity - from.velocity)
                        + bar.spin.dot(to.spin - from.spin)
                })
                .sum::<f64>();
            for (a, b) in other.activations.iter().zip(&bar.activations) {
                sum += a * b;
            }
            sum
        };
        let gradient = drive_adj(&model, &base, &bar);
        let scale = gradient.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        for i in 0..actions.len() {
            let moved = |by: f64| {
                let mut actions = actions.clone();
                actions[i] += by;
                functional(&drive(&model, &actions, control_steps))
            };
            let difference = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
            let error = (difference - gradient[i]).abs() / scale;
            assert!(error < TOLERANCE, "action {i}: {} against {difference}", gradient[i]);
        }
    }

    #[test]
    fn the_left_jacobian_is_continuous_where_the_series_takes_over() {
        let direction = Vec3([0.6, -0.48, 0.64]);
        let (below, above) =
            (left_jacobian(direction * (1e-2 - 1e-12)), left_jacobian(direction * (1e-2 + 1e-12)));
        for a in 0..3 {
            for b in 0..3 {
                assert!((below[(a, b)] - above[(a, b)]).abs() < 1e-11);
            }
        }
    }
}
