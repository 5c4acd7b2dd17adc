// Corrects the affine velocities of a state whose next substep got other activations than those its
// stress was computed with: B -= (4 dt/h)(V/m) (tau_now - tau_before). One thread a particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> muscles: array<vec4<f32>, MUSCLES>;
@group(0) @binding(2) var<uniform> activation_changes: Activations;
@group(0) @binding(3) var<storage, read_write> particles: array<vec4<f32>>;

@compute @workgroup_size(64)
fn reactivate(
    @builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
) {
    let p = thread_index(gid, groups);
    if (p >= parameters.particle_count) {
        return;
    }
    let stride = parameters.row_stride;
    let fx = particles[ROW_SHAPE * stride + p];
    let fy = particles[(ROW_SHAPE + 1u) * stride + p];
    let fz = particles[(ROW_SHAPE + 2u) * stride + p];
    let muscle = u32(fz.w) / MATERIALS;
    if (muscle == 0u) {
        return;
    }
    let change = activation_changes.rows[(muscle - 1u) >> 2u][(muscle - 1u) & 3u];
    let fibre = muscles[muscle - 1u].xyz;
    let tau = muscle_stress(mat3x3<f32>(fx.xyz, fy.xyz, fz.xyz), fibre, change);
    let scale = parameters.affine_step * fy.w;
    for (var row = 0u; row < 3u; row++) {
        let at = (ROW_MOMENTUM + row) * stride + p;
        let b = vec3<f32>(tau[0][row], tau[1][row], tau[2][row]);
        particles[at] -= vec4<f32>(0.0, scale * b);
    }
}
