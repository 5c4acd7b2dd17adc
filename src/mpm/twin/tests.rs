//! Every stage's adjoint against dual numbers: `<J v, w> = <v, Jᵀ w>` for random v and w, with J v
//! from the same stage run on duals.
//!
//! The bound of 1e-10 is relative to the sum of the absolute products; f64 round-off over some
//! thousand terms leaves three decades.

pub use super::blocks::{BlockKey, sort};
pub use super::context::{Command, Context};
pub use super::g2p::g2p;
pub use super::grid_update::{Solids, grid_update};
use super::levels::Places;
pub use super::p2g::p2g;
pub use super::storage::{Stored, cotangent_by_id};
pub use super::tiles::{Grid, Scratch};
use super::transfer::Row;
use super::*;
use crate::agents::{ColliderPose, field_at};
use crate::math::{Dual, Mat3, Quad};
use crate::model::*;
use crate::mpm::state::{NO_MUSCLE, Particles, split_position};
use glam::DQuat;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const BOUND: f64 = 1e-10;
pub const H: f64 = 0.1;

/// Random numbers in [-1, 1).
pub struct Random(ChaCha8Rng);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }
    pub fn number(&mut self) -> f64 {
        self.0.random_range(-1.0..1.0)
    }
    pub fn vector(&mut self, scale: f64) -> Vec3<f64> {
        Vec3::from_fn(|_| self.number() * scale)
    }
    pub fn matrix(&mut self, scale: f64) -> Mat3<f64> {
        Mat3::from_fn(|_, _| self.number() * scale)
    }
}

/// 64 jittered particles over block borders, on a rough floor, touched by a moving soft sphere;
/// half of them pulled by a muscle if the law is elastic.
pub fn scene(law: Law) -> Arc<Model> {
    let mut random = Random::new(7);
    let count = 64;
    let mut initial = State {
        cell: vec![[0; 3]; count],
        offset: vec![Vec3::zero(); count],
        v: (0..count).map(|_| random.vector(0.5)).collect(),
        c: (0..count).map(|_| random.matrix(2.0)).collect(),
        f: (0..count).map(|_| Mat3::identity() + random.matrix(0.05)).collect(),
        history: (0..count).map(|_| random.number().abs() * 0.01).collect(),
        ..State::default()
    };
    for p in 0..count {
        let index = [p / 16, p / 4 % 4, p % 4];
        for a in 0..3 {
            let x = 3.1 + 0.5 * index[a] as f64 + 0.2 * random.number();
            let (cell, offset) = split_position(x);
            initial.cell[p][a] = cell;
            initial.offset[p][a] = offset;
        }
    }
    let is_elastic = law.spec().family == Family::Elastic;
    let still = Vec3::zero();
    let floor = Collider {
        name: "floor".into(),
        shape: Shape::HalfSpace,
        contact: Contact { mode: ContactMode::Separate, friction: 0.4, softness: 0.0 },
        pose: Pose { position: Vec3([0.0, 0.0, 0.33]), rotation: DQuat::IDENTITY },
        velocity: still,
        angular_velocity: still,
    };
    let ball = Collider {
        name: "ball".into(),
        shape: Shape::Sphere { radius: 0.12 },
        contact: Contact { mode: ContactMode::Separate, friction: 0.2, softness: 0.15 },
        pose: Pose { position: Vec3([0.55, 0.4, 0.4]), rotation: DQuat::IDENTITY },
        velocity: Vec3([-0.8, 0.1, 0.2]),
        angular_velocity: Vec3([0.3, -0.5, 1.0]),
    };
    Arc::new(Model {
        name: "stage test".into(),
        cell_width: H,
        substep_secs: 1e-3,
        substeps_per_control: 5,
        gravity: Vec3([0.3, 0.0, -9.81]),
        origin: [0; 3],
        materials: vec![Material { name: "m".into(), density: 1000.0, law }],
        bodies: vec![Body { name: "b".into(), material: 0, particles: 0..count }],
        colliders: vec![floor, ball],
        rigid_bodies: vec![],
        emitters: vec![],
        sinks: vec![],
        muscles: vec![Muscle { name: "pull".into(), fibre: Vec3([0.6, 0.0, 0.8]) }],
        actions: vec![],
        particles: Particles {
            mass: (0..count).map(|_| 0.125 * (1.0 + 0.2 * random.number())).collect(),
            volume: (0..count).map(|_| 1.25e-4 * (1.0 + 0.2 * random.number())).collect(),
            material: vec![0; count],
            body: vec![0; count],
            muscle: (0..count)
                .map(|p| if is_elastic && p % 2 == 0 { 0 } else { NO_MUSCLE })
                .collect(),
            level: vec![0; count],
            held: vec![],
        },
        initial,
        levels: Levels::uniform(),
    })
}

