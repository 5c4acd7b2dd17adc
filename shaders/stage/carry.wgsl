// What is not there stays away: g2p writes only particles that are. One thread a particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> locations: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> locations_out: array<vec2<u32>>;

@compute @workgroup_size(64)
fn carry(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let p = thread_index(gid, groups);
    if (p >= parameters.particle_count) {
        return;
    }
    if (is_absent(locations[p])) {
        locations_out[p] = locations[p];
    }
}
