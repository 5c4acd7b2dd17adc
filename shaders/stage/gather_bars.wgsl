// The cotangents of particles that were made by splitting or merging, for the host. One thread each.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> following: Following;
// Where they are stored.
@group(0) @binding(2) var<storage, read> made_places: array<u32>;
@group(0) @binding(3) var<storage, read> particles_bar: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> constants_bar: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> unloaded_bar: array<f32>;

@compute @workgroup_size(64)
fn gather_bars(
    @builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
) {
    let index = thread_index(gid, groups);
    if (index >= following.made_count) {
        return;
    }
    pack_bar(made_places[index], index * BAR_FLOATS, false);
}