/// Every law of the table.
pub fn laws() -> Vec<Law> {
    LawKind::ALL.iter().map(|&kind| Law::typical(kind)).collect()
}

/// A law by which one thing is tested that is the same for all.
pub fn elastic() -> Law {
    Law::typical(LawKind::Elastic)
}

pub fn drive(model: &Model, control_steps: usize) -> Drive {
    let substeps = control_steps * model.substeps_per_control;
    let pose = |c: &Collider| {
        let split = c.pose.position.0.map(|x| split_position(x / model.cell_width));
        ColliderPose {
            cell: split.map(|(cell, _)| cell),
            offset: Vec3(split.map(|(_, o)| o * model.cell_width)),
            rotation: Mat3::identity(),
            velocity: c.velocity,
            angular_velocity: c.angular_velocity,
        }
    };
    Drive {
        control_steps,
        collider_count: model.colliders.len(),
        nozzles: vec![],
        births: vec![],
        muscle_count: model.muscles.len(),
        substeps_per_control: model.substeps_per_control,
        poses: model.colliders.iter().map(pose).collect::<Vec<_>>().repeat(substeps),
        activations: (0..control_steps).map(|s| 2e3 + 1e3 * s as f64).collect(),
    }
}

/// The initial state as the twin holds it.
pub fn stored(model: &Model) -> Stored<f64> {
    Stored::from_state(model.initial.clone(), &Context::new(model).points)
}

/// The same with a tangent.
pub fn stored_dual(model: &Model, direction: &Cotangent<f64>) -> Stored<Dual> {
    Stored::from_state(dual_state(&model.initial, direction), &Context::new(model).points)
}

/// The scene of the stage tests with `count` levels, its particles inside the bands around the ball.
pub fn scene_with_levels(law: Law, count: usize) -> Arc<Model> {
    let mut model = (*scene(law)).clone();
    // So near to the ball all levels have particles, also where there are more of them.
    let bands: &[[f64; 2]] = match count {
        ..4 => &[[0.01, 0.12], [0.13, 0.2]],
        _ => &[[0.005, 0.03], [0.04, 0.03], [0.07, 0.04], [0.11, 0.06]],
    };
    if count == 1 {
        return Arc::new(model);
    }
    let band = |&[start, width]: &[f64; 2]| Band { start, width };
    model.levels = Levels {
        bands: bands[..count - 1].iter().map(band).collect(),
        agents: vec![Agent {
            collider: 1,
            half_extents: Vec3([0.05, 0.06, 0.04]),
            ahead: 0.03,
            trail: 0.01,
            depth_weight: 1.5,
        }],
        linger: 0.0,
        regions: vec![],
        map: None,
        blend: 0.01,
        hysteresis: 0.01,
        per_axis: vec![2],
        coupled: true,
        through_agents: false,
        sleep: None,
    };
    Arc::new(model)
}

/// A state with its places in the levels found, as a substep begins.
pub fn placed<R: Scalar>(model: &Model, mut stored: Stored<R>) -> Stored<R> {
    if model.levels.count() > 1 {
        let field = field_at(model, &drive(model, 1), 0);
        stored.places = Places::new(&field, &stored.cell, &stored.offset);
        assert!(stored.places.blends.len() > 10, "few particles in a band");
    }
    stored
}

/// The scene with one, two, three and five levels of every law.
pub fn cases() -> impl Iterator<Item = (usize, Law, Arc<Model>)> {
    laws()
        .into_iter()
        .flat_map(|law| [1, 2, 3, 5].map(move |count| (count, law, scene_with_levels(law, count))))
}

