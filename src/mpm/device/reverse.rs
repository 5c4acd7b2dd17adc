//! The buffers of a reverse pass, and what comes out of them.

use super::exchange;
use super::layout::{
    BIRTH_BAR_FLOATS, BLOCK_CELLS, CHUNK, NONE, PARTICLE_ROWS, POSE_COMPONENTS, POSE_STRIDE,
    REACHES, UNLOADED_BAR_FLOATS, constant_count,
};
use super::motion::Motion;
use super::population::Population;
use super::rigid::RigidBars;
use super::tables::Tables;
use crate::agents::{Drive, DriveCotangent, PoseCotangent, field_at_adj};
use crate::gpu::{Buffer, Gpu, GpuError, Recording, Resources};
use crate::laws::CONSTANTS;
use crate::math::{Mat3, Vec3};
use crate::model::{Model, ReachBar};
use crate::mpm::simulator::Gradient;
use crate::mpm::state::{Cotangent, NO_MUSCLE, RigidCotangent};
use crate::mpm::twin::Asleep;
use std::sync::Arc;

/// Cotangents on the device.
pub struct Reverse {
    /// Two cotangents of a state: each substep reads one and writes the other.
    bars: [Buffer<[f32; 4]>; 2],
    /// Which of them is the present one.
    pub present: usize,
    constants_bar: Buffer<[f32; 4]>,
    constants_total: Buffer<[f32; 4]>,
    momenta_bar: Buffer<[f32; 4]>,
    pose_limbs: Buffer<i32>,
    poses_bar: Buffer<f32>,
    /// By control step, of the boxes that levels follow; none where these do not count.
    reaches_bar: Buffer<f32>,
    births_bar: Buffer<f32>,
    /// Storage places of the particles of each muscle, in whole chunks.
    members: Buffer<u32>,
    /// Muscle of each chunk.
    chunk_muscles: Vec<usize>,
    activations_bar: Buffer<f32>,
    seeds: Buffer<f32>,
    unloaded_bar: Buffer<f32>,
    rigid: RigidBars,
    /// Whose cotangents they are.
    population: Arc<Population>,
    /// What was summed over particles that were split or merged since: by the constants of each material, and
    /// by activations.
    carried: Option<(Vec<[f64; CONSTANTS]>, Vec<f64>)>,
    /// What belongs to particles that sleep.
    pub asleep: Asleep<f64>,
    /// Where cotangents go that are being moved to other particles.
    moved: Option<Moved>,
}

/// Buffers for the cotangents of another population.
struct Moved {
    /// Where it is stored otherwise; if not, the spare one of the two serves.
    bars: Option<[Buffer<[f32; 4]>; 2]>,
    constants: Buffer<[f32; 4]>,
}

impl Reverse {
    pub fn new(
        gpu: &Gpu,
        model: &Model,
        tables: &Tables,
        motion: &Motion,
        population: &Arc<Population>,
    ) -> Result<Self, GpuError> {
        let particle_count = population.count();
        let rows = PARTICLE_ROWS * population.row_stride;
        let constants = constant_count(model).div_ceil(4).max(1) * population.row_stride;
        let (members, chunk_muscles) = muscle_members(model, population);
        let moving = motion.moving.len();
        let drive = &motion.drive;
        let bar = || Buffer::new(gpu, "particle cotangents", rows);
        Ok(Self {
            bars: [bar()?, bar()?],
            present: 0,
            constants_bar: Buffer::new(gpu, "constants_bar", constants)?,
            constants_total: Buffer::new(gpu, "constants_bar with the first stress", constants)?,
            momenta_bar: Buffer::new(gpu, "momenta_bar", tables.capacity.slots * BLOCK_CELLS)?,
            pose_limbs: Buffer::new(
                gpu,
                "pose_limbs",
                (moving + model.rigid_bodies.len() + reaches(model)) * POSE_STRIDE,
            )?,
            poses_bar: Buffer::new(gpu, "poses_bar", drive.substeps() * moving * POSE_COMPONENTS)?,
            reaches_bar: Buffer::new(
                gpu,
                "reaches_bar",
                drive.control_steps * reaches(model).min(1) * REACHES * POSE_COMPONENTS,
            )?,
            births_bar: Buffer::new(
                gpu,
                "births_bar",
                (BIRTH_BAR_FLOATS * drive.births.len()).max(1),
            )?,
            activations_bar: Buffer::new(
                gpu,
                "activations_bar",
                drive.control_steps * chunk_muscles.len(),
            )?,
            members: Buffer::from_slice(gpu, "muscle members", &members)?,
            chunk_muscles,
            seeds: Buffer::new(gpu, "seeds", 6 * particle_count)?,
            unloaded_bar: Buffer::new(gpu, "unloaded_bar", UNLOADED_BAR_FLOATS * particle_count)?,
            rigid: RigidBars::new(gpu, model)?,
            population: Arc::clone(population),
            carried: None,
            asleep: Asleep::new(),
            moved: None,
        })
    }

