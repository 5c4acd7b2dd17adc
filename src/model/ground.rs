//! How much of the world is awake, held, asleep and virgin, for `inspect` and `run`.

use super::summary::STATE_BYTES_F32;
use super::uniform::{Buried, UniformSummary};
use super::{Field, Frame, Levels, Model, Site};
use crate::mpm::state::{Chunk, State, count_chunks};
use serde::Serialize;

/// The world in chunks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroundSummary {
    /// Edge of a chunk [m].
    pub chunk_edge: f64,
    pub awake: PresentSummary,
    /// At the rim of what is awake: they give mass and stress and do not move.
    pub held: PresentSummary,
    pub asleep: AsleepSummary,
    /// Ground that was never made, or is again as if it had not been; it has no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virgin: Option<VirginSummary>,
    /// Particles of the finest level that all of it but the virgin would be made of on a grid of that level
    /// alone, which fills less of what lies under the ground ([`UniformSummary`]).
    pub uniform_particle_count: u64,
    /// Of their state in f32.
    pub uniform_state_bytes: u64,
    /// Those particles over the ones that are there: awake or held.
    pub uniform_ratio: f64,
}

/// Chunks whose particles are there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PresentSummary {
    pub chunks: usize,
    pub particle_count: usize,
    /// Of their state in f32.
    pub state_bytes: u64,
}

/// Chunks whose particles are archived.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AsleepSummary {
    pub chunks: usize,
    pub particle_count: u64,
    /// Compressed.
    pub memory_bytes: u64,
    pub disk_bytes: u64,
}

/// What a chunk would be that nobody is near: that at the origin, as an example.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VirginSummary {
    pub particles_per_chunk: usize,
    pub uniform_particles_per_chunk: u64,
    /// It is made when it is needed.
    pub bytes: u64,
}

/// Counts what a state has of each; `None` where nothing sleeps.
pub fn ground(model: &Model, state: &State<f64>) -> Option<GroundSummary> {
    let sleep = model.levels.sleep.as_ref()?;
    let particles = state.particles_or(&model.particles);
    let count = count_chunks(&state.chunks);
    let held = (0..state.particle_count()).filter(|&p| particles.is_held(p)).count();
    let present = |chunks: usize, particle_count: usize| PresentSummary {
        chunks,
        particle_count,
        state_bytes: particle_count as u64 * STATE_BYTES_F32,
    };
    let virgin = sleep.terrain.as_ref().and_then(|terrain| {
        let nobody = Levels { agents: Vec::new(), regions: Vec::new(), ..model.levels.clone() };
        let frame = Frame::of(model);
        let nowhere = |_| unreachable!("a field without agents has no stances");
        let field = Field::new(&nobody, frame.cell_width, frame.origin, nowhere);
        let (chunk_cells, levels) = (sleep.chunk_cells, &model.levels);
        let site = Site { frame, chunk_cells, levels, field: &field, carved: &[] };
        let chunk = terrain.chunk(&site, [0, 0]).ok()?;
        Some(VirginSummary {
            particles_per_chunk: chunk.particle_count(),
            uniform_particles_per_chunk: UniformSummary::new(model, &chunk).particle_count,
            bytes: 0,
        })
    });
    let asleep = state.chunks.iter().filter(|(_, chunk)| matches!(chunk, Chunk::Asleep(_)));
    let buried_asleep = sleep.terrain.as_ref().map_or(0, |terrain| {
        let (buried, frame) = (Buried::of(model), Frame::of(model));
        asleep.map(|(&key, _)| buried.in_chunk(terrain, frame, sleep.chunk_cells, key)).sum()
    });
    let uniform_particle_count = UniformSummary::new(model, state).particle_count
        + count.asleep_uniform.saturating_sub(buried_asleep);
    Some(GroundSummary {
        chunk_edge: f64::from(sleep.chunk_cells) * model.cell_width,
        awake: present(count.awake, state.particle_count() - held),
        held: present(count.held, held),
        asleep: AsleepSummary {
            chunks: count.asleep,
            particle_count: count.asleep_particles,
            memory_bytes: count.memory_bytes,
            disk_bytes: count.disk_bytes,
        },
        virgin,
        uniform_particle_count,
        uniform_state_bytes: uniform_particle_count * STATE_BYTES_F32,
        uniform_ratio: uniform_particle_count as f64 / state.particle_count().max(1) as f64,
    })
}
