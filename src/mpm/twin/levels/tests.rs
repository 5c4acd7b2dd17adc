//! Levels against dual numbers, and what they conserve.

use super::super::Twin;
use super::super::tests::*;
use super::*;
use crate::agents::field_at;
use crate::math::Dual;
use crate::model::{Agent, HeightField, Law, LawKind, LevelMap, Model};
use crate::mpm::simulator::{ObservationCotangent, Simulator};
use crate::mpm::state::{NO_MUSCLE, State};
use std::sync::Arc;

/// Distances from a wavy line across the particles.
fn map() -> LevelMap {
    let (counts, size) = ([9, 7], [1.6, 1.2]);
    let at = |n: usize| {
        let (x, y) = (0.2 * (n % 9) as f64, 0.2 * (n / 9) as f64);
        (x - 0.3).abs() + 0.1 * (4.0 * y).sin()
    };
    let distances: Vec<f64> = (0..63).map(at).collect();
    let distances = Arc::new(HeightField::new(size, counts, &distances));
    LevelMap { position: [0.8, 0.6], distances }
}

#[test]
fn the_field_has_the_derivatives_that_it_states() {
    let mut model = (*scene_with_levels(elastic(), 3)).clone();
    // Two agents, so that distances are blended.
    let second =
        Agent { collider: 0, half_extents: Vec3([0.02, 0.1, 0.03]), ..model.levels.agents[0] };
    model.levels.agents.push(second);
    model.levels.blend = 0.05;
    has_its_derivatives(&model);
    model.levels.map = Some(map());
    has_its_derivatives(&model);
    model.levels.agents.clear();
    has_its_derivatives(&model);
}

fn has_its_derivatives(model: &Model) {
    let poses = drive(model, 1);
    let field = field_at::<Dual>(model, &poses, 0);
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
        let bar = blend.position_bar(&BlendBar {
            share: Dual::from(0.0),
            gradient: Vec3::from_fn(|a| Dual::from(weights[a])),
        });
        let forward: f64 = (0..3).map(|a| gradient[a].eps * weights[a]).sum();
        let backward: f64 = (0..3).map(|a| bar[a].re * direction[a]).sum();
        assert!((forward - backward).abs() < 1e-9 * (1.0 + forward.abs()), "{forward} {backward}");
    }
    assert!(seen > 100, "{seen} places in a band");
}

#[test]
fn where_one_answer_holds_for_all_that_is_around_each_place_gives_it() {
    let mut model = (*scene_with_levels(elastic(), 3)).clone();
    let second =
        Agent { collider: 0, half_extents: Vec3([0.02, 0.1, 0.03]), ..model.levels.agents[0] };
    let poses = drive(&model, 1);
    for (band, start) in model.levels.bands.iter_mut().zip([20.0, 50.0]) {
        (band.start, band.width) = (start * H, 3.0 * H);
    }
    let one = field_at::<f64>(&model, &poses, 0);
    model.levels.agents[0].depth_weight = 2.0;
    model.levels.agents.push(second);
    model.levels.blend = 0.05;
    let two = field_at(&model, &poses, 0);
    model.levels.map = Some(map());
    let fields = [one, two, field_at(&model, &poses, 0)];
    let mut seen = [0usize; 5];
    for field in &fields {
        for n in 0..4000i32 {
            let node = [n % 20, n / 20 % 20, 2 * (n / 400)].map(|i| 8 * i - 76);
            let Some(level) = field.only_level(node, 2) else {
                seen[4] += 1;
                continue;
            };
            seen[level as usize] += 1;
            for corner in 0..27 {
                let cell = std::array::from_fn(|a| node[a] + [-2, 0, 2][corner / [1, 3, 9][a] % 3]);
                let (own, blend) = field.place(cell, Vec3::zero());
                assert!(own == level && blend.is_none(), "{node:?}: {level}, {cell:?}: {own}");
            }
        }
    }
    // All answers were given, and withheld.
    assert!([0, 1, 2, 4].iter().all(|&n| seen[n] > 100), "{seen:?}");
}

