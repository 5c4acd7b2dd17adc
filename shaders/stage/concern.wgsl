// Finds the particles that the host may split or merge at the start of a control step, and packs their state
// for it. The host decides, in f64; what it cannot choose is left out here, with a tolerance for the round-off
// of f32 (src/mpm/twin/levels/change.rs, `splits` and `merges`). One thread a particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
// Of the control step to come.
@group(0) @binding(1) var<uniform> resolution: Resolution;
@group(0) @binding(2) var<uniform> following: Following;
@group(0) @binding(3) var<storage, read> particles: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> fine_cells: array<vec4<i32>>;
@group(0) @binding(5) var<storage, read> kinds: array<u32>;
@group(0) @binding(6) var<storage, read_write> concerned_count: atomic<u32>;
// 29 words each, in any order: where it is stored, and what `unload` packs.
@group(0) @binding(7) var<storage, read_write> concerned: array<u32>;

@compute @workgroup_size(64)
fn concern(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let p = thread_index(gid, groups);
    if (p >= parameters.particle_count) {
        return;
    }
    let stride = parameters.row_stride;
    let cell = fine_cells[p].xyz;
    let head = particles[p];
    let momentum = momentum_from_rows(
        particles[ROW_MOMENTUM * stride + p],
        particles[(ROW_MOMENTUM + 1u) * stride + p],
        particles[(ROW_MOMENTUM + 2u) * stride + p]);
    if (!may_be_split(kinds[p], cell, head.xyz, momentum.u)
        && !may_be_merged(kinds[p], cell, head.xyz)) {
        return;
    }
    let index = atomicAdd(&concerned_count, 1u);
    // The host sees by the count that there was no room, and asks again.
    let base = CONCERNED_HEAD + index * CONCERNED_WORDS;
    if (base + CONCERNED_WORDS > arrayLength(&concerned)) {
        return;
    }
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

// Half the spacing of a level's particles [m].
fn half_spacing(level: u32) -> f32 {
    return 0.25 * parameters.cell_width * level_scale(level);
}

// By how much a distance that is compared may be off [m].
fn tolerance(compared: f32) -> f32 {
    return following.tolerance + RELATIVE_TOLERANCE * compared;
}
// Of a distance by several reaches, of a speed: some f32 round-offs, and as much again.
const RELATIVE_TOLERANCE: f32 = 1e-5;

// Distance at which a level is left for the next one [m].
fn end_of_band(level: u32) -> f32 {
    return resolution.bands[level].x + resolution.bands[level].y;
}

// Whether a finer level than a particle's own may take part where it is or may come.
fn may_be_split(kind: u32, cell: vec3<i32>, offset: vec3<f32>, v: vec3<f32>) -> bool {
    let level = kind & KIND_LEVEL;
    if (level == 0u) {
        return false;
    }
    let distance = distance_to_reaches(cell, offset).value;
    let nearer = length(v) * following.control_secs + half_spacing(level);
    var is_near = false;
    for (var l = 0u; l < level; l++) {
        is_near = is_near || distance - nearer - tolerance(distance + nearer) < end_of_band(l);
    }
    return is_near;
}

// Whether a particle may be one of a group that is merged.
fn may_be_merged(kind: u32, cell: vec3<i32>, offset: vec3<f32>) -> bool {
    let level = kind & KIND_LEVEL;
    if ((kind & KIND_MERGES) == 0u) {
        return false;
    }
    let above = level < resolution.band_count && may_stand(kind, level + 1u, cell, offset);
    let light = (kind & KIND_LIGHT) != 0u;
    return above || (light && may_stand(kind, level, cell, offset));
}

// Whether a particle of a level may stand in the middle of the site of its lattice that a place lies in.
fn may_stand(kind: u32, level: u32, cell: vec3<i32>, offset: vec3<f32>) -> bool {
    let site = middle_of_site(kind, level, cell, offset);
    let distance = distance_to_reaches(site.cell, site.offset).value;
    let margin = following.hysteresis + half_spacing(level);
    var is_far = true;
    for (var l = 0u; l < level; l++) {
        is_far = is_far && distance - margin + tolerance(distance + margin) >= end_of_band(l);
    }
    return is_far;
}

struct SitePlace {
    cell: vec3<i32>,
    offset: vec3<f32>,
}

// The middle of the site of a level's lattice that a place lies in, `sub_cell` and `middle` of the twin: exact,
// for sites are as wide as a power of two, in cells.
fn middle_of_site(kind: u32, level: u32, cell: vec3<i32>, offset: vec3<f32>) -> SitePlace {
    // Particles along the edge of a cell are 2^finer.
    let finer = (kind / KIND_FINER) & 3u;
    if (finer > level) {
        let parts = level_scale(finer - level);
        return SitePlace(cell, (floor(offset * parts) + 0.5) / parts);
    }
    let shift = vec3<u32>(level - finer);
    let first = ((cell + vec3<i32>(floor(offset))) >> shift) << shift;
    let half = 0.5 * level_scale(level - finer);
    return SitePlace(first + i32(half), vec3<f32>(half - floor(half)));
}
