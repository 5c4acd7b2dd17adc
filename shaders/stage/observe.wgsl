// Positions and velocities in id order, for the host: 9 words a particle: cell (i32 x 3), offset, v;
// of one that is not there ABSENT_CELL.
// One thread a particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> particles: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> locations: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read> ids: array<u32>;
@group(0) @binding(4) var<storage, read_write> observed: array<u32>;

@compute @workgroup_size(64)
fn observe(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let p = thread_index(gid, groups);
    if (p >= parameters.particle_count) {
        return;
    }
    let base = ids[p] * 9u;
    if (is_away(locations[p])) {
        observed[base] = ABSENT_CELL;
        return;
    }
    let cell = particle_cell(p);
    let offset = particles[p].xyz;
    for (var a = 0u; a < 3u; a++) {
        observed[base + a] = bitcast<u32>(cell[a]);
        observed[base + 3u + a] = bitcast<u32>(offset[a]);
        observed[base + 6u + a] =
            bitcast<u32>(particles[(ROW_MOMENTUM + a) * parameters.row_stride + p].x);
    }
}
