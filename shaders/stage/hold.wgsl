// Stills the particles of chunks that become held, and lets go of those of chunks that wake: in the state after a
// change, which no other has read yet. One thread a particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> ground: Ground;
@group(0) @binding(2) var<storage, read> fates: array<vec4<i32>>;
@group(0) @binding(3) var<storage, read_write> particles: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> fine_cells: array<vec4<i32>>;

@compute @workgroup_size(64)
fn hold(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let p = thread_index(gid, groups);
    if (p >= parameters.particle_count) {
        return;
    }
    let fine = fine_cells[p];
    let index = fate_of(chunk_of(fine.xyz, particles[p].xyz));
    if (index == NONE) {
        return;
    }
    let free = bitcast<u32>(fine.w) & ~PLACE_HELD;
    if (bitcast<u32>(fates[index].z) != FATE_STILLS) {
        fine_cells[p].w = bitcast<i32>(free);
        return;
    }
    fine_cells[p].w = bitcast<i32>(free | PLACE_HELD);
    for (var row = 0u; row < 3u; row++) {
        particles[(ROW_MOMENTUM + row) * parameters.row_stride + p] = vec4<f32>(0.0);
    }
}