/// A random direction in the space of states, positions in metres.
pub fn random_direction(random: &mut Random, count: usize) -> Cotangent<f64> {
    Cotangent {
        x: (0..count).map(|_| random.vector(1.0)).collect(),
        v: (0..count).map(|_| random.vector(1.0)).collect(),
        c: (0..count).map(|_| random.matrix(1.0)).collect(),
        f: (0..count).map(|_| random.matrix(1.0)).collect(),
        history: (0..count).map(|_| random.number()).collect(),
        rigid: vec![],
    }
}

/// The state as duals whose tangent is `direction`.
pub fn dual_state(state: &State<f64>, direction: &Cotangent<f64>) -> State<Dual> {
    let vector =
        |a: &Vec3<f64>, b: &Vec3<f64>, s: f64| Vec3::from_fn(|i| Dual::new(a[i], b[i] * s));
    let matrix =
        |a: &Mat3<f64>, b: &Mat3<f64>| Mat3::from_fn(|i, j| Dual::new(a[(i, j)], b[(i, j)]));
    let (s, d) = (state, direction);
    State {
        cell: s.cell.clone(),
        offset: s.offset.iter().zip(&d.x).map(|(a, b)| vector(a, b, 1.0 / H)).collect(),
        v: s.v.iter().zip(&d.v).map(|(a, b)| vector(a, b, 1.0)).collect(),
        c: s.c.iter().zip(&d.c).map(|(a, b)| matrix(a, b)).collect(),
        f: s.f.iter().zip(&d.f).map(|(a, b)| matrix(a, b)).collect(),
        history: s.history.iter().zip(&d.history).map(|(&a, &b)| Dual::new(a, b)).collect(),
        rigid: vec![],
        particles: s.particles.clone(),
        life: vec![],
        chunks: s.chunks.clone(),
    }
}

/// A sum of products, and the sum of their sizes.
#[derive(Default)]
pub struct Pairing {
    pub sum: f64,
    pub size: f64,
}

impl Pairing {
    pub fn add(&mut self, a: f64, b: f64) {
        self.sum += a * b;
        self.size += (a * b).abs();
    }
    pub fn vector(&mut self, a: Vec3<f64>, b: Vec3<f64>) {
        (0..3).for_each(|i| self.add(a[i], b[i]));
    }
    pub fn matrix(&mut self, a: Mat3<f64>, b: Mat3<f64>) {
        (0..9).for_each(|i| self.add(a.0[i / 3][i % 3], b.0[i / 3][i % 3]));
    }
    /// Tangents of a dual state with a cotangent; `of(k)` is the particle of the cotangent's entry k.
    pub fn states(&mut self, dual: &Stored<Dual>, bar: &Cotangent<f64>) {
        for p in 0..dual.id.len() {
            self.vector(Vec3(dual.offset[p].0.map(|o| o.eps * H)), bar.x[p]);
            self.vector(Vec3(dual.v[p].0.map(|v| v.eps)), bar.v[p]);
            self.matrix(Mat3(dual.c[p].0.map(|r| r.map(|c| c.eps))), bar.c[p]);
            self.matrix(Mat3(dual.f[p].0.map(|r| r.map(|f| f.eps))), bar.f[p]);
            self.add(dual.history[p].eps, bar.history[p]);
        }
    }
    pub fn grids(&mut self, dual: &Grid<Dual>, bar: &Grid<f64>) {
        for (a, b) in dual.iter().flatten().zip(bar.iter().flatten()) {
            let (a, b) = (a.array(), b.array());
            (0..4).for_each(|n| self.add(a[n].eps, b[n]));
        }
    }
    /// A direction with the cotangent whose entry k belongs to particle `order[k]`.
    pub fn directions(&mut self, direction: &Cotangent<f64>, order: &[u32], bar: &Cotangent<f64>) {
        for (k, &p) in order.iter().enumerate() {
            let p = p as usize;
            self.vector(direction.x[p], bar.x[k]);
            self.vector(direction.v[p], bar.v[k]);
            self.matrix(direction.c[p], bar.c[k]);
            self.matrix(direction.f[p], bar.f[k]);
            self.add(direction.history[p], bar.history[k]);
        }
    }
}

