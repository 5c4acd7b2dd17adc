// Sums over the groups in which particles may be merged. One thread a particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
// Of the control step to come.
@group(0) @binding(1) var<uniform> resolution: Resolution;
@group(0) @binding(2) var<uniform> following: Following;
@group(0) @binding(3) var<storage, read> particles: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> fine_cells: array<vec4<i32>>;
@group(0) @binding(5) var<storage, read> kinds: array<u32>;
@group(0) @binding(6) var<storage, read> ids: array<u32>;
@group(0) @binding(7) var<storage, read_write> group_tags: array<atomic<u32>>;
@group(0) @binding(8) var<storage, read_write> groups: array<MergeGroup>;
@group(0) @binding(9) var coefficients: texture_2d<f32>;

@compute @workgroup_size(64)
fn group(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups_at: vec3<u32>) {
    let p = thread_index(gid, groups_at);
    if (p >= parameters.particle_count) {
        return;
    }
    let above = group_of(p, 0u);
    let own = group_of(p, 1u);
    // What may be split, or may go to one group or another, does not leave others behind.
    let is_whole = may_be_split(p) || (above != NONE && own != NONE);
    join(p, above, 0u, is_whole);
    join(p, own, 1u, is_whole);
}

fn join(p: u32, place: u32, side: u32, is_whole: bool) {
    if (place == NONE) {
        return;
    }
    let volume = particles[p].w * particles[(ROW_SHAPE + 1u) * parameters.row_stride + p].w;
    let fill = volume / full_volume(kinds[p], site_of(p, side).level);
    atomicAdd(&groups[place].fill, u32(round(min(fill, 2.0) * GROUP_STEPS)));
    atomicAdd(&groups[place].count, 1u);
    atomicAdd(&groups[place].heavy_count, 1u - side);
    // Of numbers that are not negative, the bits are in their order.
    atomicMax(&groups[place].fastest, bitcast<u32>(way(p)));
    atomicMax(&groups[place].first, NONE - ids[p]);
    if (is_whole) {
        atomicStore(&groups[place].is_whole, 1u);
    }
}