    /// Whether cotangents are of these particles.
    pub fn is_of(&self, population: &Arc<Population>) -> bool {
        Arc::ptr_eq(&self.population, population)
    }

    /// Whether they are stored as those of these particles are: a replay makes the same population again.
    pub fn fits(&self, population: &Population) -> bool {
        self.population.row_stride == population.row_stride && self.population.ids == population.ids
    }

    /// Makes room for the cotangents of the particles that there were before some were split or merged; `summed`
    /// is what the constants of those that were made have, by material. Returns the bytes that were read.
    pub fn go_back(
        &mut self,
        gpu: &Gpu,
        model: &Model,
        drive: &Drive,
        population: &Arc<Population>,
        summed: &[(usize, [f64; CONSTANTS])],
    ) -> Result<usize, GpuError> {
        let carried = self.carried.get_or_insert_with(|| {
            (vec![[0.0; CONSTANTS]; model.materials.len()], vec![0.0; drive.activations.len()])
        });
        for (material, constants) in summed {
            let sums = carried.0[*material].iter_mut().zip(constants);
            sums.for_each(|(sum, one)| *sum += one);
        }
        let stride = population.row_stride;
        let constants = constant_count(model).div_ceil(4).max(1) * stride;
        self.moved = Some(Moved {
            bars: match stride == self.population.row_stride {
                true => None,
                false => {
                    let rows = PARTICLE_ROWS * stride;
                    let bar = || Buffer::new(gpu, "particle cotangents", rows);
                    Some([bar()?, bar()?])
                }
            },
            constants: match self.constants_total.len() == constants {
                true => self.constants_total.clone(),
                false => Buffer::new(gpu, "constants_bar", constants)?,
            },
        });
        let mut received = 0;
        if !model.muscles.is_empty() {
            let (members, chunk_muscles) = muscle_members(model, population);
            if chunk_muscles != self.chunk_muscles || members.len() != self.members.len() {
                // Other chunks: their sums until now are the host's.
                received = 4 * drive.control_steps * self.chunks();
                let sums = self.read_activations(gpu, model, drive)?;
                if let Some((_, activations)) = &mut self.carried {
                    activations.iter_mut().zip(sums).for_each(|(sum, one)| *sum += one);
                }
                let chunks = drive.control_steps * chunk_muscles.len();
                self.activations_bar = Buffer::new(gpu, "activations_bar", chunks)?;
            }
            self.members = Buffer::from_slice(gpu, "muscle members", &members)?;
            self.chunk_muscles = chunk_muscles;
        }
        let particle_count = population.count();
        if self.seeds.len() < 6 * particle_count {
            self.seeds = Buffer::new(gpu, "seeds", 6 * stride)?;
            self.unloaded_bar = Buffer::new(gpu, "unloaded_bar", UNLOADED_BAR_FLOATS * stride)?;
        }
        self.population = Arc::clone(population);
        Ok(received)
    }

