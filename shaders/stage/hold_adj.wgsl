// Adjoint of hold: velocities that were stilled have no cotangent. One thread a particle of the state before.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> ground: Ground;
@group(0) @binding(2) var<storage, read> fates: array<vec4<i32>>;
@group(0) @binding(3) var<storage, read> particles: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> fine_cells: array<vec4<i32>>;
@group(0) @binding(5) var<storage, read_write> particles_bar: array<vec4<f32>>;

@compute @workgroup_size(64)
fn hold_adj(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let p = thread_index(gid, groups);
    if (p >= parameters.particle_count) {
        return;
    }
    let index = fate_of(chunk_of(fine_cells[p].xyz, particles[p].xyz));
    if (index == NONE || bitcast<u32>(fates[index].z) != FATE_STILLS) {
        return;
    }
    for (var row = 0u; row < 3u; row++) {
        particles_bar[(ROW_MOMENTUM_BAR + row) * parameters.row_stride + p] = vec4<f32>(0.0);
    }
}