#[test]
fn a_place_stays_fine_for_a_while_after_an_agent_has_left_it() {
    const STEPS: usize = 40;
    let mut model = (*scene_with_levels(elastic(), 3)).clone();
    let control_secs = model.substep_secs * model.substeps_per_control as f64;
    let mut drive = drive(&model, STEPS);
    let (per_control, colliders) = (model.substeps_per_control, model.colliders.len());
    // The ball goes along x, a cell in a control step, then up and away.
    for (n, pose) in drive.poses.iter_mut().enumerate().filter(|(n, _)| n % colliders == 1) {
        let step = n / colliders / per_control;
        pose.cell[0] += step.min(STEPS / 2) as i32;
        pose.cell[2] += 40 * step.saturating_sub(STEPS / 2) as i32;
    }
    let start = drive.poses_at(0)[1].cell;
    let mut level = |linger: f64, cells: i32, step: usize| {
        model.levels.linger = linger;
        let field = field_at::<f64>(&model, &drive, step * per_control);
        field.finest([start[0] + cells, start[1], start[2]], Vec3::zero(), 0.0)
    };
    let (half, end) = (STEPS / 2, STEPS - 1);
    // Without, it is fine where the ball is, and coarse as soon as it is high above.
    assert_eq!([level(0.0, half as i32, half), level(0.0, half as i32, end)], [0, 2]);
    let whole = 2.0 * STEPS as f64 * control_secs;
    for cells in 0..=half as i32 {
        assert_eq!(level(whole, cells, end), 0, "{cells} cells from the start");
    }
    // Only the last part of the way is remembered.
    let some = (end - half + 5) as f64 * control_secs;
    assert_eq!([level(some, half as i32, end), level(some, half as i32 - 60, end)], [0, 2]);
}

/// Particles that were split in what a twin recorded, and those that were merged into others.
fn split_and_merged(twin: &Twin<f64>) -> [usize; 2] {
    let mut counts = [0; 2];
    for change in twin.live.iter().flat_map(|record| &record.changes) {
        let super::super::follow::Change::Resized(change) = change else { continue };
        // A sweep does one of the two.
        let (before, after) = (change.before.id.len(), change.follow().count());
        counts[0] += after.saturating_sub(before) / 7;
        counts[1] += before.saturating_sub(after);
    }
    counts
}

