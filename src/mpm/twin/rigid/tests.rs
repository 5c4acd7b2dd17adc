//! The adjoint of every stage of rigid bodies against dual numbers, and mechanics with known ends.

use super::super::blocks::sort;
use super::super::context::Command;
use super::super::grid_update::{Solids, grid_update, grid_update_adj};
use super::super::tests::*;
use super::super::tiles::Scratch;
use super::super::*;
use super::*;
use crate::agents::Drive;
use crate::math::{Dual, Quad};
use crate::model::{
    Collider, ContactMode, HeightField, Law, Mesh, MeshShape, Pose, RigidBody, Shape,
};
use crate::scene::Triangles;
use glam::DQuat;

const ROUGH: Contact = Contact { mode: ContactMode::Separate, friction: 0.5, softness: 0.0 };

/// The particles of the other stages' tests, among them five bodies that touch floor, ball, ground,
/// particles and one another, all moving and turning; one with its centre of mass aside, one of
/// triangles.
fn with_bodies(law: Law) -> Arc<Model> {
    let mut model = (*scene(law)).clone();
    let soft = Contact { softness: 0.1, friction: 0.3, ..ROUGH };
    let shapes = [
        (Shape::Box { half_extents: Vec3([0.11, 0.09, 0.05]) }, ROUGH, [0.41, 0.43, 0.375], 3.0),
        (Shape::Sphere { radius: 0.08 }, ROUGH, [0.42, 0.41, 0.48], 1.0),
        (Shape::Capsule { radius: 0.05, half_length: 0.08 }, soft, [0.55, 0.30, 0.37], 1.5),
        (Shape::Cylinder { radius: 0.1, half_length: 0.06 }, ROUGH, [0.33, 0.55, 0.38], 2.0),
        (wedge(), soft, [0.46, 0.44, 0.33], 2.5),
    ];
    let heights = [0.01, -0.02, 0.0, 0.03, 0.0, 0.02, -0.01, 0.02, 0.01, 0.0, 0.02, 0.0];
    model.colliders.push(Collider {
        name: "ground".into(),
        shape: Shape::HeightField(Arc::new(HeightField::new([1.0, 0.6], [4, 3], &heights))),
        contact: Contact { softness: 0.05, ..ROUGH },
        pose: Pose { position: Vec3([0.5, 0.4, 0.33]), rotation: DQuat::IDENTITY },
        velocity: Vec3([0.2, -0.1, 0.1]),
        angular_velocity: Vec3([0.1, 0.2, -0.3]),
    });
    let turns = [DQuat::from_rotation_x(0.1), DQuat::IDENTITY, DQuat::from_rotation_y(1.4)];
    for (k, (shape, contact, position, mass)) in shapes.into_iter().enumerate() {
        let mut body = RigidBody::uniform(&format!("body {k}"), shape, mass, contact);
        if k == 0 {
            body.centre_of_mass = Vec3([0.02, -0.01, 0.015]);
        }
        let s = k as f64;
        let turn = turns.get(k).copied().unwrap_or(DQuat::from_rotation_z(0.5));
        let pose = Pose { position: Vec3(position), rotation: turn };
        let twist = [Vec3([0.3 - 0.2 * s, 0.1 * s, -0.4]), Vec3([1.0 + s, -2.0, 0.7 * s])];
        model.initial.rigid.push(body.motion(&pose, twist, model.cell_width, model.origin));
        model.rigid_bodies.push(body);
    }
    Arc::new(model)
}

/// A wedge of triangles, coarsely sampled.
fn wedge() -> Shape {
    let corners = [[-0.1, -0.06, -0.05], [0.1, -0.06, -0.05], [-0.1, -0.06, 0.08]];
    let across = corners.map(|[x, _, z]| [x, 0.06, z]);
    let triangles =
        [[0, 1, 2], [3, 5, 4], [0, 3, 4], [0, 4, 1], [1, 4, 5], [1, 5, 2], [2, 5, 3], [2, 3, 0]];
    let file = Triangles::new([corners, across].concat(), triangles.to_vec()).unwrap();
    Shape::Mesh(Arc::new(MeshShape::new(Arc::new(Mesh::new(&file, 1.0)), 0.3, 0.03)))
}

