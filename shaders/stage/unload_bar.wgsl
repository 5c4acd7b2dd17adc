// The cotangent in id order, for the host: 33 floats a particle: x_bar, v_bar, (h C)_bar (row by
// row), F_bar (row by row), history_bar, constants_bar. One thread a particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> particles_bar: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> constants_bar: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> unloaded_bar: array<f32>;
@group(0) @binding(5) var<storage, read> locations: array<vec2<u32>>;

// Most constants of any law.
override CONSTANT_COUNT: u32 = 8u;

@compute @workgroup_size(64)
fn unload_bar(
    @builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
) {
    let p = thread_index(gid, groups);
    if (p >= parameters.particle_count) {
        return;
    }
    let stride = parameters.row_stride;
    let base = ids[p] * 33u;
    // What is not there yet has no cotangent; its rows hold those of a later time.
    let absent = is_away(locations[p]);
    for (var a = 0u; a < 3u; a++) {
        let zero = vec4<f32>(0.0);
        let row = select(particles_bar[(ROW_MOMENTUM_BAR + a) * stride + p], zero, absent);
        let column = select(particles_bar[(ROW_SHAPE_BAR + a) * stride + p], zero, absent);
        unloaded_bar[base + a] = column.w;
        unloaded_bar[base + 3u + a] = row.x;
        for (var b = 0u; b < 3u; b++) {
            unloaded_bar[base + 6u + 3u * a + b] = row[b + 1u];
            unloaded_bar[base + 15u + a + 3u * b] = column[b];
        }
    }
    unloaded_bar[base + 24u] = select(particles_bar[ROW_REST_BAR * stride + p].x, 0.0, absent);
    for (var c = 0u; c < 4u; c++) {
        unloaded_bar[base + 25u + c] = constants_bar[p][c];
        if (CONSTANT_COUNT > 4u) {
            unloaded_bar[base + 29u + c] = constants_bar[stride + p][c];
        }
    }
}
