//! Levels against dual numbers, and what they conserve.

use super::super::tests::*;
use super::super::{Twin, Walking};
use super::*;
use crate::agents::field;
use crate::math::Dual;
use crate::model::{Agent, Band, Law, LawKind, Levels, Model};
use crate::mpm::simulator::{ObservationCotangent, Simulator};
use crate::mpm::state::{Cotangent, NO_MUSCLE};
use std::sync::Arc;

/// The scene of the stage tests with `count` levels, its particles inside the bands around the ball.
fn scene_with_levels(law: Law, count: usize) -> Arc<Model> {
    let mut model = (*scene(law)).clone();
    let bands = [Band { start: 0.01, width: 0.12 }, Band { start: 0.13, width: 0.2 }];
    model.levels = Levels {
        bands: bands[..count - 1].to_vec(),
        agents: vec![Agent {
            collider: 1,
            half_extents: Vec3([0.05, 0.06, 0.04]),
            ahead: 0.03,
            trail: 0.01,
            depth_weight: 1.5,
        }],
        regions: vec![],
        blend: 0.01,
        hysteresis: 0.01,
        per_axis: vec![2],
        coupled: true,
    };
    Arc::new(model)
}

/// The initial state with its places found.
fn placed<R: Scalar>(model: &Model, mut stored: Stored<R>) -> Stored<R> {
    let field = field(model, drive(model, 1).poses_at(0));
    stored.places = Places::new(&field, &stored.cell, &stored.offset);
    stored
}

fn cases() -> impl Iterator<Item = (usize, Law, Arc<Model>)> {
    laws().into_iter().flat_map(|law| {
        [2, 3].into_iter().map(move |count| (count, law, scene_with_levels(law, count)))
    })
}

#[test]
fn the_field_has_the_derivatives_that_it_states() {
    let mut model = (*scene_with_levels(elastic(), 3)).clone();
    // Two agents, so that distances are blended.
    let second =
        Agent { collider: 0, half_extents: Vec3([0.02, 0.1, 0.03]), ..model.levels.agents[0] };
    model.levels.agents.push(second);
    model.levels.blend = 0.05;
    let poses = drive(&model, 1);
    let field = field::<Dual>(&model, poses.poses_at(0));
    let mut random = Random::new(5);
    let mut seen = 0;
    for _ in 0..400 {
        let cell = [3 + (random.number() * 3.0) as i32, 4, 4];
        let (place, direction) = (random.vector(0.5), random.vector(1.0));
        let offset = Vec3::from_fn(|a| Dual::new(place[a], direction[a] / H));
        let (_, Some(blend)) = field.place(cell, offset) else { continue };
        seen += 1;
        let gradient = blend.gradient(1);
        let slope = (0..3).map(|a| gradient[a].re * direction[a]).sum::<f64>();
        assert!((blend.shares[1].eps - slope).abs() < 1e-11 * (1.0 + slope.abs()));
        assert!((blend.shares[0].eps + slope).abs() < 1e-11 * (1.0 + slope.abs()));
        assert_eq!(blend.shares[0].re + blend.shares[1].re, 1.0);
        // The Hessian of the share, through the adjoint of its gradient.
        let weights = random.vector(1.0);
        let bar = blend.position_bar(Dual::from(0.0), Vec3::from_fn(|a| Dual::from(weights[a])));
        let forward: f64 = (0..3).map(|a| gradient[a].eps * weights[a]).sum();
        let backward: f64 = (0..3).map(|a| bar[a].re * direction[a]).sum();
        assert!((forward - backward).abs() < 1e-9 * (1.0 + forward.abs()), "{forward} {backward}");
    }
    assert!(seen > 100, "{seen} places in a band");
}

#[test]
fn p2g_adj_across_levels_is_the_transpose_of_p2g() {
    for (count, law, model) in cases() {
        let mut random = Random::new(21);
        let drive = drive(&model, 1);
        let direction = random_direction(&mut random, model.initial.particle_count());
        let dual = placed(&model, stored_dual(&model, &direction));
        assert!(dual.places.blends.len() > 10, "few particles in a band");
        let sorted = sort(&dual, &Arc::default());
        let command = Command::at(&model, &drive, 0);
        let grid =
            p2g(&Context::<Dual>::new(&model), &command, &dual, &sorted, &mut Scratch::new());

        let ctx = Context::<f64>::new(&model);
        let stored = placed(&model, stored(&model));
        let command = Command::at(&model, &drive, 0);
        let grid_bar = random_grid(&mut random, grid.len(), [1.0; 4]);
        let mut bar = Cotangent::zeros(stored.id.len());
        crate::mpm::twin::p2g::p2g_adj(&ctx, &command, &stored, &sorted, &grid_bar, &mut bar);
        let (mut forward, mut backward) = (Pairing::default(), Pairing::default());
        forward.grids(&grid, &grid_bar);
        backward.directions(&direction, &sorted.order, &bar);
        assert_dual(&format!("p2g, {count} levels, {law:?}"), forward, backward);
    }
}