pub fn assert_dual(stage: &str, forward: Pairing, backward: Pairing) {
    let error = (forward.sum - backward.sum).abs() / forward.size.max(backward.size);
    assert!(
        error <= BOUND && forward.size > 0.0,
        "{stage}: <Jv, w> = {:.12e}, <v, Jt w> = {:.12e}, relative {error:.1e}",
        forward.sum,
        backward.sum
    );
}

pub fn random_grid(random: &mut Random, blocks: usize, scale: [f64; 4]) -> Grid<f64> {
    let mut node = || Quad::new(scale.map(|s| s * random.number()));
    (0..blocks).map(|_| std::array::from_fn(|_| node())).collect()
}

/// A grid as duals whose tangent is `direction`.
pub fn dual_grid(grid: &Grid<f64>, direction: &Grid<f64>) -> Grid<Dual> {
    let row = |(row, dot): (&Row<f64>, &Row<f64>)| {
        let (row, dot) = (row.array(), dot.array());
        Quad::new(std::array::from_fn(|i| Dual::new(row[i], dot[i])))
    };
    let block = |(block, dot): (&[Row<f64>; 64], &[Row<f64>; 64])| {
        std::array::from_fn(|n| row((&block[n], &dot[n])))
    };
    grid.iter().zip(direction).map(block).collect()
}

/// Momenta and masses of nodes, every fifth node empty: as they are, with tangents, and these.
pub fn random_momenta(random: &mut Random, blocks: usize) -> (Grid<f64>, Grid<Dual>, Grid<f64>) {
    let mut momentum = random_grid(random, blocks, [1.0; 4]);
    let momentum_dot = random_grid(random, blocks, [1.0; 4]);
    // Positive masses, and every fifth node empty.
    for (n, row) in momentum.iter_mut().flatten().enumerate() {
        let [x, y, z, m] = row.array();
        *row = Quad::new([x, y, z, if n % 5 == 0 { 0.0 } else { 1.0 + m.abs() }]);
    }
    let dual_momentum = dual_grid(&momentum, &momentum_dot);
    (momentum, dual_momentum, momentum_dot)
}

#[test]
fn p2g_adj_is_the_transpose_of_p2g() {
    for (count, law, model) in cases() {
        let mut random = Random::new(1);
        let drive = drive(&model, 1);
        let direction = random_direction(&mut random, model.initial.particle_count());

        let dual_ctx = Context::<Dual>::new(&model);
        let dual = placed(&model, stored_dual(&model, &direction));
        let sorted = sort(&dual, &Arc::default());
        let command = Command::at(&model, &drive, 0);
        let grid = p2g(&dual_ctx, &command, &dual, &sorted, &mut Scratch::new());

        let ctx = Context::<f64>::new(&model);
        let stored = placed(&model, stored(&model));
        let command = Command::at(&model, &drive, 0);
        let grid_bar = random_grid(&mut random, grid.len(), [1.0; 4]);
        let mut bar = Cotangent::zeros(stored.id.len());
        p2g_adj(&ctx, &command, &stored, &sorted, &grid_bar, &mut bar);

        let (mut forward, mut backward) = (Pairing::default(), Pairing::default());
        forward.grids(&grid, &grid_bar);
        backward.directions(&direction, &sorted.order, &bar);
        assert_dual(&format!("p2g, {count} levels, {law:?}"), forward, backward);
    }
}

#[test]
fn g2p_adj_is_the_transpose_of_g2p() {
    for (levels, law, model) in cases() {
        let mut random = Random::new(2);
        let count = model.initial.particle_count();
        let direction = random_direction(&mut random, count);
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
            bar: random_direction(&mut random, count),
            place: (0..count as u32).collect(),
        };
        let (velocity_bar, mut bar, _) =
            g2p_adj(&ctx, &stored, &after, &sorted, &velocities, &walking, scratch);
        // v and C of the state before enter through p2g alone.
        bar.v.fill(Vec3::zero());
        bar.c.fill(Mat3::zero());

        let (mut forward, mut backward) = (Pairing::default(), Pairing::default());
        forward.states(&after_dual, &walking.bar);
        backward.directions(&direction, &sorted.order, &bar);
        for (a, b) in velocities_dot.iter().flatten().zip(velocity_bar.iter().flatten()) {
            let (a, b) = (a.array(), b.array());
            (0..3).for_each(|n| backward.add(a[n], b[n]));
        }
        assert_dual(&format!("g2p, {levels} levels, {law:?}"), forward, backward);
    }
}

