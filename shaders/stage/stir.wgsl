// What the particles of each chunk of the ground do at the start of a control step: how many there are, and how fast
// those are that are not held. A maximum of integers does not depend on the order. One thread a particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> ground: Ground;
@group(0) @binding(2) var<storage, read> particles: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> fine_cells: array<vec4<i32>>;
@group(0) @binding(4) var<storage, read> kinds: array<u32>;
// After the head five words each: one more than a particle of the chunk, the chunk, one more than the bits of the
// square of the largest speed, or zero if nothing is free, and how many particles.
@group(0) @binding(5) var<storage, read_write> chunk_table: array<atomic<u32>>;

// The square of a speed beyond all others [m²/s²].
const ENDLESS: f32 = 3e38;

// Most particles of a workgroup are of the chunk of its first one: these are put together first.
var<workgroup> first_chunk: vec2<i32>;
var<workgroup> stirred_there: atomic<u32>;
var<workgroup> count_there: atomic<u32>;

@compute @workgroup_size(64)
fn stir(
    @builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let p = thread_index(gid, groups);
    let is_there = p < parameters.particle_count;
    var chunk = vec2<i32>(0);
    var stirred = 0u;
    if (is_there) {
        let fine = fine_cells[p];
        chunk = chunk_of(fine.xyz, particles[p].xyz);
        if ((bitcast<u32>(fine.w) & PLACE_HELD) == 0u) {
            stirred = bitcast<u32>(select(speed_squared(p), ENDLESS, pulls(p))) + 1u;
        }
    }
    if (lane == 0u) {
        first_chunk = chunk;
    }
    workgroupBarrier();
    let is_first = all(chunk == first_chunk);
    if (is_there && is_first) {
        atomicMax(&stirred_there, stirred);
        atomicAdd(&count_there, 1u);
    }
    workgroupBarrier();
    if (is_there && !is_first) {
        note(p, chunk, stirred, 1u);
    } else if (is_there && lane == 0u) {
        note(p, chunk, atomicLoad(&stirred_there), atomicLoad(&count_there));
    }
}

// A muscle may pull whenever it is told to: it counts as what moves.
fn pulls(p: u32) -> bool {
    if (!HAS_MUSCLES) {
        return false;
    }
    return particle_class(particles[(ROW_SHAPE + 2u) * parameters.row_stride + p].w).muscle != 0u;
}

// The square of the velocity [m²/s²]; the affine motion at the edge of its cell counts as well.
fn speed_squared(p: u32) -> f32 {
    let stride = parameters.row_stride;
    let m = momentum_from_rows(
        particles[ROW_MOMENTUM * stride + p],
        particles[(ROW_MOMENTUM + 1u) * stride + p],
        particles[(ROW_MOMENTUM + 2u) * stride + p]);
    let half = 0.5 * level_scale(kinds[p] & KIND_LEVEL);
    let affine = dot(m.b[0], m.b[0]) + dot(m.b[1], m.b[1]) + dot(m.b[2], m.b[2]);
    return max(dot(m.u, m.u), half * half * affine);
}

fn note(p: u32, chunk: vec2<i32>, stirred: u32, count: u32) {
    let base = place_of(p, chunk);
    if (base == NONE) {
        // The host makes room, and asks again.
        atomicStore(&chunk_table[0], 1u);
        return;
    }
    atomicMax(&chunk_table[base + 3u], stirred);
    atomicAdd(&chunk_table[base + 4u], count);
}

// First word of a chunk in the table, which gets a place if it has none yet; NONE where the table is full.
fn place_of(p: u32, chunk: vec2<i32>) -> u32 {
    let size = (arrayLength(&chunk_table) - CHUNKS_HEAD) / CHUNK_WORDS;
    var place = hash_key(vec4<i32>(chunk, 0, 0)) % size;
    for (var probe = 0u; probe < size; probe++) {
        let base = CHUNKS_HEAD + place * CHUNK_WORDS;
        // A failed exchange may be spurious: it then says that the place is empty, and is tried again.
        var found = atomicLoad(&chunk_table[base]);
        while (found == 0u) {
            let exchange = atomicCompareExchangeWeak(&chunk_table[base], 0u, p + 1u);
            found = select(exchange.old_value, p + 1u, exchange.exchanged);
        }
        if (found == p + 1u) {
            atomicStore(&chunk_table[base + 1u], bitcast<u32>(chunk.x));
            atomicStore(&chunk_table[base + 2u], bitcast<u32>(chunk.y));
            return base;
        }
        if (all(chunk_of(fine_cells[found - 1u].xyz, particles[found - 1u].xyz) == chunk)) {
            return base;
        }
        place = (place + 1u) % size;
    }
    return NONE;
}