fn random_rigid(random: &mut Random) -> RigidCotangent<f64> {
    RigidCotangent {
        position: random.vector(1.0),
        rotation: random.vector(1.0),
        velocity: random.vector(1.0),
        angular_velocity: random.vector(1.0),
    }
}

fn dual_vector(v: Vec3<f64>, dot: Vec3<f64>) -> Vec3<Dual> {
    Vec3::from_fn(|i| Dual::new(v[i], dot[i]))
}

/// The motion with a tangent.
fn dual_motion(motion: &RigidMotion<f64>, dot: &RigidCotangent<f64>) -> RigidMotion<Dual> {
    let q = DQuat::from_array(motion.rotation);
    let [x, y, z] = (dot.rotation * 0.5).0;
    let q_dot = (DQuat::from_xyzw(x, y, z, 0.0) * q).to_array();
    RigidMotion {
        cell: motion.cell,
        offset: dual_vector(motion.offset, dot.position * (1.0 / H)),
        rotation: std::array::from_fn(|i| Dual::new(motion.rotation[i], q_dot[i])),
        velocity: dual_vector(motion.velocity, dot.velocity),
        angular_velocity: dual_vector(motion.angular_velocity, dot.angular_velocity),
    }
}

fn tangent(v: Vec3<Dual>) -> Vec3<f64> {
    Vec3(v.0.map(|d| d.eps))
}

fn pair_motion(pairing: &mut Pairing, motion: &RigidMotion<Dual>, bar: &RigidCotangent<f64>) {
    let q = DQuat::from_array(motion.rotation.map(|d| d.re));
    let q_dot = DQuat::from_array(motion.rotation.map(|d| d.eps));
    let theta = (q_dot * q.conjugate()).to_array();
    pairing.vector(tangent(motion.offset) * H, bar.position);
    pairing.vector(Vec3([theta[0], theta[1], theta[2]]) * 2.0, bar.rotation);
    pairing.vector(tangent(motion.velocity), bar.velocity);
    pairing.vector(tangent(motion.angular_velocity), bar.angular_velocity);
}

fn pair_solid(pairing: &mut Pairing, solid: &ColliderAt<Dual>, bar: &PoseBar<f64>) {
    let re = Mat3(solid.rotation.0.map(|row| row.map(|d| d.re)));
    let dot = Mat3(solid.rotation.0.map(|row| row.map(|d| d.eps)));
    pairing.vector(tangent(solid.offset), bar.position);
    pairing.vector((dot * re.transpose()).axial() * 0.5, bar.rotation);
    pairing.vector(tangent(solid.velocity), bar.velocity);
    pairing.vector(tangent(solid.angular_velocity), bar.angular_velocity);
}

fn random_bar(random: &mut Random) -> PoseBar<f64> {
    PoseBar {
        position: random.vector(1.0),
        rotation: random.vector(1.0),
        velocity: random.vector(1.0),
        angular_velocity: random.vector(1.0),
    }
}

/// Gives a collider a tangent.
fn seed_solid(solid: &mut ColliderAt<Dual>, dot: &PoseBar<f64>) {
    let seed = |v: &mut Vec3<Dual>, dot: Vec3<f64>| {
        *v = Vec3::from_fn(|i| Dual::new(v[i].re, dot[i]));
    };
    seed(&mut solid.offset, dot.position);
    seed(&mut solid.velocity, dot.velocity);
    seed(&mut solid.angular_velocity, dot.angular_velocity);
    let turn = Mat3::cross_matrix(dot.rotation) * Mat3(solid.rotation.0.map(|r| r.map(|d| d.re)));
    solid.rotation = Mat3::from_fn(|i, j| Dual::new(solid.rotation.0[i][j].re, turn.0[i][j]));
}

/// Masses and inertias with tangents, which are returned.
fn seed_masses(ctx: &mut Context<Dual>, random: &mut Random) -> Vec<MassBar<f64>> {
    let mut dots = Vec::new();
    for body in &mut ctx.rigid {
        let dot = MassBar { mass: random.number(), inertia: random.matrix(0.01).symmetric_part() };
        body.mass.eps = dot.mass;
        body.inertia =
            Mat3::from_fn(|i, j| Dual::new(body.inertia.0[i][j].re, dot.inertia.0[i][j]));
        dots.push(dot);
    }
    dots
}