#[test]
fn g2p_adj_across_levels_is_the_transpose_of_g2p() {
    for (count, law, model) in cases() {
        let mut random = Random::new(22);
        let particles = model.initial.particle_count();
        let direction = random_direction(&mut random, particles);
        let dual = placed(&model, stored_dual(&model, &direction));
        let sorted = sort(&dual, &Arc::default());
        let blocks = sorted.blocks.node_keys.len();
        let velocities = random_grid(&mut random, blocks, [1.0, 1.0, 1.0, 0.0]);
        let velocities_dot = random_grid(&mut random, blocks, [1.0, 1.0, 1.0, 0.0]);
        let dual_velocities = dual_grid(&velocities, &velocities_dot);
        let scratch = &mut Scratch::new();
        let after_dual =
            g2p(&Context::new(&model), &dual, &sorted, &dual_velocities, scratch).unwrap();

        let ctx = Context::<f64>::new(&model);
        let stored = placed(&model, stored(&model));
        let scratch = &mut Scratch::new();
        let after = g2p(&ctx, &stored, &sorted, &velocities, scratch).unwrap();
        let walking = Walking {
            bar: random_direction(&mut random, particles),
            place: (0..particles as u32).collect(),
        };
        let (velocity_bar, mut bar, _) = crate::mpm::twin::g2p::g2p_adj(
            &ctx,
            &stored,
            &after,
            &sorted,
            &velocities,
            &walking,
            scratch,
        );
        bar.v.fill(Vec3::zero());
        bar.c.fill(Mat3::zero());
        let (mut forward, mut backward) = (Pairing::default(), Pairing::default());
        forward.states(&after_dual, &walking.bar);
        backward.directions(&direction, &sorted.order, &bar);
        for (a, b) in velocities_dot.iter().flatten().zip(velocity_bar.iter().flatten()) {
            use crate::math::Quad;
            let (a, b) = (a.array(), b.array());
            (0..3).for_each(|n| backward.add(a[n], b[n]));
        }
        assert_dual(&format!("g2p, {count} levels, {law:?}"), forward, backward);
    }
}

#[test]
fn many_substeps_with_splitting_and_merging_back_are_the_transpose_of_forward() {
    const SUBSTEPS: usize = 20;
    for (count, law, model) in cases() {
        let mut model = (*model).clone();
        // Some are coarse where they must be split, some are fine where they can be merged.
        for p in 0..model.particles.level.len() {
            model.particles.muscle[p] = NO_MUSCLE;
            model.particles.level[p] = (p % 3 == 0) as u8;
        }
        for f in &mut model.initial.f {
            *f = Mat3::identity() + (*f - Mat3::identity()) * 0.05;
        }
        for history in &mut model.initial.history {
            *history *= 0.1;
        }
        let model = Arc::new(model);
        let mut random = Random::new(24);
        let mut drive = drive(&model, 4);
        // The ball, and with it the bands, move on from one control step to the next.
        for (n, pose) in drive.poses.iter_mut().enumerate() {
            pose.offset[0] += 2e-3 * (n / 2) as f64;
        }
        let particles = model.initial.particle_count();
        let direction = random_direction(&mut random, particles);
        let mut dual = Twin::<Dual>::new(&model).unwrap();
        dual.load_scalar(dual_state(&model.initial, &direction));
        dual.drive(&drive).unwrap();
        dual.forward(0..SUBSTEPS).unwrap();
        let end = dual.read_scalar();
        let after = end.particle_count();
        assert_ne!(after, particles, "{count} levels: no particle was split");

        let mut twin = Twin::<f64>::new(&model).unwrap();
        twin.drive(&drive).unwrap();
        twin.forward_recorded(0..SUBSTEPS).unwrap();
        let seed = ObservationCotangent {
            x: (0..after).map(|_| random.vector(1.0).0).collect(),
            v: (0..after).map(|_| random.vector(1.0).0).collect(),
            ..ObservationCotangent::default()
        };
        twin.begin_reverse().unwrap();
        twin.seed(&seed).unwrap();
        twin.reverse(0..SUBSTEPS).unwrap();
        let bar = twin.gradient().unwrap().initial;
        assert_eq!(twin.read().unwrap().cell, model.initial.cell);

        let (mut forward, mut backward) = (Pairing::default(), Pairing::default());
        for p in 0..after {
            forward.vector(Vec3(end.offset[p].0.map(|o| o.eps * H)), Vec3(seed.x[p]));
            forward.vector(Vec3(end.v[p].0.map(|v| v.eps)), Vec3(seed.v[p]));
        }
        let ids: Vec<u32> = (0..particles as u32).collect();
        backward.directions(&direction, &ids, &bar);
        assert_dual(&format!("{SUBSTEPS} substeps, {count} levels, {law:?}"), forward, backward);
    }
}

