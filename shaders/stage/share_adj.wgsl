// Adjoint of share: from what p2g_adj left of each level, with S, T, M its sums of p_bar, p_bar d^T, m_bar:
//
//   v_bar = sum lambda m S;  (h C)_bar = sum lambda m s T
//   tau_bar = -V sum lambda (4 dt/h)/s T + dt S grad lambda^T
//   lambda_bar = m M + m v·S + m B:T;  (grad lambda)_bar = -dt V tau^T S
//
// the last two with what g2p_blended_adj left of them to x_bar and, if it counts how the field moves, to reaches_adj;
// the stress to F, history, activation and constants. Last of a substep back: sets v_bar and (h C)_bar,
// adds to all else. One thread a particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<uniform> materials: array<MaterialAt, MATERIALS>;
@group(0) @binding(3) var<uniform> muscles: array<vec4<f32>, MUSCLES>;
@group(0) @binding(4) var<uniform> activations: Activations;
@group(0) @binding(5) var<uniform> resolution: Resolution;
@group(0) @binding(6) var<storage, read> particles: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> fine_cells: array<vec4<i32>>;
@group(0) @binding(8) var<storage, read> entries_bar: array<vec4<f32>>;
@group(0) @binding(9) var<storage, read_write> particles_bar: array<vec4<f32>>;
@group(0) @binding(10) var<storage, read_write> constants_bar: array<vec4<f32>>;

// (grad lambda)_bar, lambda_bar
@group(0) @binding(11) var<storage, read_write> shares_bar: array<vec4<f32>>;
@group(0) @binding(12) var coefficients: texture_2d<f32>;

// Whether gradients count how the field moves with its agents.
override THROUGH_AGENTS: bool = false;

@compute @workgroup_size(64)
fn share_adj(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let p = thread_index(gid, groups);
    if (p >= parameters.particle_count) {
        return;
    }
    let stride = parameters.row_stride;
    let head = particles[p];
    let own = momentum_from_rows(
        particles[ROW_MOMENTUM * stride + p],
        particles[(ROW_MOMENTUM + 1u) * stride + p],
        particles[(ROW_MOMENTUM + 2u) * stride + p]);
    let fx = particles[ROW_SHAPE * stride + p];
    let fy = particles[(ROW_SHAPE + 1u) * stride + p];
    let fz = particles[(ROW_SHAPE + 2u) * stride + p];
    let local = Local(mat3x3<f32>(fx.xyz, fy.xyz, fz.xyz), rate_of_affine(own.b), fx.w);
    let tau = particle_stress(fz.w, local, activations);

    let fine = fine_cells[p];
    let place = bitcast<u32>(fine.w);
    let blend = blend_of(place, fine.xyz, head.xyz);
    let volume = fy.w * head.w;
    var taken = Momentum(vec3<f32>(0.0), mat3x3<f32>());
    var tau_bar = mat3x3<f32>();
    var x_bar = vec3<f32>(0.0);
    var share_bar = 0.0;
    var gradient_bar = vec3<f32>(0.0);
    for (var side = 0u; side < side_count(place); side++) {
        let entry = entry_of(p, side);
        let rows = parameters.entry_stride;
        let sums = momentum_from_rows(
            entries_bar[entry], entries_bar[rows + entry], entries_bar[2u * rows + entry]);
        let rest = entries_bar[ROW_ENTRY_REST_BAR * rows + entry];
        let scale = level_scale(home_level(place) + side);
        let part = blend.shares[side];
        let gradient = share_gradient(blend, side);
        x_bar += rest.xyz;
        taken.u += (part * head.w) * sums.u;
        taken.b += (part * head.w * scale) * sums.b;
        tau_bar -= (volume * part * parameters.affine_step / scale) * sums.b;
        tau_bar -= (volume * parameters.dt) * outer3(sums.u, gradient);
        // The shares' cotangents, the coarser one's minus the finer one's.
        let sign = select(1.0, -1.0, side == 0u);
        let affine = level_affine(scale, own.b, fy.w, tau);
        let pull = rest.w + dot(own.u, sums.u) + double_dot3(affine, sums.b);
        share_bar += sign * head.w * pull;
        gradient_bar -= (sign * parameters.dt * volume) * (transpose(tau) * sums.u);
    }
    if (is_in_band(place)) {
        let taken_bar = particles_bar[p];
        share_bar += taken_bar.w;
        gradient_bar += taken_bar.xyz;
        x_bar += blend_position_bar(blend, share_bar, gradient_bar);
        if (THROUGH_AGENTS) {
            shares_bar[p] = vec4<f32>(gradient_bar, share_bar);
        }
    }
    let stressed = particle_stress_adj(fz.w, local, activations, tau_bar);
    if (HAS_RATE) {
        taken.b += stressed.law.rate_bar * (1.0 / parameters.cell_width);
    }

    particles_bar[p] = momentum_row(taken, 0u);
    particles_bar[stride + p] = momentum_row(taken, 1u);
    particles_bar[2u * stride + p] = momentum_row(taken, 2u);
    for (var a = 0u; a < 3u; a++) {
        let row = (ROW_SHAPE_BAR + a) * stride + p;
        particles_bar[row] += vec4<f32>(stressed.law.f_bar[a], x_bar[a]);
    }
    if (HAS_HISTORY || HAS_MUSCLES) {
        let rest = particles_bar[ROW_REST_BAR * stride + p];
        let before = select(rest.y, 0.0, step.restart != 0u);
        particles_bar[ROW_REST_BAR * stride + p] =
            vec4<f32>(rest.x + stressed.law.history_bar, before + stressed.activation_bar, 0.0, 0.0);
    }
    constants_bar[p] += stressed.law.k_bar.low;
    if (CONSTANT_COUNT > 4u) {
        constants_bar[stride + p] += stressed.law.k_bar.high;
    }
}