fn pair_masses(pairing: &mut Pairing, dots: &[MassBar<f64>], bars: &[MassBar<f64>]) {
    for (dot, bar) in dots.iter().zip(bars) {
        pairing.add(dot.mass, bar.mass);
        pairing.matrix(dot.inertia, bar.inertia);
    }
}

#[test]
fn rigid_predict_adj_is_the_transpose_of_rigid_predict() {
    let model = with_bodies(laws()[0]);
    let mut random = Random::new(11);
    let bodies = model.rigid_bodies.len();
    let motion_dots: Vec<_> = (0..bodies).map(|_| random_rigid(&mut random)).collect();
    let mut dual_ctx = Context::<Dual>::new(&model);
    let mass_dots = seed_masses(&mut dual_ctx, &mut random);
    let drive = drive(&model, 1);
    let mut command = Command::<Dual>::at(&model, &drive, 0);
    let mut collider_dots = Vec::new();
    for collider in &mut command.colliders {
        let dot = random_bar(&mut random);
        seed_solid(collider, &dot);
        collider_dots.push(dot);
    }
    let motions: Vec<_> =
        model.initial.rigid.iter().zip(&motion_dots).map(|(m, dot)| dual_motion(m, dot)).collect();
    let dual = rigid_predict(&dual_ctx, &command.colliders, &motions);

    let ctx = Context::<f64>::new(&model);
    let command = Command::<f64>::at(&model, &drive, 0);
    let twist_bars: Vec<_> = (0..bodies)
        .map(|_| Twist { velocity: random.vector(1.0), angular_velocity: random.vector(1.0) })
        .collect();
    let solid_bars: Vec<_> = (0..bodies).map(|_| random_bar(&mut random)).collect();
    let mut bars = vec![RigidBar::zero(); bodies];
    let mut collider_bars = vec![PoseBar::zero(); command.colliders.len()];
    rigid_predict_adj(
        &ctx,
        &command.colliders,
        &model.initial.rigid,
        (&twist_bars, &solid_bars),
        &mut bars,
        &mut collider_bars,
    );
    assert!(collider_bars.iter().all(|b| b.velocity.norm_squared() > 0.0), "a collider was missed");

    let (mut forward, mut backward) = (Pairing::default(), Pairing::default());
    for b in 0..bodies {
        forward.vector(tangent(dual.twists[b].velocity), twist_bars[b].velocity);
        forward.vector(tangent(dual.twists[b].angular_velocity), twist_bars[b].angular_velocity);
        pair_solid(&mut forward, &dual.solids[b], &solid_bars[b]);
        pair_motion(&mut backward, &motions[b], &bars[b].motion);
    }
    for (dot, bar) in collider_dots.iter().zip(&collider_bars) {
        backward.vector(dot.position, bar.position);
        backward.vector(dot.rotation, bar.rotation);
        backward.vector(dot.velocity, bar.velocity);
        backward.vector(dot.angular_velocity, bar.angular_velocity);
    }
    pair_masses(&mut backward, &mass_dots, &bars.iter().map(|b| b.mass).collect::<Vec<_>>());
    assert_dual("rigid_predict", forward, backward);
}

