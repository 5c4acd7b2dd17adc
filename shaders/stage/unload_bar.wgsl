// The cotangent in id order, for the host. One thread a particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> particles_bar: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> constants_bar: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> unloaded_bar: array<f32>;
@group(0) @binding(5) var<storage, read> locations: array<vec2<u32>>;

@compute @workgroup_size(64)
fn unload_bar(
    @builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
) {
    let p = thread_index(gid, groups);
    if (p >= parameters.particle_count) {
        return;
    }
    // What is not there yet has no cotangent; its rows hold those of a later time.
    pack_bar(p, ids[p] * BAR_FLOATS, is_away(locations[p]));
}
