// Adjoint of g2p_blended: from the cotangent of the state after the substep, what each entry gives back to
// its level's nodes, (y, Y). With v' = v_bar + dt x_bar, K = (h C)_bar, E the cotangent of dt L,
// rho = D_l / sum lambda D:
//
//   F_trial_bar = return_map_adj(F_bar);  E = F_trial_bar F^T;  F_out = (I + dt L)^T F_trial_bar
//   y = lambda v' + dt E grad lambda;  Y = 4/s lambda (rho K + dt/h E)
//   lambda_bar = v'·v^l + rho K:(h C^l - h C) + dt/h E:h C^l;  (grad lambda)_bar = dt E^T v^l
//
// the last two left to share_adj in the row of v_bar, which is its to set, as are those of B_bar. One thread a
// particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> materials: array<MaterialAt, MATERIALS>;
@group(0) @binding(2) var<storage, read> particles: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> fine_cells: array<vec4<i32>>;
@group(0) @binding(4) var<storage, read> collected: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> entries: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> particles_bar_in: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> particles_bar: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> entries_bar: array<vec4<f32>>;
@group(0) @binding(9) var<storage, read_write> constants_bar: array<vec4<f32>>;
@group(0) @binding(10) var<uniform> muscles: array<vec4<f32>, MUSCLES>;

@compute @workgroup_size(64)
fn g2p_blended_adj(
    @builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
) {
    let p = thread_index(gid, groups);
    if (p >= parameters.particle_count) {
        return;
    }
    let stride = parameters.row_stride;
    let place = bitcast<u32>(fine_cells[p].w);
    let fx = particles[ROW_SHAPE * stride + p];
    let fy = particles[(ROW_SHAPE + 1u) * stride + p];
    let fz = particles[(ROW_SHAPE + 2u) * stride + p];
    if ((place & PLACE_HELD) != 0u) {
        hold_bar(p, place);
        return;
    }
    let f = mat3x3<f32>(fx.xyz, fy.xyz, fz.xyz);
    let on = combine(p, place);
    let f_trial = (IDENTITY + on.stretch) * f;
    let law = materials[particle_class(fz.w).material];

    let next = momentum_from_rows(
        particles_bar_in[p], particles_bar_in[stride + p], particles_bar_in[2u * stride + p]);
    let gx = particles_bar_in[ROW_SHAPE_BAR * stride + p];
    let gy = particles_bar_in[(ROW_SHAPE_BAR + 1u) * stride + p];
    let gz = particles_bar_in[(ROW_SHAPE_BAR + 2u) * stride + p];
    let x_bar = vec3<f32>(gx.w, gy.w, gz.w);
    var rest = vec4<f32>(0.0);
    if (HAS_HISTORY || HAS_MUSCLES) {
        rest = particles_bar_in[ROW_REST_BAR * stride + p];
    }
    let f_bar = mat3x3<f32>(gx.xyz, gy.xyz, gz.xyz);
    let back = return_map_adj(law.kind, law.k, f_trial, fx.w, f_bar, rest.x);
    let stretch_bar = back.f_bar * transpose(f);
    let v_bar = next.u + parameters.dt * x_bar;

    let dt_over_h = parameters.cells_per_speed;
    var share_bar = 0.0;
    var gradient_bar = vec3<f32>(0.0);
    for (var side = 0u; side < side_count(place); side++) {
        let one = collected_side(p, place, side);
        let y = one.share * v_bar + parameters.dt * (stretch_bar * one.gradient);
        let affine = (4.0 * one.share / one.scale)
            * (one.weight * next.b + dt_over_h * stretch_bar);
        let given = Momentum(y, affine);
        let entry = entry_of(p, side);
        let rows = parameters.entry_stride;
        entries_bar[entry] = momentum_row(given, 0u);
        entries_bar[rows + entry] = momentum_row(given, 1u);
        entries_bar[2u * rows + entry] = momentum_row(given, 2u);
        // The shares' cotangents, the coarser one's minus the finer one's.
        let sign = select(1.0, -1.0, side == 0u);
        share_bar += sign * (dot(v_bar, one.v)
            + one.weight * double_dot3(next.b, one.hc - on.hc)
            + dt_over_h * double_dot3(stretch_bar, one.hc));
        gradient_bar += (sign * parameters.dt) * (transpose(stretch_bar) * one.v);
    }
    if (is_in_band(place)) {
        particles_bar[p] = vec4<f32>(gradient_bar, share_bar);
    }

    let own_bar = transpose(IDENTITY + on.stretch) * back.f_bar;
    particles_bar[ROW_SHAPE_BAR * stride + p] = vec4<f32>(own_bar[0], x_bar.x);
    particles_bar[(ROW_SHAPE_BAR + 1u) * stride + p] = vec4<f32>(own_bar[1], x_bar.y);
    particles_bar[(ROW_SHAPE_BAR + 2u) * stride + p] = vec4<f32>(own_bar[2], x_bar.z);
    if (HAS_HISTORY || HAS_MUSCLES) {
        particles_bar[ROW_REST_BAR * stride + p] = vec4<f32>(back.history_bar, rest.y, 0.0, 0.0);
    }
    constants_bar[p] += back.k_bar.low;
    if (CONSTANT_COUNT > 4u) {
        constants_bar[stride + p] += back.k_bar.high;
    }
}

// Of a particle that is held: it gives nothing to the nodes; all but its velocities stays as it is.
fn hold_bar(p: u32, place: u32) {
    let stride = parameters.row_stride;
    let rows = parameters.entry_stride;
    // Of how it is shared.
    particles_bar[p] = vec4<f32>(0.0);
    for (var row = 0u; row < 3u; row++) {
        for (var side = 0u; side < side_count(place); side++) {
            entries_bar[row * rows + entry_of(p, side)] = vec4<f32>(0.0);
        }
        let shape = (ROW_SHAPE_BAR + row) * stride + p;
        particles_bar[shape] = particles_bar_in[shape];
    }
    if (HAS_HISTORY || HAS_MUSCLES) {
        let rest = particles_bar_in[ROW_REST_BAR * stride + p];
        particles_bar[ROW_REST_BAR * stride + p] = vec4<f32>(rest.xy, 0.0, 0.0);
    }
}