#[test]
fn rigid_update_adj_is_the_transpose_of_rigid_update() {
    let model = with_bodies(laws()[0]);
    let mut random = Random::new(12);
    let mut dual_ctx = Context::<Dual>::new(&model);
    let mass_dots = seed_masses(&mut dual_ctx, &mut random);
    let ctx = Context::<f64>::new(&model);
    for (b, motion) in model.initial.rigid.iter().enumerate() {
        let pair = |random: &mut Random| (random.vector(1.0), random.vector(1.0));
        let ((v, v_dot), (w, w_dot)) = (pair(&mut random), pair(&mut random));
        let ((p, p_dot), (l, l_dot)) = (pair(&mut random), pair(&mut random));
        let motion_dot = random_rigid(&mut random);
        let dual = dual_motion(motion, &motion_dot);
        // Fast enough that the turn of one substep counts.
        let w = w * 100.0;
        let after = rigid_update(
            &dual_ctx,
            &dual_ctx.rigid[b],
            &dual,
            Twist { velocity: dual_vector(v, v_dot), angular_velocity: dual_vector(w, w_dot) },
            Impulse { linear: dual_vector(p, p_dot), angular: dual_vector(l * 0.01, l_dot) },
        );
        let after_bar = random_rigid(&mut random);
        let (bar, twist_bar, impulse_bar) = rigid_update_adj(
            &ctx,
            &ctx.rigid[b],
            motion,
            Twist { velocity: v, angular_velocity: w },
            Impulse { linear: p, angular: l * 0.01 },
            &after_bar,
        );
        let (mut forward, mut backward) = (Pairing::default(), Pairing::default());
        pair_motion(&mut forward, &after, &after_bar);
        pair_motion(&mut backward, &dual, &bar.motion);
        backward.vector(v_dot, twist_bar.velocity);
        backward.vector(w_dot, twist_bar.angular_velocity);
        backward.vector(p_dot, impulse_bar.linear);
        backward.vector(l_dot, impulse_bar.angular);
        pair_masses(&mut backward, &mass_dots[b..=b], &[bar.mass]);
        assert_dual(&format!("rigid_update of body {b}"), forward, backward);
    }
}

#[test]
fn grid_update_adj_is_the_transpose_by_nodes_bodies_and_what_these_are_given() {
    let model = with_bodies(laws()[0]);
    let mut random = Random::new(13);
    let drive = drive(&model, 1);
    let sorted = sort(&stored(&model), &Arc::default());
    let blocks = sorted.blocks.node_keys.len();
    let (momentum, dual_momentum, momentum_dot) = random_momenta(&mut random, blocks);
    let (ctx, dual_ctx) = (Context::<f64>::new(&model), Context::<Dual>::new(&model));
    let motions: Vec<RigidMotion<Dual>> = model.initial.rigid.iter().map(|m| m.cast()).collect();
    let dual_command = Command::<Dual>::at(&model, &drive, 0);
    let mut predicted = rigid_predict(&dual_ctx, &dual_command.colliders, &motions);
    let mut dots = Vec::new();
    for solid in &mut predicted.solids {
        let dot = random_bar(&mut random);
        seed_solid(solid, &dot);
        dots.push(dot);
    }
    let solids = Solids::new(&predicted.solids, &dual_command);
    let (velocities, given) =
        grid_update(&dual_ctx, solids, &sorted, &dual_momentum, &mut Scratch::new());

    let command = Command::<f64>::at(&model, &drive, 0);
    let predicted = rigid_predict(&ctx, &command.colliders, &model.initial.rigid);
    let solids = Solids::new(&predicted.solids, &command);
    let velocity_bar = random_grid(&mut random, blocks, [1.0, 1.0, 1.0, 0.0]);
    let given_bars: Vec<_> = (0..given.len())
        .map(|_| Impulse { linear: random.vector(1.0), angular: random.vector(1.0) })
        .collect();
    let bars = (&velocity_bar, &given_bars[..]);
    let (grid_bar, pose_bars) =
        grid_update_adj(&ctx, solids, &sorted, &momentum, bars, &mut Scratch::new());

    let (mut forward, mut backward) = (Pairing::default(), Pairing::default());
    forward.grids(&velocities, &velocity_bar);
    for (impulse, bar) in given.iter().zip(&given_bars) {
        assert!(impulse.linear.norm_squared().re > 0.0, "a body met no node");
        forward.vector(tangent(impulse.linear), bar.linear);
        forward.vector(tangent(impulse.angular), bar.angular);
    }
    for (a, b) in momentum_dot.iter().flatten().zip(grid_bar.iter().flatten()) {
        let (a, b) = (a.array(), b.array());
        (0..4).for_each(|n| backward.add(a[n], b[n]));
    }
    for (dot, bar) in dots.iter().zip(&pose_bars) {
        backward.vector(dot.position, bar.position);
        backward.vector(dot.rotation, bar.rotation);
        backward.vector(dot.velocity, bar.velocity);
        backward.vector(dot.angular_velocity, bar.angular_velocity);
    }
    assert_dual("grid_update with bodies", forward, backward);
}

