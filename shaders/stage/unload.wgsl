// The state in id order, for the host: 28 words a particle: cell (i32 x 3), offset, v, h C (row by
// row), F (row by row), history; of one that is not there ABSENT_CELL, its sink, and zeros. One thread
// a particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> materials: array<MaterialAt, MATERIALS>;
@group(0) @binding(2) var<uniform> muscles: array<vec4<f32>, MUSCLES>;
// Those that the state's stress was computed with.
@group(0) @binding(3) var<uniform> activations: Activations;
@group(0) @binding(4) var<storage, read> particles: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> locations: array<vec2<u32>>;
@group(0) @binding(6) var<storage, read> ids: array<u32>;
@group(0) @binding(7) var<storage, read_write> unloaded: array<u32>;

// Whether the rows hold h C still (see particle_momentum) and not B.
override IS_RAW: bool = false;
// Whether the rows are wanted as they are: for a checksum.
override KEEP_ROWS: bool = false;

@compute @workgroup_size(64)
fn unload(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let p = thread_index(gid, groups);
    if (p >= parameters.particle_count) {
        return;
    }
    let base = ids[p] * 28u;
    if (is_away(locations[p])) {
        unloaded[base] = ABSENT_CELL;
        unloaded[base + 1u] = locations[p].y;
        for (var word = 2u; word < 28u; word++) {
            unloaded[base + word] = 0u;
        }
        return;
    }
    let stride = parameters.row_stride;
    let head = particles[p];
    let momentum = momentum_from_rows(
        particles[ROW_MOMENTUM * stride + p],
        particles[(ROW_MOMENTUM + 1u) * stride + p],
        particles[(ROW_MOMENTUM + 2u) * stride + p]);
    let fx = particles[ROW_SHAPE * stride + p];
    let fy = particles[(ROW_SHAPE + 1u) * stride + p];
    let fz = particles[(ROW_SHAPE + 2u) * stride + p];
    let f = mat3x3<f32>(fx.xyz, fy.xyz, fz.xyz);
    var hc = momentum.b;
    if (!IS_RAW && !KEEP_ROWS) {
        // h C = B + (4 dt/h)(V/m) tau, with the stress computed again.
        var rate = mat3x3<f32>();
        if (HAS_RATE) {
            rate = rate_from_rows(
                particles[ROW_RATE * stride + p], particles[(ROW_RATE + 1u) * stride + p]);
        }
        let tau = particle_stress(fz.w, Local(f, rate, fx.w), activations);
        hc -= particle_affine(mat3x3<f32>(), fy.w, tau);
    }

    let cell = particle_cell(p);
    for (var a = 0u; a < 3u; a++) {
        unloaded[base + a] = bitcast<u32>(cell[a]);
        unloaded[base + 3u + a] = bitcast<u32>(head[a]);
        unloaded[base + 6u + a] = bitcast<u32>(momentum.u[a]);
        for (var b = 0u; b < 3u; b++) {
            unloaded[base + 9u + 3u * a + b] = bitcast<u32>(hc[b][a]);
            unloaded[base + 18u + 3u * a + b] = bitcast<u32>(f[b][a]);
        }
    }
    unloaded[base + 27u] = bitcast<u32>(fx.w);
}
