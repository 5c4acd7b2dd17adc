// Adds an objective's derivative by positions and velocities (id order: x_bar, v_bar) to the
// cotangent; particles that are not there have none. One thread a particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> seeds: array<f32>;
@group(0) @binding(3) var<storage, read> locations: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read_write> particles_bar: array<vec4<f32>>;

@compute @workgroup_size(64)
fn seed(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let p = thread_index(gid, groups);
    if (p >= parameters.particle_count) {
        return;
    }
    if (is_away(locations[p])) {
        return;
    }
    let stride = parameters.row_stride;
    for (var a = 0u; a < 3u; a++) {
        particles_bar[(ROW_SHAPE_BAR + a) * stride + p].w += seeds[ids[p] * 6u + a];
        particles_bar[(ROW_MOMENTUM_BAR + a) * stride + p].x += seeds[ids[p] * 6u + 3u + a];
    }
}
