// Finds the levels that each particle takes part in, for a state that no `g2p_blended` has just written,
// or in another field than that one knew. One thread a particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
// Of the control step to come.
@group(0) @binding(1) var<uniform> resolution: Resolution;
@group(0) @binding(2) var<storage, read> particles: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> fine_cells: array<vec4<i32>>;
@group(0) @binding(4) var coefficients: texture_2d<f32>;

@compute @workgroup_size(64)
fn enter(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let p = thread_index(gid, groups);
    if (p >= parameters.particle_count) {
        return;
    }
    let fine = fine_cells[p];
    let held = bitcast<u32>(fine.w) & PLACE_HELD;
    fine_cells[p].w = bitcast<i32>(held | levels_of(fine.xyz, particles[p].xyz));
}
