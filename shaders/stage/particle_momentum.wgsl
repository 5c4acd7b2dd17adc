// Makes a loaded state ready for its first substep: rows (v_r, h C_r.) become (v_r, B_r.), by the
// stress. Later states get theirs from g2p. One thread a particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> materials: array<MaterialAt, MATERIALS>;
@group(0) @binding(2) var<uniform> muscles: array<vec4<f32>, MUSCLES>;
@group(0) @binding(3) var<uniform> activations: Activations;
@group(0) @binding(4) var<storage, read> particles: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> locations: array<vec2<u32>>;
@group(0) @binding(6) var<storage, read_write> particles_out: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> locations_out: array<vec2<u32>>;

@compute @workgroup_size(64)
fn particle_momentum(
    @builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
) {
    let p = thread_index(gid, groups);
    if (p >= parameters.particle_count) {
        return;
    }
    let stride = parameters.row_stride;
    let loaded = momentum_from_rows(
        particles[ROW_MOMENTUM * stride + p],
        particles[(ROW_MOMENTUM + 1u) * stride + p],
        particles[(ROW_MOMENTUM + 2u) * stride + p]);
    let fx = particles[ROW_SHAPE * stride + p];
    let fy = particles[(ROW_SHAPE + 1u) * stride + p];
    let fz = particles[(ROW_SHAPE + 2u) * stride + p];
    let rate = rate_of_affine(loaded.b);
    let local = Local(mat3x3<f32>(fx.xyz, fy.xyz, fz.xyz), rate, fx.w);
    let tau = particle_stress(fz.w, local, activations);
    let momentum = Momentum(loaded.u, particle_affine(loaded.b, fy.w, tau));
    particles_out[p] = particles[p];
    particles_out[ROW_MOMENTUM * stride + p] = momentum_row(momentum, 0u);
    particles_out[(ROW_MOMENTUM + 1u) * stride + p] = momentum_row(momentum, 1u);
    particles_out[(ROW_MOMENTUM + 2u) * stride + p] = momentum_row(momentum, 2u);
    particles_out[ROW_SHAPE * stride + p] = fx;
    particles_out[(ROW_SHAPE + 1u) * stride + p] = fy;
    particles_out[(ROW_SHAPE + 2u) * stride + p] = fz;
    if (HAS_RATE) {
        particles_out[ROW_RATE * stride + p] = rate_row(rate, 0u);
        particles_out[(ROW_RATE + 1u) * stride + p] = rate_row(rate, 1u);
    }
    locations_out[p] = locations[p];
}
