// Finds the particles that the host may split or merge at the start of a control step, and packs their state
// for it: those that may be split, and all of a group that may be merged. The host decides, in f64. One thread
// a particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
// Of the control step to come.
@group(0) @binding(1) var<uniform> resolution: Resolution;
@group(0) @binding(2) var<uniform> following: Following;
@group(0) @binding(3) var<storage, read> particles: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> fine_cells: array<vec4<i32>>;
@group(0) @binding(5) var<storage, read> kinds: array<u32>;
@group(0) @binding(6) var<storage, read_write> concerned_count: atomic<u32>;
// After the head 29 words each, in any order: where it is stored, and what `unload` packs.
@group(0) @binding(7) var<storage, read_write> concerned: array<u32>;
@group(0) @binding(8) var<storage, read_write> group_tags: array<atomic<u32>>;
@group(0) @binding(9) var<storage, read_write> groups: array<MergeGroup>;
@group(0) @binding(10) var coefficients: texture_2d<f32>;

@compute @workgroup_size(64)
fn concern(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups_at: vec3<u32>) {
    let p = thread_index(gid, groups_at);
    if (p >= parameters.particle_count) {
        return;
    }
    if (!may_be_split(p) && !may_be_merged(p, 0u) && !may_be_merged(p, 1u)) {
        return;
    }
    let index = atomicAdd(&concerned_count, 1u);
    // The host sees by the count that there was no room, and asks again.
    let base = CONCERNED_HEAD + index * CONCERNED_WORDS;
    if (base + CONCERNED_WORDS > arrayLength(&concerned)) {
        return;
    }
    // Few come so far: the rest of a particle is read for them alone.
    let stride = parameters.row_stride;
    let cell = fine_cells[p].xyz;
    let head = particles[p];
    let momentum = momentum_from_rows(
        particles[ROW_MOMENTUM * stride + p],
        particles[(ROW_MOMENTUM + 1u) * stride + p],
        particles[(ROW_MOMENTUM + 2u) * stride + p]);
    let fx = particles[ROW_SHAPE * stride + p];
    let fy = particles[(ROW_SHAPE + 1u) * stride + p];
    let fz = particles[(ROW_SHAPE + 2u) * stride + p];
    let f = mat3x3<f32>(fx.xyz, fy.xyz, fz.xyz);
    concerned[base] = p;
    for (var a = 0u; a < 3u; a++) {
        concerned[base + 1u + a] = bitcast<u32>(cell[a]);
        concerned[base + 4u + a] = bitcast<u32>(head[a]);
        concerned[base + 7u + a] = bitcast<u32>(momentum.u[a]);
        for (var b = 0u; b < 3u; b++) {
            concerned[base + 10u + 3u * a + b] = bitcast<u32>(momentum.b[b][a]);
            concerned[base + 19u + 3u * a + b] = bitcast<u32>(f[b][a]);
        }
    }
    concerned[base + 28u] = bitcast<u32>(fx.w);
}

// Whether a particle may be merged in a group.
fn may_be_merged(p: u32, side: u32) -> bool {
    let place = group_of(p, side);
    if (place == NONE || following.is_unfiltered != 0u) {
        return may_stand(site_of(p, side), 0.0);
    }
    return !is_refused(p, side, place);
}
