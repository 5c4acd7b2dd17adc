// Where the first particle of each group is stored, with which the twin compares the others. One thread a particle.

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
fn lead(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups_at: vec3<u32>) {
    let p = thread_index(gid, groups_at);
    if (p >= parameters.particle_count) {
        return;
    }
    for (var side = 0u; side < 2u; side++) {
        let place = group_of(p, side);
        if (place != NONE && atomicLoad(&groups[place].first) == NONE - ids[p]) {
            atomicStore(&groups[place].first_place, p);
        }
    }
}