#[test]
fn splitting_and_merging_keep_mass_and_momentum_and_undo_each_other() {
    use super::merge::{Group, Particle, child};
    let mut random = Random::new(25);
    let f = Mat3::identity() + random.matrix(0.1);
    let parent = Particle {
        cell: [5, -3, 8],
        offset: random.vector(0.4),
        v: random.vector(1.0),
        c: random.matrix(3.0),
        f,
        history: 0.02,
    };
    let point = super::super::context::Point {
        mass: 2.0,
        volume: 1e-3,
        material: 0,
        muscle: NO_MUSCLE,
        body: 0,
        level: 1,
    };
    let children: Vec<_> = (0..8).map(|octant| child(&parent, &point, octant, H)).collect();
    let own = super::super::context::Point { mass: 0.25, volume: 1.25e-4, level: 0, ..point };
    let points = [own; 8];
    let group = Group { particles: &children, points: &points, cell_width: H, d: H * H };
    let (merged, whole) = group.merged();
    let place = |p: &Particle<f64>| Vec3::from_fn(|a| f64::from(p.cell[a]) + p.offset[a]);
    let apart = place(&merged) - place(&parent);
    assert!(apart.norm_squared().sqrt() < 1e-14, "moved by {apart:?}");
    assert!((merged.v - parent.v).norm_squared().sqrt() < 1e-14);
    assert!((merged.c - parent.c).double_dot(merged.c - parent.c).sqrt() < 1e-12);
    // Without its rotation, which isotropic laws do not see.
    let difference = merged.f * merged.f.transpose() - f * f.transpose();
    assert!(difference.double_dot(difference).sqrt() < 1e-14);
    assert_eq!((whole.mass, whole.level), (2.0, 1));
    assert!((whole.volume - 1e-3).abs() < 1e-18 && (merged.history - 0.02).abs() < 1e-16);
}

#[test]
fn levels_repeat_bit_by_bit_on_any_number_of_threads_and_ten_kilometres_away() {
    let run = |threads: usize, shift: i32| {
        let mut model = (*scene_with_levels(Law::typical(LawKind::Sand), 3)).clone();
        model.particles.level.iter_mut().step_by(3).for_each(|level| *level = 1);
        let mut drive = drive(&model, 4);
        model.initial.cell.iter_mut().for_each(|cell| *cell = cell.map(|c| c + shift));
        drive.poses.iter_mut().for_each(|pose| pose.cell = pose.cell.map(|c| c + shift));
        let model = Arc::new(model);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut twin = Twin::<f32>::new(&model).unwrap();
            twin.drive(&drive).unwrap();
            twin.forward_recorded(0..20).unwrap();
            let mut state = twin.read_scalar();
            state.cell.iter_mut().for_each(|cell| *cell = cell.map(|c| c - shift));
            let ones = vec![[1.0, 0.5, -2.0]; state.particle_count()];
            twin.begin_reverse().unwrap();
            let seed = ObservationCotangent {
                x: ones.clone(),
                v: ones,
                ..ObservationCotangent::default()
            };
            twin.seed(&seed).unwrap();
            twin.reverse(0..20).unwrap();
            (state, twin.gradient().unwrap().initial)
        })
    };
    let expected = run(1, 0);
    // Whole blocks of the coarsest level.
    for (threads, shift) in [(2, 0), (8, 1 << 20), (1, -(1 << 16))] {
        assert!(run(threads, shift) == expected, "{threads} threads, shift {shift}: other bits");
    }
}