#[test]
fn grid_update_adj_is_the_transpose_of_grid_update_by_nodes_and_by_poses() {
    let model = scene(elastic());
    let mut random = Random::new(3);
    let drive = drive(&model, 1);
    let sorted = sort(&stored(&model), &Arc::default());
    let blocks = sorted.blocks.node_keys.len();
    let (momentum, dual_momentum, momentum_dot) = random_momenta(&mut random, blocks);
    let mut command = Command::<Dual>::at(&model, &drive, 0);
    let mut pose_dot = Vec::new();
    for collider in &mut command.colliders {
        let dot = PoseCotangent {
            position: random.vector(1.0),
            rotation: Vec3::zero(),
            velocity: random.vector(1.0),
            angular_velocity: random.vector(1.0),
        };
        let seed = |v: &mut Vec3<Dual>, dot: Vec3<f64>| {
            *v = Vec3::from_fn(|i| Dual::new(v[i].re, dot[i]));
        };
        seed(&mut collider.offset, dot.position);
        seed(&mut collider.velocity, dot.velocity);
        seed(&mut collider.angular_velocity, dot.angular_velocity);
        pose_dot.push(dot);
    }
    let dual_ctx = Context::<Dual>::new(&model);
    let solids = Solids::new(&[], &command);
    let (velocities, _) =
        grid_update(&dual_ctx, solids, &sorted, &dual_momentum, &mut Scratch::new());

    let ctx = Context::<f64>::new(&model);
    let command = Command::at(&model, &drive, 0);
    let velocity_bar = random_grid(&mut random, blocks, [1.0, 1.0, 1.0, 0.0]);
    let (solids, bars) = (Solids::new(&[], &command), (&velocity_bar, &[][..]));
    let (grid_bar, pose_bar) =
        grid_update_adj(&ctx, solids, &sorted, &momentum, bars, &mut Scratch::new());

    let (mut forward, mut backward) = (Pairing::default(), Pairing::default());
    forward.grids(&velocities, &velocity_bar);
    for (a, b) in momentum_dot.iter().flatten().zip(grid_bar.iter().flatten()) {
        let (a, b) = (a.array(), b.array());
        (0..4).for_each(|n| backward.add(a[n], b[n]));
    }
    assert!(pose_bar.iter().all(|bar| bar.velocity.norm_squared() > 0.0), "a collider met no node");
    for (dot, bar) in pose_dot.iter().zip(&pose_bar) {
        backward.vector(dot.position, bar.position);
        backward.vector(dot.velocity, bar.velocity);
        backward.vector(dot.angular_velocity, bar.angular_velocity);
    }
    assert_dual("grid_update", forward, backward);
}

#[test]
fn twenty_substeps_back_are_the_transpose_of_twenty_forward() {
    const SUBSTEPS: usize = 20;
    for law in laws() {
        let (model, mut random) = (scene(law), Random::new(4));
        let drive = drive(&model, 4);
        let count = model.initial.particle_count();
        let direction = random_direction(&mut random, count);
        let mut dual = Twin::<Dual>::new(&model).unwrap();
        dual.load_scalar(dual_state(&model.initial, &direction));
        dual.drive(&drive).unwrap();
        dual.forward(0..SUBSTEPS).unwrap();
        let end = dual.read_scalar();

        let mut twin = Twin::<f64>::new(&model).unwrap();
        twin.drive(&drive).unwrap();
        twin.forward_recorded(0..SUBSTEPS).unwrap();
        let seed = ObservationCotangent {
            x: (0..count).map(|_| random.vector(1.0).0).collect(),
            v: (0..count).map(|_| random.vector(1.0).0).collect(),
            ..ObservationCotangent::default()
        };
        twin.begin_reverse().unwrap();
        twin.seed(&seed).unwrap();
        twin.reverse(0..SUBSTEPS).unwrap();
        let bar = twin.gradient().unwrap().initial;

        let (mut forward, mut backward) = (Pairing::default(), Pairing::default());
        for p in 0..count {
            forward.vector(Vec3(end.offset[p].0.map(|o| o.eps * H)), Vec3(seed.x[p]));
            forward.vector(Vec3(end.v[p].0.map(|v| v.eps)), Vec3(seed.v[p]));
        }
        let ids: Vec<u32> = (0..count as u32).collect();
        backward.directions(&direction, &ids, &bar);
        assert_dual(&format!("{SUBSTEPS} substeps {law:?}"), forward, backward);
    }
}

