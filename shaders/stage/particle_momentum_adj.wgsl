// Adjoint of particle_momentum: the last step of a reverse pass. (h C)_bar = B_bar stays as it is;
// tau_bar = -(4 dt/h)(V/m) B_bar goes to F and the parameters. One thread a particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<uniform> materials: array<MaterialAt, MATERIALS>;
@group(0) @binding(3) var<uniform> muscles: array<vec4<f32>, MUSCLES>;
@group(0) @binding(4) var<uniform> activations: Activations;
@group(0) @binding(5) var<storage, read> particles: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> particles_bar_in: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> particles_bar: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> constants_bar: array<vec4<f32>>;
@group(0) @binding(9) var<storage, read> locations: array<vec2<u32>>;

@compute @workgroup_size(64)
fn particle_momentum_adj(
    @builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
) {
    let p = thread_index(gid, groups);
    if (p >= parameters.particle_count) {
        return;
    }
    if (is_absent(locations[p])) {
        return;
    }
    let stride = parameters.row_stride;
    let fx = particles[ROW_SHAPE * stride + p];
    let fy = particles[(ROW_SHAPE + 1u) * stride + p];
    let fz = particles[(ROW_SHAPE + 2u) * stride + p];
    var taken = momentum_from_rows(
        particles_bar_in[p], particles_bar_in[stride + p], particles_bar_in[2u * stride + p]);
    let tau_bar = stress_bar_of_affine(fy.w, taken.b);
    let f = mat3x3<f32>(fx.xyz, fy.xyz, fz.xyz);
    var rate = mat3x3<f32>();
    if (HAS_RATE) {
        rate = rate_from_rows(
            particles[ROW_RATE * stride + p], particles[(ROW_RATE + 1u) * stride + p]);
    }
    let stressed = particle_stress_adj(fz.w, Local(f, rate, fx.w), activations, tau_bar);
    if (HAS_RATE) {
        taken.b += stressed.law.rate_bar * (1.0 / parameters.cell_width);
    }

    particles_bar[p] = momentum_row(taken, 0u);
    particles_bar[stride + p] = momentum_row(taken, 1u);
    particles_bar[2u * stride + p] = momentum_row(taken, 2u);
    for (var column = 0u; column < 3u; column++) {
        let row = (ROW_SHAPE_BAR + column) * stride + p;
        particles_bar[row] = particles_bar_in[row] + vec4<f32>(stressed.law.f_bar[column], 0.0);
    }
    let rest = particles_bar_in[ROW_REST_BAR * stride + p];
    let before = select(rest.y, 0.0, step.restart != 0u);
    particles_bar[ROW_REST_BAR * stride + p] =
        vec4<f32>(rest.x + stressed.law.history_bar, before + stressed.activation_bar, 0.0, 0.0);
    constants_bar[p] += stressed.law.k_bar.low;
    if (CONSTANT_COUNT > 4u) {
        constants_bar[stride + p] += stressed.law.k_bar.high;
    }
}