    /// Offers what is moved there.
    pub fn while_moved(&self, resources: Resources) -> Resources {
        let resources = resources
            .with("particles_bar_in", &self.bars[self.present])
            .with("particles_bar", &self.bars[1 - self.present])
            .with("constants_bar_in", &self.constants_bar);
        let Some(moved) = &self.moved else { return resources };
        let resources = resources.with("constants_bar", &moved.constants);
        match &moved.bars {
            Some(bars) => resources.with("particles_bar", &bars[0]),
            None => resources,
        }
    }

    /// Goes over to what was moved.
    pub fn have_moved(&mut self) {
        let Some(Moved { bars, constants }) = self.moved.take() else { return };
        match bars {
            Some(bars) => (self.bars, self.present) = (bars, 0),
            None => self.present = 1 - self.present,
        }
        self.constants_total = std::mem::replace(&mut self.constants_bar, constants);
    }

    /// The first floats of what was packed for the host. Waits for the device.
    pub fn read_packed(&self, gpu: &Gpu, count: usize) -> Result<Vec<f32>, GpuError> {
        self.unloaded_bar.read_range(gpu, 0, count)
    }

    /// Sets everything to zero.
    pub fn clear(&mut self, recording: &mut Recording) {
        self.carried = None;
        self.asleep.clear();
        recording.clear(&self.bars[0]);
        recording.clear(&self.bars[1]);
        recording.clear(&self.constants_bar);
        recording.clear(&self.pose_limbs);
        recording.clear(&self.poses_bar);
        recording.clear(&self.reaches_bar);
        recording.clear(&self.births_bar);
        recording.clear(&self.activations_bar);
        self.rigid.clear(recording);
    }

    /// `particles_bar` is the cotangent that a kernel writes or adds to, `particles_bar_in` the
    /// other one.
    pub fn resources(&self, resources: Resources, written: usize) -> Resources {
        self.rigid
            .resources(resources)
            .with("particles_bar", &self.bars[written])
            .with("particles_bar_in", &self.bars[1 - written])
            .with("constants_bar", &self.constants_bar)
            .with("momenta_bar", &self.momenta_bar)
            .with("pose_limbs", &self.pose_limbs)
            .with("poses_bar", &self.poses_bar)
            .with("reaches_bar", &self.reaches_bar)
            .with("births_bar", &self.births_bar)
            .with("members", &self.members)
            .with("activations_bar", &self.activations_bar)
            .with("seeds", &self.seeds)
            .with("unloaded_bar", &self.unloaded_bar)
    }

    /// The rows that g2p_adj gives to the nodes, for the kernel p2g.
    pub fn contributions(&self, resources: Resources, written: usize) -> Resources {
        resources.with("contributions", &self.bars[written])
    }

    /// The same resources with a copy of the constants' cotangents, for the last step of a gradient
    /// that may be asked for again.
    pub fn total_resources(&self, recording: &mut Recording, resources: Resources) -> Resources {
        let count = self.constants_bar.len();
        recording.copy((&self.constants_bar, 0), (&self.constants_total, 0), count);
        resources.with("constants_bar", &self.constants_total)
    }

    /// `seeds`: x_bar and v_bar of each particle, by id; `rigid`: of each body.
    pub fn write_seeds(&self, gpu: &Gpu, seeds: &[f32], rigid: &[RigidCotangent<f64>]) {
        self.seeds.write(gpu, 0, seeds);
        self.rigid.write_seeds(gpu, rigid);
    }

    /// Threads of the sum over muscle members.
    pub fn chunks(&self) -> usize {
        self.chunk_muscles.len()
    }