#[test]
fn results_do_not_depend_on_threads_storage_order_or_place_in_the_world() {
    let run = |threads: usize, shift: i32, reversed: bool| {
        let mut model = (*scene(Law::typical(LawKind::Sand))).clone();
        let mut drive = drive(&model, 4);
        for cell in &mut model.initial.cell {
            *cell = cell.map(|c| c + shift);
        }
        for pose in &mut drive.poses {
            pose.cell = pose.cell.map(|c| c + shift);
        }
        let model = Arc::new(model);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut twin = Twin::<f32>::new(&model).unwrap();
            if reversed {
                let stored = &mut twin.present;
                stored.id.reverse();
                stored.cell.reverse();
                stored.offset.reverse();
                stored.v.reverse();
                stored.c.reverse();
                stored.f.reverse();
                stored.history.reverse();
            }
            twin.drive(&drive).unwrap();
            twin.forward_recorded(0..20).unwrap();
            let mut state = twin.read_scalar();
            for cell in &mut state.cell {
                *cell = cell.map(|c| c - shift);
            }
            let count = state.particle_count();
            twin.begin_reverse().unwrap();
            let ones = vec![[1.0, 0.5, -2.0]; count];
            twin.seed(&ObservationCotangent {
                x: ones.clone(),
                v: ones,
                ..ObservationCotangent::default()
            })
            .unwrap();
            twin.reverse(0..20).unwrap();
            (state, twin.gradient().unwrap().initial)
        })
    };
    let expected = run(1, 0, false);
    for (threads, shift, reversed) in
        [(2, 0, false), (8, 0, false), (1, 1 << 20, false), (2, -1 << 20, true)]
    {
        let same = run(threads, shift, reversed) == expected;
        assert!(same, "{threads} threads, shift {shift}, reversed {reversed}: other bits");
    }
}

#[test]
fn a_replay_from_a_checkpoint_has_the_bits_of_the_first_run() {
    let model = scene(elastic());
    let mut twin = Twin::<f32>::new(&model).unwrap();
    twin.drive(&drive(&model, 4)).unwrap();
    twin.reserve(1, 10).unwrap();
    twin.forward(0..10).unwrap();
    twin.save(0).unwrap();
    twin.forward(10..20).unwrap();
    let first = twin.fingerprint().unwrap();
    twin.restore(0).unwrap();
    twin.forward_recorded(10..20).unwrap();
    assert_eq!(twin.fingerprint().unwrap(), first);
    twin.forward(20..20).unwrap();
    twin.restore(0).unwrap();
    assert_ne!(twin.fingerprint().unwrap(), first, "the fingerprint sees no difference");
}

#[test]
fn a_particle_that_diverges_is_named_and_the_state_before_is_kept() {
    let mut model = (*scene(elastic())).clone();
    model.initial.v[5] = Vec3([f64::NAN, 0.0, 0.0]);
    let model = Arc::new(model);
    let mut twin = Twin::<f32>::new(&model).unwrap();
    twin.drive(&drive(&model, 1)).unwrap();
    let error = twin.forward(0..5).unwrap_err().to_string();
    assert!(error.contains("substep 0") && error.contains("not a number"), "{error}");
    assert!(twin.read().unwrap().v[5][0].is_nan(), "the state before is not there");
}
