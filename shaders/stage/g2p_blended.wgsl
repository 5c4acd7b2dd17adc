// Grid to particle, second half where there are levels: what a particle takes from its one or two levels
// moves and deforms it; and which levels it takes part in next. One thread a particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<uniform> materials: array<MaterialAt, MATERIALS>;
// Of the next substep.
@group(0) @binding(3) var<uniform> resolution: Resolution;
@group(0) @binding(4) var<storage, read> particles: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> fine_cells: array<vec4<i32>>;
@group(0) @binding(6) var<storage, read> collected: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> entries: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> particles_out: array<vec4<f32>>;
@group(0) @binding(9) var<storage, read_write> fine_cells_out: array<vec4<i32>>;
@group(0) @binding(10) var<storage, read_write> status: Status;
@group(0) @binding(11) var<uniform> muscles: array<vec4<f32>, MUSCLES>;
@group(0) @binding(12) var coefficients: texture_2d<f32>;

@compute @workgroup_size(64)
fn g2p_blended(
    @builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
) {
    let p = thread_index(gid, groups);
    if (p >= parameters.particle_count) {
        return;
    }
    let stride = parameters.row_stride;
    let head = particles[p];
    let fine = fine_cells[p];
    let fx = particles[ROW_SHAPE * stride + p];
    let fy = particles[(ROW_SHAPE + 1u) * stride + p];
    let fz = particles[(ROW_SHAPE + 2u) * stride + p];
    let held = bitcast<u32>(fine.w) & PLACE_HELD;
    if (held != 0u) {
        // It stays where and as it is, without velocity.
        particles_out[p] = head;
        for (var row = 0u; row < 3u; row++) {
            particles_out[(ROW_MOMENTUM + row) * stride + p] = vec4<f32>(0.0);
        }
        particles_out[ROW_SHAPE * stride + p] = fx;
        particles_out[(ROW_SHAPE + 1u) * stride + p] = fy;
        particles_out[(ROW_SHAPE + 2u) * stride + p] = fz;
        fine_cells_out[p] = vec4<i32>(fine.xyz, bitcast<i32>(held | levels_of(fine.xyz, head.xyz)));
        return;
    }

    // F_trial = (I + dt L) F, relaxed to what the material admits.
    let on = combine(p, bitcast<u32>(fine.w));
    let f_trial = (IDENTITY + on.stretch) * mat3x3<f32>(fx.xyz, fy.xyz, fz.xyz);
    let law = materials[particle_class(fz.w).material];
    let relaxed = return_map(law.kind, law.k, f_trial, fx.w);

    // x += dt v, kept as nearest node and offset.
    let travel = parameters.cells_per_speed * on.v;
    let probe = dot(on.v, on.v)
        + dot(on.hc[0], on.hc[0]) + dot(on.hc[1], on.hc[1]) + dot(on.hc[2], on.hc[2])
        + dot(relaxed.f[0], relaxed.f[0]) + dot(relaxed.f[1], relaxed.f[1])
        + dot(relaxed.f[2], relaxed.f[2]) + relaxed.history * relaxed.history;
    let finite = is_finite(probe);
    // As without levels.
    let slow = all(abs(travel) < vec3<f32>(4.0));
    let moved = head.xyz + select(vec3<f32>(0.0), travel, vec3<bool>(finite && slow));
    let shift = floor(moved + 0.5);
    if (!(finite && slow)) {
        report(p, finite);
    }

    let offset = moved - shift;
    let cell = fine.xyz + vec3<i32>(shift);
    let momentum = Momentum(on.v, on.hc);
    particles_out[p] = vec4<f32>(offset, head.w);
    particles_out[ROW_MOMENTUM * stride + p] = momentum_row(momentum, 0u);
    particles_out[(ROW_MOMENTUM + 1u) * stride + p] = momentum_row(momentum, 1u);
    particles_out[(ROW_MOMENTUM + 2u) * stride + p] = momentum_row(momentum, 2u);
    particles_out[ROW_SHAPE * stride + p] = vec4<f32>(relaxed.f[0], relaxed.history);
    particles_out[(ROW_SHAPE + 1u) * stride + p] = vec4<f32>(relaxed.f[1], fy.w);
    particles_out[(ROW_SHAPE + 2u) * stride + p] = vec4<f32>(relaxed.f[2], fz.w);
    fine_cells_out[p] = vec4<i32>(cell, bitcast<i32>(levels_of(cell, offset)));
}