    /// Follows a grid of another size.
    pub fn resize_grid(&mut self, gpu: &Gpu, slots: usize) -> Result<(), GpuError> {
        self.momenta_bar = Buffer::new(gpu, "momenta_bar", slots * BLOCK_CELLS)?;
        Ok(())
    }

    /// Everything that was accumulated, id order. Waits for the device.
    pub fn read(&self, gpu: &Gpu, model: &Model, motion: &Motion) -> Result<Gradient, GpuError> {
        let floats =
            self.unloaded_bar.read_range(gpu, 0, UNLOADED_BAR_FLOATS * self.population.count())?;
        let particles = self.population.particles(model);
        let mut gradient = Gradient {
            initial: Cotangent::zeros(self.population.count()),
            constants: vec![[0.0; CONSTANTS]; model.materials.len()],
            drive: DriveCotangent::default(),
            rigid: Vec::new(),
        };
        (gradient.initial.rigid, gradient.rigid) =
            self.rigid.read(gpu, model.rigid_bodies.len())?;
        for (id, words) in floats.chunks_exact(UNLOADED_BAR_FLOATS).enumerate() {
            let constants = set_bar(&mut gradient.initial, id, words, model);
            let material = particles.material[id] as usize;
            let sums = gradient.constants[material].iter_mut().zip(constants);
            sums.for_each(|(sum, one)| *sum += one);
        }
        gradient.drive = self.read_drive(gpu, model, motion)?;
        if let Some((constants, activations)) = &self.carried {
            let constants = constants.iter().flatten();
            let sums = gradient.constants.iter_mut().flatten().zip(constants);
            let by_muscle = gradient.drive.activations.iter_mut().zip(activations);
            sums.chain(by_muscle).for_each(|(sum, carried)| *sum += carried);
        }
        Ok(gradient)
    }

    fn read_drive(
        &self,
        gpu: &Gpu,
        model: &Model,
        motion: &Motion,
    ) -> Result<DriveCotangent, GpuError> {
        let drive = &motion.drive;
        let mut poses = vec![PoseCotangent::ZERO; drive.substeps() * drive.collider_count];
        let moving = motion.moving.len();
        let floats =
            self.poses_bar.read_range(gpu, 0, drive.substeps() * moving * POSE_COMPONENTS)?;
        for (index, bar) in floats.chunks_exact(POSE_COMPONENTS).enumerate() {
            let (substep, place) = (index / moving, index % moving);
            let vector = |first: usize| Vec3::from_fn(|a| f64::from(bar[first + a]));
            poses[substep * drive.collider_count + motion.moving[place]] = PoseCotangent {
                position: vector(0),
                rotation: vector(3),
                velocity: vector(6),
                angular_velocity: vector(9),
            };
        }
        self.add_agents(gpu, model, drive, &mut poses)?;
        let activations = self.read_activations(gpu, model, drive)?;
        let births = exchange::read_bars(gpu, &self.births_bar)?;
        Ok(DriveCotangent { poses, births, activations })
    }

    /// Adds what comes through where levels are, by the poses that they follow.
    fn add_agents(
        &self,
        gpu: &Gpu,
        model: &Model,
        drive: &Drive,
        poses: &mut [PoseCotangent],
    ) -> Result<(), GpuError> {
        if reaches(model) == 0 {
            return Ok(());
        }
        let row = REACHES * POSE_COMPONENTS;
        let floats = self.reaches_bar.read_range(gpu, 0, drive.control_steps * row)?;
        for (control, floats) in floats.chunks_exact(row).enumerate() {
            let bars: Vec<ReachBar> = floats.chunks_exact(POSE_COMPONENTS).map(reach_bar).collect();
            let start = control * drive.substeps_per_control;
            field_at_adj(model, drive, start, &bars, poses);
        }
        Ok(())
    }

