// Which particles the host has to know of when chunks fall asleep and wake: where those are stored that become held,
// or free, or are dropped; and those that go to the archive, without velocities. One thread a particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> ground: Ground;
// Chunk, FATE_..., and the first word of its particles in `leaving`.
@group(0) @binding(2) var<storage, read> fates: array<vec4<i32>>;
@group(0) @binding(3) var<storage, read> particles: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> fine_cells: array<vec4<i32>>;
@group(0) @binding(5) var<storage, read_write> fate_counts: array<atomic<u32>>;
// In any order: where it is stored; of one that leaves also cell, offset, F (row by row), history.
@group(0) @binding(6) var<storage, read_write> leaving: array<u32>;

@compute @workgroup_size(64)
fn leave(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let p = thread_index(gid, groups);
    if (p >= parameters.particle_count) {
        return;
    }
    let cell = fine_cells[p].xyz;
    let offset = particles[p].xyz;
    let index = fate_of(chunk_of(cell, offset));
    if (index == NONE) {
        return;
    }
    let fate = bitcast<vec4<u32>>(fates[index]);
    let words = select(1u, LEAVING_WORDS, fate.z == FATE_LEAVES);
    let base = fate.w + words * atomicAdd(&fate_counts[index], 1u);
    leaving[base] = p;
    if (words == 1u) {
        return;
    }
    let stride = parameters.row_stride;
    let fx = particles[ROW_SHAPE * stride + p];
    let fy = particles[(ROW_SHAPE + 1u) * stride + p];
    let fz = particles[(ROW_SHAPE + 2u) * stride + p];
    for (var a = 0u; a < 3u; a++) {
        leaving[base + 1u + a] = bitcast<u32>(cell[a]);
        leaving[base + 4u + a] = bitcast<u32>(offset[a]);
        leaving[base + 7u + 3u * a] = bitcast<u32>(fx[a]);
        leaving[base + 8u + 3u * a] = bitcast<u32>(fy[a]);
        leaving[base + 9u + 3u * a] = bitcast<u32>(fz[a]);
    }
    leaving[base + 16u] = bitcast<u32>(fx.w);
}
