// Adjoint of emit: what the cotangent of the state at the end of a substep has for the particles that
// came in it, for the host: 9 floats a birth: x_bar, v_bar, spin_bar. One thread a particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> births: array<Birth>;
@group(0) @binding(3) var<storage, read> particles_bar_in: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> births_bar: array<f32>;

@compute @workgroup_size(64)
fn emit_adj(
    @builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
) {
    let index = thread_index(gid, groups);
    if (index >= step.birth_count) {
        return;
    }
    let birth = step.first_birth + index;
    let p = births[birth].particle;
    let stride = parameters.row_stride;
    let bar = momentum_from_rows(
        particles_bar_in[p], particles_bar_in[stride + p], particles_bar_in[2u * stride + p]);
    // B = h [spin]; a matrix is made of columns.
    let b = bar.b;
    let spin_bar = parameters.cell_width
        * vec3<f32>(b[1].z - b[2].y, b[2].x - b[0].z, b[0].y - b[1].x);
    for (var a = 0u; a < 3u; a++) {
        births_bar[9u * birth + a] = particles_bar_in[(ROW_SHAPE_BAR + a) * stride + p].w;
        births_bar[9u * birth + 3u + a] = bar.u[a];
        births_bar[9u * birth + 6u + a] = spin_bar[a];
    }
}