#[test]
fn many_substeps_with_splitting_and_merging_back_are_the_transpose_of_forward() {
    const SUBSTEPS: usize = 20;
    for (count, law, model) in cases().filter(|(count, ..)| *count > 1) {
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
        // So near to the ball that what is farther away can be merged; five levels are that near as they are.
        model.levels.hysteresis = 0.0;
        if count < 5 {
            for band in &mut model.levels.bands {
                (band.start, band.width) = (0.5 * band.start, 0.5 * band.width);
            }
        }
        // The way of the ball counts, too: several boxes are blended.
        model.levels.linger = 1.0;
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

        let mut twin = Twin::<f64>::new(&model).unwrap();
        twin.drive(&drive).unwrap();
        twin.forward_recorded(0..SUBSTEPS).unwrap();
        let [split, merged] = split_and_merged(&twin);
        assert!(split > 0 && merged > 0, "{count} levels, {law:?}: {split} split, {merged} merged");
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
    use super::merge::{Group, Nest, Particle, child};
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
        held: false,
    };
    let nest = Nest::around(&parent, &point);
    let children: Vec<_> = (0..8).map(|octant| child(&parent, &nest, octant, H)).collect();
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

#[test]
fn the_time_of_each_level_is_noted_once_somebody_asks_for_it_and_changes_no_bits() {
    let mut model = (*scene_with_levels(elastic(), 2)).clone();
    model.particles.level.iter_mut().step_by(3).for_each(|level| *level = 1);
    let model = Arc::new(model);
    let run = |asks: bool| {
        let mut twin = Twin::<f64>::new(&model).unwrap();
        twin.drive(&drive(&model, 1)).unwrap();
        if asks {
            assert_eq!(twin.costs().unwrap().level_secs, [0.0; 2]);
        }
        twin.forward(0..2).unwrap();
        (twin.fingerprint().unwrap(), twin.costs().unwrap().level_secs)
    };
    let ((bits, nothing), (same, times)) = (run(false), run(true));
    assert_eq!((bits, nothing), (same, vec![0.0; 2]));
    assert!(times.iter().all(|&secs| secs > 0.0), "{times:?}");
}

/// Largest force on a node inside a block under uniform stress, over `|tau| h_l²`, by level: it should
/// vanish. The block has fine particles to the left and coarse ones to the right of a band 8 h wide.
fn patch(coupled: bool) -> [f64; 2] {
    let text = r#"
format = 1
[world]
cell_width = 0.1
max_speed = 1.0
gravity = [0.0, 0.0, 0.0]
[[material]]
name = "flesh"
density = 1000.0
law = { type = "neo_hookean", young_modulus = 1e5, poisson_ratio = 0.3 }
[[body]]
name = "block"
material = "flesh"
shape = { type = "box", size = [4.0, 1.6, 1.6] }
[levels]
count = 2
bands = [{ start = 0.4, width = 0.8 }]
region = [{ size = [2.0, 100.0, 100.0], position = [-1.8, 0.0, 0.0] }]
"#;
    let scene = crate::scene::Scene::parse(std::path::Path::new("patch.toml"), text).unwrap();
    let mut model = crate::model::compile(&scene, crate::scene::Fidelity::Standard).unwrap();
    model.levels.coupled = coupled;
    let stretch = Mat3([[1.02, 0.01, 0.0], [0.0, 0.97, 0.004], [0.003, 0.0, 1.01]]);
    model.initial.f.fill(stretch);
    let levels = &model.particles.level;
    assert!(levels.contains(&0) && levels.contains(&1), "one size only");
    let ctx = Context::<f64>::new(&model);
    let mut stored = stored(&model);
    let field = field_at(&model, &drive(&model, 1), 0);
    stored.places = Places::new(&field, &stored.cell, &stored.offset);
    let sorted = sort(&stored, &Arc::default());
    let command = Command { colliders: vec![], activations: vec![] };
    let momentum = p2g(&ctx, &command, &stored, &sorted, &mut Scratch::new());
    let tau = {
        use crate::mpm::twin::material::{Local, stress};
        let material = &ctx.materials[0];
        let tau = stress(material.kind, &material.k, &Local::of_f(stretch));
        tau.double_dot(tau).sqrt()
    };
    let mut most = [0.0f64; 2];
    for (key, nodes) in sorted.blocks.node_keys.iter().zip(&momentum) {
        for (n, row) in nodes.iter().enumerate() {
            use crate::math::Quad;
            let node = crate::mpm::twin::grid_update::node_of(*key, n);
            // Two coarse cells and more from the surface.
            if node[0].abs() > 15 || node[1].abs() > 3 || node[2].abs() > 3 {
                continue;
            }
            let [x, y, z, _] = row.array();
            let width = 0.1 * f64::from(1u32 << key.level);
            let force = (x * x + y * y + z * z).sqrt() / model.substep_secs;
            let level = usize::from(key.level);
            most[level] = most[level].max(force / (tau * width * width));
        }
    }
    most
}

#[test]
fn a_uniform_stress_pushes_no_node_across_a_band_and_does_without_the_gradients_of_shares() {
    let [fine, coarse] = patch(true);
    assert!(fine < 1e-3 && coarse < 1e-2, "fine {fine:.1e}, coarse {coarse:.1e}");
    let [fine, coarse] = patch(false);
    assert!(fine > 0.1 && coarse > 0.2, "control: fine {fine:.1e}, coarse {coarse:.1e}");
}

#[test]
fn merging_and_splitting_have_their_transposes() {
    use super::merge::{Group, Nest, Particle, ParticleBar, child, child_adj};
    use crate::mpm::twin::context::Point;
    let mut random = Random::new(26);
    let base = Mat3::identity() + random.matrix(0.2);
    let mut values = Vec::new();
    for n in 0..8 {
        // Strains that spread, with and without repeated principal values.
        let f = if n % 2 == 0 { base } else { base + random.matrix(0.01) };
        values.push((
            random.vector(0.5),
            random.vector(1.0),
            random.matrix(2.0),
            f,
            0.01 * n as f64,
        ));
    }
    let dots: Vec<_> = (0..8)
        .map(|_| {
            let number = random.number();
            (random.vector(1.0), random.vector(1.0), random.matrix(1.0), random.matrix(1.0), number)
        })
        .collect();
    let vector = |a: Vec3<f64>, b: Vec3<f64>, s: f64| Vec3::from_fn(|i| Dual::new(a[i], b[i] * s));
    let matrix = |a: Mat3<f64>, b: Mat3<f64>| Mat3::from_fn(|i, j| Dual::new(a[(i, j)], b[(i, j)]));
    let cell = |n: usize| [n as i32 % 2, n as i32 / 2 % 2, 7];
    let dual: Vec<Particle<Dual>> = (0..8)
        .map(|n| {
            let ((x, v, c, f, q), (dx, dv, dc, df, dq)) = (values[n], dots[n]);
            Particle {
                cell: cell(n),
                offset: vector(x, dx, 1.0 / H),
                v: vector(v, dv, 1.0),
                c: matrix(c, dc),
                f: matrix(f, df),
                history: Dual::new(q, dq),
            }
        })
        .collect();
    let plain: Vec<Particle<f64>> = (0..8)
        .map(|n| {
            let (offset, v, c, f, history) = values[n];
            Particle { cell: cell(n), offset, v, c, f, history }
        })
        .collect();
    fn point<R: Scalar>(n: usize) -> Point<R> {
        let size = 1.0 + 0.1 * n as f64;
        Point {
            mass: R::from_f64(0.125 * size),
            volume: R::from_f64(1.2e-4 * size),
            material: 0,
            muscle: NO_MUSCLE,
            body: 0,
            level: 0,
            held: false,
        }
    }
    let pair = |sum: &mut Pairing, p: &Particle<Dual>, bar: &ParticleBar<f64>| {
        sum.vector(Vec3(p.offset.0.map(|o| o.eps * H)), bar.x);
        sum.vector(Vec3(p.v.0.map(|v| v.eps)), bar.v);
        sum.matrix(Mat3(p.c.0.map(|r| r.map(|c| c.eps))), bar.c);
        sum.matrix(Mat3(p.f.0.map(|r| r.map(|f| f.eps))), bar.f);
        sum.add(p.history.eps, bar.history);
    };
    let mut bar = || ParticleBar {
        x: random.vector(1.0),
        v: random.vector(1.0),
        c: random.matrix(1.0),
        f: random.matrix(1.0),
        history: random.number(),
    };

    let (points, dual_points): (Vec<_>, Vec<_>) = (0..8).map(|n| (point(n), point(n))).unzip();
    let d = Dual::from(H * H);
    let group = Group { particles: &dual, points: &dual_points, cell_width: Dual::from(H), d };
    let merged_bar = bar();
    let (mut forward, mut backward) = (Pairing::default(), Pairing::default());
    pair(&mut forward, &group.merged().0, &merged_bar);
    let group = Group { particles: &plain, points: &points, cell_width: H, d: H * H };
    for (p, bar) in dual.iter().zip(group.merged_adj(&merged_bar)) {
        pair(&mut backward, p, &bar);
    }
    assert_dual("merge", forward, backward);

    // On the lattice, around the parent, and at its height only.
    for is_parents in [[false; 3], [true; 3], [false, false, true]] {
        let (mut forward, mut backward) = (Pairing::default(), Pairing::default());
        let mut sum = ParticleBar::zero();
        let (mut nest, mut of_dual) =
            (Nest::around(&plain[3], &points[3]), Nest::around(&dual[3], &dual_points[3]));
        (nest.is_parents, of_dual.is_parents) = (is_parents, is_parents);
        for a in 0..3 {
            if !is_parents[a] {
                // A site of the lattice does not follow its particle.
                of_dual.offset[a] = Dual::from(of_dual.offset[a].re);
            }
        }
        for octant in 0..8 {
            let child_bar = bar();
            pair(&mut forward, &child(&dual[3], &of_dual, octant, Dual::from(H)), &child_bar);
            child_adj(&nest, octant, &child_bar, &mut sum);
        }
        pair(&mut backward, &dual[3], &sum);
        assert_dual("split", forward, backward);
    }
}

/// Four coarse particles out of place, two to a site of their lattice or one, which fill it to `fill`; and
/// what they are once an agent is near.
fn four_are_split(law: Law, shared: bool, fill: f64) -> (Arc<Model>, State<f64>) {
    let mut model = (*scene_with_levels(law, 2)).clone();
    let mut random = Random::new(27);
    model.initial.cell = (0..4).map(|n| [if shared { 4 } else { 3 + n }, 4, 4]).collect();
    model.initial.offset =
        (0..4).map(|_| Vec3::from_fn(|_| 0.25 + 0.2 * random.number())).collect();
    let (initial, own) = (&mut model.initial, &mut model.particles);
    initial.v.truncate(4);
    initial.c.truncate(4);
    initial.f = vec![Mat3::identity(); 4];
    initial.history = vec![0.0; 4];
    own.mass.truncate(4);
    own.volume = vec![fill * H.powi(3); 4];
    own.material.truncate(4);
    own.muscle = vec![NO_MUSCLE; 4];
    own.body = vec![0; 4];
    own.level = vec![1; 4];
    let model = Arc::new(model);
    let mut twin = Twin::<f64>::new(&model).unwrap();
    twin.drive(&drive(&model, 4)).unwrap();
    twin.follow(0).unwrap();
    let state = twin.read().unwrap();
    let momentum = |v: &[Vec3<f64>], m: &[f64]| {
        v.iter().zip(m).fold(Vec3::zero(), |sum, (&v, &m)| sum + v * m)
    };
    let after = state.particles.as_ref().expect("particles were split");
    assert_eq!(after.mass.len(), 32);
    let lost = momentum(&state.v, &after.mass) - momentum(&model.initial.v, &model.particles.mass);
    assert!(lost.norm_squared().sqrt() < 1e-12, "momentum {lost:?}");
    (model, state)
}

#[test]
fn children_of_what_flows_stand_on_their_lattice_unless_parents_share_a_site() {
    let on_lattice = |law: Law, shared: bool| {
        let (_, state) = four_are_split(law, shared, 1.0);
        // Two to a cell and axis: at a quarter and three quarters.
        state.offset.iter().all(|o| o.0.iter().all(|o| (o.abs() - 0.25).abs() < 1e-12))
    };
    let sand = Law::typical(LawKind::Sand);
    assert!(on_lattice(sand, false));
    assert!(!on_lattice(sand, true));
    assert!(!on_lattice(elastic(), false), "what returns to its shape keeps it");
}

#[test]
fn children_of_a_parent_higher_or_flatter_than_its_site_keep_its_height() {
    for fill in [0.65, 1.4] {
        let (model, state) = four_are_split(Law::typical(LawKind::Sand), false, fill);
        let height = |cell: [i32; 3], offset: Vec3<f64>| f64::from(cell[2]) + offset[2];
        for (parent, (&cell, &offset)) in
            model.initial.cell.iter().zip(&model.initial.offset).enumerate()
        {
            for octant in 0..8 {
                let child = 8 * parent + octant;
                let above = height(state.cell[child], state.offset[child]) - height(cell, offset);
                let expected = if octant >= 4 { 0.25 * fill } else { -0.25 * fill };
                assert!((above - expected).abs() < 1e-12, "{above} and not {expected}");
                let across = &state.offset[child].0[..2];
                assert!(across.iter().all(|o| (o.abs() - 0.25).abs() < 1e-12), "{across:?}");
            }
        }
    }
}
