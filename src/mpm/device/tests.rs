//! Every stage's adjoint on the device against dual numbers: `<J v, w> = <v, Jᵀ w>` for random v and
//! w, with J v from the twin's stage on duals and Jᵀ w from the shaders.
//!
//! The device cuts a substep elsewhere than the twin: the stress belongs to the end of g2p, and to
//! `particle_momentum` for the first state. Each test pairs the same composition on both sides.

use super::layout::{BLOCK_CELLS, Block, ListArguments, POSE_COMPONENTS};
use super::placement::row_stride;
use super::*;
use crate::gpu::{AdapterChoice, Dispatch, Recording};
use crate::laws::LawKind;
use crate::math::{Dual, Mat3, Quad, Vec3};
use crate::model::Law;
use crate::mpm::simulator::Simulator;
use crate::mpm::state::{Cotangent, NO_MUSCLE};
use crate::mpm::twin::material::{self, Local};
use crate::mpm::twin::tests::*;
use std::collections::HashMap;

/// Relative to the sum of the absolute products: some units of f32 round-off (6e-8) in each, of which
/// most average out over some thousand (seen: 3e-8).
const BOUND: f64 = 5e-7;

/// A device, as `tests/adapter` finds one.
fn gpu() -> Option<Gpu> {
    match Gpu::headless(&AdapterChoice::Auto) {
        Ok(gpu) => Some(gpu),
        Err(error) if std::env::var_os("SOFTSCAPE_ALLOW_NO_GPU").is_some_and(|v| v == "1") => {
            eprintln!("SKIPPED, no device to test on: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// A simulator whose tables are those of substep 0 and whose present state is the one before it.
struct Walk {
    model: Arc<Model>,
    drive: crate::agents::Drive,
    simulator: GpuSimulator,
    blocks: Vec<Block>,
    /// By block coordinates.
    slots: HashMap<[i32; 3], usize>,
}

impl Walk {
    fn new(law: Law) -> Option<Self> {
        let gpu = gpu()?;
        let model = scene(law);
        let drive = drive(&model, 1);
        let mut simulator = GpuSimulator::new(&model, &gpu).unwrap();
        simulator.drive(&drive).unwrap();
        simulator.forward_recorded(0..1).unwrap();
        simulator.begin_reverse().unwrap();
        simulator.present.state = simulator.record.substeps[0].state;
        let blocks = simulator.tables.numbering().blocks.read(&gpu).unwrap();
        let used = blocks.iter().enumerate().filter(|(slot, b)| b.neighbours[13] as usize == *slot);
        let slots = used.map(|(slot, b)| ([b.key[0], b.key[1], b.key[2]], slot)).collect();
        Some(Self { model, drive, simulator, blocks, slots })
    }

    fn gpu(&self) -> &Gpu {
        &self.simulator.gpu
    }

    /// Runs a kernel of substep 0 with some of its buffers replaced.
    fn launch(&self, kernel: KernelId, over: Over, buffers: &[(&str, &Buffer<[f32; 4]>)]) {
        let io = self.simulator.io();
        let resources = self.simulator.resources(kernel, io);
        let resources = buffers.iter().fold(resources, |r, (name, buffer)| r.with(name, buffer));
        let lists = self.simulator.tables.list_arguments();
        let size = match over {
            Over::Occupied => Dispatch::Indirect(lists, ListArguments::OCCUPIED),
            Over::Nodes => Dispatch::Indirect(lists, ListArguments::NODES),
            _ => Dispatch::Threads(moving_colliders(&self.model).len() * POSE_COMPONENTS),
        };
        let elements = self.simulator.elements(kernel, 0);
        let kernel = self.simulator.kernels.get(kernel);
        let bound = kernel.bind(self.gpu(), &resources).unwrap();
        let mut recording = Recording::new(self.gpu());
        recording.dispatch(kernel, &bound, &elements, size);
        recording.submit();
    }

    fn buffer(&self, rows: &[[f32; 4]]) -> Buffer<[f32; 4]> {
        Buffer::from_slice(self.gpu(), "test", rows).unwrap()
    }

    fn nodes(&self) -> usize {
        self.simulator.tables.capacity.slots * BLOCK_CELLS
    }

    /// Place of a node in a grid array, by its block and its number in the twin, which counts z
    /// fastest.
    fn place(&self, key: BlockKey, node: usize) -> usize {
        let slot = self.slots[&key.at];
        slot * BLOCK_CELLS + node / 16 + 4 * (node / 4 % 4) + 16 * (node % 4)
    }

    fn to_device(&self, keys: &[BlockKey], grid: &Grid<f64>) -> Buffer<[f32; 4]> {
        let mut rows = vec![[0.0; 4]; self.nodes()];
        for (&key, block) in keys.iter().zip(grid) {
            for (node, row) in block.iter().enumerate() {
                rows[self.place(key, node)] = row.array().map(|x| x as f32);
            }
        }
        self.buffer(&rows)
    }

    fn read_back(&self, keys: &[BlockKey], rows: &Buffer<[f32; 4]>) -> Grid<f64> {
        let rows = rows.read(self.gpu()).unwrap();
        let node = |key, node| Quad::new(rows[self.place(key, node)].map(f64::from));
        keys.iter().map(|&key| std::array::from_fn(|n| node(key, n))).collect()
    }

    fn moment_count(&self) -> usize {
        self.simulator.tables.capacity.occupied * 27 * BLOCK_CELLS
    }

    /// Calls with the place of each moment of an occupied cell and the absolute node it is for.
    fn for_each_moment(&self, mut call: impl FnMut(usize, [i32; 3])) {
        for block in self.blocks.iter().filter(|b| b.mask != [0; 2]) {
            for cell in (0..64).filter(|c| block.mask[c / 32] >> (c % 32) & 1 == 1) {
                let local = [cell % 4, cell / 4 % 4, cell / 16];
                for moment in 0..27 {
                    let d = [moment % 3, moment / 3 % 3, moment / 9];
                    let node = std::array::from_fn(|a| {
                        block.key[a] * 4 + local[a] as i32 + d[a] as i32 - 1
                    });
                    call((block.occupied_index as usize * 27 + moment) * 64 + cell, node);
                }
            }
        }
    }

    /// The sums that nodes make of moments.
    fn node_sums(&self, keys: &[BlockKey], moments: &[[f32; 4]]) -> Grid<f64> {
        let mut sums: HashMap<[i32; 3], [f64; 4]> = HashMap::new();
        self.for_each_moment(|place, node| {
            let sum = sums.entry(node).or_default();
            (0..3).for_each(|a| sum[a] += f64::from(moments[place][a]));
        });
        let at = |key: BlockKey, n: usize| {
            let local = [n / 16, n / 4 % 4, n % 4];
            let node = std::array::from_fn(|a| key.at[a] * 4 + local[a] as i32);
            Quad::new(sums.get(&node).copied().unwrap_or_default())
        };
        keys.iter().map(|&key| std::array::from_fn(|n| at(key, n))).collect()
    }
}

fn assert_transposed(stage: &str, forward: Pairing, backward: Pairing) {
    let error = (forward.sum - backward.sum).abs() / forward.size.max(backward.size);
    println!("{stage}: {error:.1e}");
    assert!(
        error <= BOUND && forward.size > 0.0,
        "{stage}: <Jv, w> = {:.9e}, <v, Jt w> = {:.9e}, relative {error:.1e}",
        forward.sum,
        backward.sum
    );
}

#[test]
fn p2g_adj_with_the_stress_is_the_transpose_of_p2g() {
    for law in laws() {
        let Some(mut walk) = Walk::new(law) else { return };
        let (model, mut random) = (Arc::clone(&walk.model), Random::new(11));
        let direction = random_direction(&mut random, model.initial.particle_count());
        let dual = stored_dual(&model, &direction);
        let sorted = sort(&dual, &Arc::default());
        let command = Command::at(&model, &walk.drive, 0);
        let scratch = &mut Scratch::new();
        let grid = p2g(&Context::<Dual>::new(&model), &command, &dual, &sorted, scratch);

        let grid_bar = random_grid(&mut random, grid.len(), [1.0; 4]);
        let momenta_bar = walk.to_device(&sorted.blocks.node_keys, &grid_bar);
        walk.launch(KernelId::P2gAdj, Over::Occupied, &[("momenta_bar", &momenta_bar)]);
        // Goes on through particle_momentum_adj.
        let bar = walk.simulator.gradient().unwrap().initial;

        let (mut forward, mut backward) = (Pairing::default(), Pairing::default());
        forward.grids(&grid, &grid_bar);
        backward.directions(&direction, &(0..bar.x.len() as u32).collect::<Vec<_>>(), &bar);
        assert_transposed(&format!("p2g {law:?}"), forward, backward);
    }
}

#[test]
fn grid_update_adj_is_the_transpose_of_grid_update_by_nodes_and_by_poses() {
    let Some(mut walk) = Walk::new(elastic()) else { return };
    let (model, mut random) = (Arc::clone(&walk.model), Random::new(12));
    let sorted = sort(&stored(&model), &Arc::default());
    let keys = &sorted.blocks.node_keys;
    let mut momentum = random_grid(&mut random, keys.len(), [1.0; 4]);
    let momentum_dot = random_grid(&mut random, keys.len(), [1.0; 4]);
    // Positive masses, and every fifth node empty.
    for (n, row) in momentum.iter_mut().flatten().enumerate() {
        let [x, y, z, m] = row.array();
        *row = Quad::new([x, y, z, if n % 5 == 0 { 0.0 } else { 1.0 + m.abs() }]);
    }
    let mut command = Command::<Dual>::at(&model, &walk.drive, 0);
    // The floor does not move: the device has no cotangent of it.
    let ball = &mut command.colliders[1];
    let dot: [Vec3<f64>; 3] = std::array::from_fn(|_| random.vector(1.0));
    for (v, dot) in [
        (&mut ball.offset, dot[0]),
        (&mut ball.velocity, dot[1]),
        (&mut ball.angular_velocity, dot[2]),
    ] {
        *v = Vec3::from_fn(|i| Dual::new(v[i].re, dot[i]));
    }
    let dual_momentum = dual_grid(&momentum, &momentum_dot);
    let scratch = &mut Scratch::new();
    let solids = Solids::new(&[], &command);
    let (velocities, _) =
        grid_update(&Context::<Dual>::new(&model), solids, &sorted, &dual_momentum, scratch);

    let mut moments = vec![[0.0f32; 4]; walk.moment_count()];
    walk.for_each_moment(|place, _| {
        moments[place] = std::array::from_fn(|_| random.number() as f32);
    });
    let velocity_bar = walk.node_sums(keys, &moments);
    let momenta_bar = walk.buffer(&vec![[0.0; 4]; walk.nodes()]);
    walk.launch(
        KernelId::GridUpdateAdj,
        Over::Nodes,
        &[
            ("moments", &walk.buffer(&moments)),
            ("momenta", &walk.to_device(keys, &momentum)),
            ("momenta_bar", &momenta_bar),
        ],
    );
    walk.launch(KernelId::PoseTotal, Over::Poses, &[]);
    let grid_bar = walk.read_back(keys, &momenta_bar);
    let pose = walk.simulator.gradient().unwrap().drive.poses[1];

    let (mut forward, mut backward) = (Pairing::default(), Pairing::default());
    forward.grids(&velocities, &velocity_bar);
    for (a, b) in momentum_dot.iter().flatten().zip(grid_bar.iter().flatten()) {
        let (a, b) = (a.array(), b.array());
        (0..4).for_each(|n| backward.add(a[n], b[n]));
    }
    assert!(pose.velocity.norm_squared() > 0.0, "the ball met no node");
    backward.vector(dot[0], pose.position);
    backward.vector(dot[1], pose.velocity);
    backward.vector(dot[2], pose.angular_velocity);
    assert_transposed("grid_update", forward, backward);
}

#[test]
fn g2p_adj_with_the_next_stress_is_the_transpose_of_g2p() {
    for law in laws() {
        let Some(walk) = Walk::new(law) else { return };
        let (model, mut random) = (&walk.model, Random::new(13));
        let count = model.initial.particle_count();
        let direction = random_direction(&mut random, count);
        let dual = stored_dual(model, &direction);
        let sorted = sort(&dual, &Arc::default());
        let keys = &sorted.blocks.node_keys;
        let velocities = random_grid(&mut random, keys.len(), [1.0, 1.0, 1.0, 0.0]);
        let velocities_dot = random_grid(&mut random, keys.len(), [1.0, 1.0, 1.0, 0.0]);
        let dual_velocities = dual_grid(&velocities, &velocities_dot);
        let scratch = &mut Scratch::new();
        let mut after =
            g2p(&Context::new(model), &dual, &sorted, &dual_velocities, scratch).unwrap();
        // C becomes B: what a particle gives to the grid next.
        for k in 0..count {
            after.c[k] = affine(&walk, &after, k);
        }
        let next_bar = random_direction(&mut random, count);
        let by_id = cotangent_by_id(after.id.len(), &after.id, &next_bar);

        let particles_bar = walk.buffer(&vec![[0.0; 4]; bar_rows(&walk, &by_id).len()]);
        let moments = walk.buffer(&vec![[0.0; 4]; walk.moment_count()]);
        let particles_bar_in = walk.buffer(&bar_rows(&walk, &by_id));
        walk.launch(
            KernelId::G2pAdj,
            Over::Occupied,
            &[
                ("velocities", &walk.to_device(keys, &velocities)),
                ("particles_bar_in", &particles_bar_in),
                ("particles_bar", &particles_bar),
            ],
        );
        walk.launch(
            KernelId::P2gOfCotangents,
            Over::Occupied,
            &[("contributions", &particles_bar), ("moments", &moments)],
        );
        let velocity_bar = walk.node_sums(keys, &moments.read(walk.gpu()).unwrap());
        let bar = particles_bar.read(walk.gpu()).unwrap();

        let (mut forward, mut backward) = (Pairing::default(), Pairing::default());
        forward.states(&after, &next_bar);
        let stride = row_stride(count);
        for id in 0..count {
            let place = walk.simulator.population.places[id] as usize;
            for column in 0..3 {
                let row = bar[(3 + column) * stride + place];
                (0..3).for_each(|a| backward.add(direction.f[id][(a, column)], f64::from(row[a])));
                backward.add(direction.x[id][column], f64::from(row[3]));
            }
            backward.add(direction.history[id], f64::from(bar[6 * stride + place][0]));
        }
        for (a, b) in velocities_dot.iter().flatten().zip(velocity_bar.iter().flatten()) {
            let (a, b) = (a.array(), b.array());
            (0..3).for_each(|n| backward.add(a[n], b[n]));
        }
        assert_transposed(&format!("g2p {law:?}"), forward, backward);
    }
}

/// B = h C - (4 dt / h) (V/m) tau of a particle of the state after a substep.
fn affine(walk: &Walk, after: &Stored<Dual>, k: usize) -> Mat3<Dual> {
    let (model, id) = (&walk.model, after.id[k] as usize);
    let real = Dual::from;
    let law = &model.materials[model.particles.material[id] as usize].law;
    let (kind, constants) = (law.kind(), law.constants().map(real));
    let spec = LawKind::spec(kind);
    let at = Local {
        f: after.f[k],
        c: if spec.reads_rate { after.c[k] } else { Mat3::zero() },
        history: if spec.has_history { after.history[k] } else { real(0.0) },
    };
    let mut tau = material::stress(kind, &constants, &at);
    if model.particles.muscle[id] != NO_MUSCLE {
        let muscle = model.particles.muscle[id] as usize;
        let fibre = Vec3(model.muscles[muscle].fibre.0.map(real));
        // That of the next substep, which is in the same control step.
        let activation = real(walk.drive.activations_at(1)[muscle]);
        tau += material::muscle_stress(at.f, fibre, activation);
    }
    let specific_volume = model.particles.volume[id] / model.particles.mass[id];
    let affine_step = 4.0 * model.substep_secs / model.cell_width;
    after.c[k] * real(model.cell_width) - tau * real(affine_step * specific_volume)
}

/// A cotangent of (x, v, B, F, history), entry by id, as the device keeps it.
fn bar_rows(walk: &Walk, bar: &Cotangent<f64>) -> Vec<[f32; 4]> {
    let stride = row_stride(bar.x.len());
    let mut rows = vec![[0.0; 4]; layout::PARTICLE_ROWS * stride];
    for id in 0..bar.x.len() {
        let place = walk.simulator.population.places[id] as usize;
        let (b, f) = (bar.c[id], bar.f[id]);
        let mut set =
            |row: usize, values: [f64; 4]| rows[row * stride + place] = values.map(|x| x as f32);
        for r in 0..3 {
            set(r, [bar.v[id][r], b[(r, 0)], b[(r, 1)], b[(r, 2)]]);
            set(3 + r, [f[(0, r)], f[(1, r)], f[(2, r)], bar.x[id][r]]);
        }
        set(6, [bar.history[id], 0.0, 0.0, 0.0]);
    }
    rows
}