#[test]
fn twenty_substeps_with_bodies_back_are_the_transpose_of_twenty_forward() {
    const SUBSTEPS: usize = 20;
    for law in laws() {
        let (model, mut random) = (with_bodies(law), Random::new(14));
        let drive = drive(&model, 4);
        let count = model.initial.particle_count();
        let direction = random_direction(&mut random, count);
        let bodies = model.rigid_bodies.len();
        let dots: Vec<_> = (0..bodies).map(|_| random_rigid(&mut random)).collect();
        let mut dual = Twin::<Dual>::new(&model).unwrap();
        let mass_dots = seed_masses(&mut dual.ctx, &mut random);
        let mut start = dual_state(&model.initial, &direction);
        let motions = model.initial.rigid.iter().zip(&dots);
        start.rigid = motions.map(|(motion, dot)| dual_motion(motion, dot)).collect();
        dual.load_scalar(start.clone());
        dual.drive(&drive).unwrap();
        dual.forward(0..SUBSTEPS).unwrap();
        let end = dual.read_scalar();

        let mut twin = Twin::<f64>::new(&model).unwrap();
        twin.drive(&drive).unwrap();
        twin.forward_recorded(0..SUBSTEPS).unwrap();
        let seed = ObservationCotangent {
            x: (0..count).map(|_| random.vector(1.0).0).collect(),
            v: (0..count).map(|_| random.vector(1.0).0).collect(),
            rigid: (0..bodies).map(|_| random_rigid(&mut random)).collect(),
        };
        twin.begin_reverse().unwrap();
        twin.seed(&seed).unwrap();
        twin.reverse(0..SUBSTEPS).unwrap();
        let gradient = twin.gradient().unwrap();

        let (mut forward, mut backward) = (Pairing::default(), Pairing::default());
        for p in 0..count {
            forward.vector(tangent(end.offset[p]) * H, Vec3(seed.x[p]));
            forward.vector(tangent(end.v[p]), Vec3(seed.v[p]));
        }
        let ids: Vec<u32> = (0..count as u32).collect();
        backward.directions(&direction, &ids, &gradient.initial);
        for b in 0..bodies {
            pair_motion(&mut forward, &end.rigid[b], &seed.rigid[b]);
            pair_motion(&mut backward, &start.rigid[b], &gradient.initial.rigid[b]);
            backward.add(mass_dots[b].mass, gradient.rigid[b].mass);
            backward.matrix(mass_dots[b].inertia, gradient.rigid[b].inertia);
        }
        assert_dual(&format!("{SUBSTEPS} substeps with bodies, {law:?}"), forward, backward);
    }
}

/// The bodies alone: a particle far away, so that there is a state.
fn alone(bodies: Vec<(RigidBody, Pose, [Vec3<f64>; 2])>, colliders: Vec<Collider>) -> Model {
    let mut model = (*scene(laws()[1])).clone();
    model.initial.cell.iter_mut().for_each(|cell| cell[2] += 1000);
    model.colliders = colliders;
    model.gravity = Vec3([0.0, 0.0, -10.0]);
    model.initial.rigid.clear();
    for (body, pose, twist) in bodies {
        model.initial.rigid.push(body.motion(&pose, twist, model.cell_width, model.origin));
        model.rigid_bodies.push(body);
    }
    model
}

fn run(model: Model, substeps: usize) -> Vec<RigidMotion<f64>> {
    let model = Arc::new(model);
    let mut twin = Twin::<f64>::new(&model).unwrap();
    let drive: Drive = drive(&model, substeps.div_ceil(model.substeps_per_control));
    twin.drive(&drive).unwrap();
    twin.forward(0..substeps).unwrap();
    twin.read().unwrap().rigid
}