    /// By control step and muscle.
    fn read_activations(
        &self,
        gpu: &Gpu,
        model: &Model,
        drive: &Drive,
    ) -> Result<Vec<f64>, GpuError> {
        let mut activations = vec![0.0; drive.control_steps * drive.muscle_count];
        let chunks = self.chunks();
        let sums = self.activations_bar.read_range(gpu, 0, drive.control_steps * chunks)?;
        for (control, sums) in sums.chunks_exact(chunks.max(1)).enumerate() {
            for (&muscle, &sum) in self.chunk_muscles.iter().zip(sums) {
                activations[control * model.muscles.len() + muscle] += f64::from(sum);
            }
        }
        Ok(activations)
    }

    pub fn bytes(&self) -> u64 {
        2 * self.bars[0].bytes()
            + 2 * self.constants_bar.bytes()
            + self.momenta_bar.bytes()
            + self.poses_bar.bytes()
            + self.reaches_bar.bytes()
            + self.births_bar.bytes()
            + self.activations_bar.bytes()
            + self.members.bytes()
            + self.seeds.bytes()
            + self.unloaded_bar.bytes()
            + self.rigid.bytes()
    }
}

/// Boxes whose cotangents are summed.
fn reaches(model: &Model) -> usize {
    if model.levels.moves_in_gradients() { model.levels.most_reaches() } else { 0 }
}

/// In the places of a pose's components, as `reach_adj` fills them.
fn reach_bar(floats: &[f32]) -> ReachBar {
    let at = |i: usize| f64::from(floats[i]);
    let vector = |first: usize| Vec3::from_fn(|a| at(first + a));
    ReachBar { position: vector(0), turn: at(5), low: vector(6), high: [at(9), at(10)] }
}

/// The rows of one particle's cotangent.
pub fn bar_rows(bar: &Cotangent<f64>, id: usize, model: &Model) -> [[f32; 4]; PARTICLE_ROWS] {
    // By h C, as the rows hold it.
    let (c, f) = (bar.c[id] * (1.0 / model.cell_width), bar.f[id]);
    let row = |row: usize| match row {
        0..3 => [bar.v[id][row], c[(row, 0)], c[(row, 1)], c[(row, 2)]],
        3..6 => [f[(0, row - 3)], f[(1, row - 3)], f[(2, row - 3)], bar.x[id][row - 3]],
        _ => [bar.history[id], 0.0, 0.0, 0.0],
    };
    std::array::from_fn(|r| row(r).map(|x| x as f32))
}

/// Sets the cotangent of a particle from the floats that `unload_bar` packs; returns that of the constants.
pub fn set_bar(
    bars: &mut Cotangent<f64>,
    id: usize,
    floats: &[f32],
    model: &Model,
) -> [f64; CONSTANTS] {
    let at = |i: usize| f64::from(floats[i]);
    let vector = |first: usize| Vec3::from_fn(|a| at(first + a));
    let matrix = |first: usize| Mat3::from_fn(|a, b| at(first + 3 * a + b));
    bars.x[id] = vector(0);
    bars.v[id] = vector(3);
    bars.c[id] = matrix(6) * model.cell_width;
    bars.f[id] = matrix(15);
    bars.history[id] = at(24);
    std::array::from_fn(|i| at(25 + i))
}

/// Storage places of each muscle's particles in id order, padded to whole chunks; and the muscle of
/// each chunk.
fn muscle_members(model: &Model, population: &Population) -> (Vec<u32>, Vec<usize>) {
    let places = &population.places;
    let (mut members, mut chunk_muscles) = (Vec::new(), Vec::new());
    for muscle in 0..model.muscles.len() {
        let of = &population.particles(model).muscle;
        let ids = (0..places.len()).filter(|&id| of[id] != NO_MUSCLE && of[id] as usize == muscle);
        members.extend(ids.map(|id| places[id]));
        members.resize(members.len().next_multiple_of(CHUNK), NONE);
        chunk_muscles.resize(members.len() / CHUNK, muscle);
    }
    (members, chunk_muscles)
}