#[test]
fn a_free_body_keeps_its_angular_momentum_and_nearly_its_energy() {
    let shape = Shape::Box { half_extents: Vec3([0.3, 0.2, 0.1]) };
    let body = RigidBody::uniform("box", shape, 2.0, ROUGH);
    // Near the middle axis: it tumbles.
    let spin = Vec3([0.1, 10.0, 0.05]);
    let start = Pose::at(Vec3([0.0, 0.0, 1.0]));
    let mut model = alone(vec![(body.clone(), start, [Vec3([1.0, 0.0, 0.0]), spin])], vec![]);
    model.gravity = Vec3::zero();
    let before = model.initial.rigid[0];
    let after = run(model, 3000)[0];
    let momentum = |m: &RigidMotion<f64>| {
        turned(&body.inertia, &quaternion_matrix(m.rotation), m.angular_velocity)
    };
    let energy = |m: &RigidMotion<f64>| 0.5 * momentum(m).dot(m.angular_velocity);
    let drift = (momentum(&after) - momentum(&before)).norm_squared().sqrt();
    assert!(drift < 1e-10 * momentum(&before).norm_squared().sqrt(), "{drift:e}");
    // First order in the turn of a substep, 0.01 rad, over 30 rad.
    assert!((energy(&after) / energy(&before) - 1.0).abs() < 0.05);
    assert!((after.angular_velocity - spin).norm_squared() > 1.0, "it did not tumble");
    let x = after.world_position(H, [0; 3])[0];
    assert!((x - 3.0).abs() < 1e-9, "{x}");
}

#[test]
fn bodies_that_fall_come_to_rest_on_the_floor_and_on_each_other() {
    let floor = Collider {
        name: "floor".into(),
        shape: Shape::HalfSpace,
        contact: ROUGH,
        pose: Pose::at(Vec3::zero()),
        velocity: Vec3::zero(),
        angular_velocity: Vec3::zero(),
    };
    let cube = Shape::Box { half_extents: Vec3([0.1; 3]) };
    let at = |z: f64| Pose::at(Vec3([0.0, 0.0, z]));
    let still = [Vec3::zero(); 2];
    let lower = RigidBody::uniform("lower", cube, 8.0, ROUGH);
    let ball = RigidBody::uniform("ball", Shape::Sphere { radius: 0.1 }, 1.0, ROUGH);
    let model = alone(vec![(lower, at(0.15), still), (ball, at(0.4), still)], vec![floor]);
    let end = run(model, 1500);
    for (motion, height) in end.iter().zip([0.1, 0.3]) {
        let z = motion.world_position(H, [0; 3])[2];
        // A contact carries at a depth of g dt²/(share 0.2), some hundredths of a millimetre.
        assert!((z - height).abs() < 2e-3, "{z} instead of {height}");
        assert!(motion.velocity.norm_squared().sqrt() < 1e-3, "{:?}", motion.velocity);
    }
}

#[test]
fn a_block_sticks_on_a_slope_below_the_angle_of_friction_and_slides_above_it() {
    let tilted = |angle: f64| Collider {
        name: "slope".into(),
        shape: Shape::HalfSpace,
        contact: ROUGH,
        pose: Pose { position: Vec3::zero(), rotation: DQuat::from_rotation_y(angle) },
        velocity: Vec3::zero(),
        angular_velocity: Vec3::zero(),
    };
    let travel = |angle: f64| {
        let cube = Shape::Box { half_extents: Vec3([0.1, 0.1, 0.05]) };
        let block = RigidBody::uniform("block", cube, 4.0, ROUGH);
        let rotation = DQuat::from_rotation_y(angle);
        let up = rotation * glam::DVec3::Z * 0.05;
        let pose = Pose { position: Vec3(up.to_array()), rotation };
        let mut model = alone(vec![(block, pose, [Vec3::zero(); 2])], vec![tilted(angle)]);
        model.gravity = Vec3([0.0, 0.0, -10.0]);
        let model = Arc::new(model);
        let drive = crate::agents::drive(&model, &[], 100);
        let mut twin = Twin::<f64>::new(&model).unwrap();
        twin.drive(&drive).unwrap();
        twin.forward(0..500).unwrap();
        let end = twin.read().unwrap().rigid[0].world_position(H, [0; 3]);
        let start = up.to_array();
        (0..3).map(|a| (end[a] - start[a]).powi(2)).sum::<f64>().sqrt()
    };
    // Half a second at mu = 0.5, tan(26.6 deg).
    assert!(travel(0.4) < 2e-3, "{}", travel(0.4));
    let expected = 0.5 * 10.0 * (0.7f64.sin() - 0.5 * 0.7f64.cos()) * 0.25;
    let found = travel(0.7);
    assert!((found / expected - 1.0).abs() < 0.05, "{found} instead of {expected}");
}
