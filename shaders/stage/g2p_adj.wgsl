// Adjoint of g2p, the part that particles own; what they give back to the nodes is left in rows
// (y_r, Y_r.) of bar_out, which the kernel p2g then sums with unit mass: v_bar_i = sum w (y + Y d).
// In: the cotangent of the state after the substep; the state before it; the recomputed velocities.
//
//   tau_bar = -(4 dt/h)(V/m) B_bar;  F_bar += stress_adj(F_next, tau_bar)
//   F_trial_bar = return_map_adj(F_bar);  L_bar = dt F_trial_bar F^T
//   y = v_bar + dt x_bar;  Y = 4/h (C_bar + L_bar), where (h C)_bar = B_bar, so Y = 4 (B_bar + L_bar/h);
//   a stress that depends on the strain rate adds its C_bar
//   F_out = (I + dt C)^T F_trial_bar
//   x_out = x_bar + 1/h [ sum (y + Y d)·v_i grad w - Y^T v_next ]
//
// One workgroup an occupied block, one thread a cell.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<uniform> materials: array<MaterialAt, MATERIALS>;
@group(0) @binding(3) var<uniform> muscles: array<vec4<f32>, MUSCLES>;
@group(0) @binding(4) var<uniform> activations: Activations;
@group(0) @binding(5) var<storage, read> particles: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> order: array<u32>;
@group(0) @binding(7) var<storage, read> blocks: array<Block>;
@group(0) @binding(8) var<storage, read> velocities: array<vec4<f32>>;
@group(0) @binding(9) var<storage, read> cells: array<Cell>;
@group(0) @binding(10) var<storage, read> particles_bar_in: array<vec4<f32>>;
@group(0) @binding(11) var<storage, read_write> particles_bar: array<vec4<f32>>;
@group(0) @binding(12) var<storage, read_write> constants_bar: array<vec4<f32>>;

fn node_value(index: u32) -> vec4<f32> {
    return vec4<f32>(velocities[index].xyz, 0.0);
}

@compute @workgroup_size(64)
fn g2p_adj(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) cell: u32) {
    let at = occupied_cell(group.x, cell);
    if (at.count == 0u) {
        return;
    }
    let nodes = load_nodes(at);
    for (var i = 0u; i < at.count; i++) {
        let p = order[at.first + i];
        let o = particles[p].xyz;
        let gathered = gather(nodes, o);
        let adj = update_particle_adj(p, gathered);
        let pulled = pull(nodes, o, adj.given) - transpose(adj.given.b) * gathered.v;
        store_bar(p, adj, adj.x_bar + pulled / parameters.cell_width);
    }
}

struct UpdateAdj {
    // (y, Y)
    given: Momentum,
    f_bar: mat3x3<f32>,
    // Before the derivative of the weights.
    x_bar: vec3<f32>,
}

// Everything but the derivative of the weights.
fn update_particle_adj(p: u32, gathered: Gathered) -> UpdateAdj {
    let stride = parameters.row_stride;
    let fx = particles[ROW_SHAPE * stride + p];
    let fy = particles[(ROW_SHAPE + 1u) * stride + p];
    let fz = particles[(ROW_SHAPE + 2u) * stride + p];
    let f = mat3x3<f32>(fx.xyz, fy.xyz, fz.xyz);
    let stretch = IDENTITY + parameters.affine_step * gathered.moment;
    let f_trial = stretch * f;
    let law = materials[particle_class(fz.w).material];
    let relaxed = return_map(law.kind, law.k, f_trial, fx.w);

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

    // Stress at the new F, then the return map.
    let tau_bar = stress_bar_of_affine(fy.w, next.b);
    let local = Local(relaxed.f, rate_of_affine(4.0 * gathered.moment), relaxed.history);
    let stressed = particle_stress_adj(fz.w, local, activations, tau_bar);
    let f_bar = mat3x3<f32>(gx.xyz, gy.xyz, gz.xyz) + stressed.law.f_bar;
    let history_bar = rest.x + stressed.law.history_bar;
    let back = return_map_adj(law.kind, law.k, f_trial, fx.w, f_bar, history_bar);

    // F_trial = (I + dt C) F and x += dt v.
    let l_bar = parameters.cells_per_speed * back.f_bar * transpose(f);
    var affine_bar = next.b + l_bar;
    if (HAS_RATE) {
        affine_bar += stressed.law.rate_bar * (1.0 / parameters.cell_width);
    }
    let given = Momentum(next.u + parameters.dt * x_bar, 4.0 * affine_bar);
    if (HAS_HISTORY || HAS_MUSCLES) {
        let before = select(rest.y, 0.0, step.restart != 0u);
        particles_bar[ROW_REST_BAR * stride + p] =
            vec4<f32>(back.history_bar, before + stressed.activation_bar, 0.0, 0.0);
    }
    let low_bar = stressed.law.k_bar.low + back.k_bar.low;
    constants_bar[p].x += low_bar.x;
    constants_bar[p].y += low_bar.y;
    if (CONSTANT_COUNT > 2u) {
        constants_bar[p].z += low_bar.z;
        constants_bar[p].w += low_bar.w;
    }
    if (CONSTANT_COUNT > 4u) {
        constants_bar[stride + p] += stressed.law.k_bar.high + back.k_bar.high;
    }
    return UpdateAdj(given, transpose(stretch) * back.f_bar, x_bar);
}

fn store_bar(p: u32, adj: UpdateAdj, x_bar: vec3<f32>) {
    let stride = parameters.row_stride;
    particles_bar[p] = momentum_row(adj.given, 0u);
    particles_bar[stride + p] = momentum_row(adj.given, 1u);
    particles_bar[2u * stride + p] = momentum_row(adj.given, 2u);
    particles_bar[ROW_SHAPE_BAR * stride + p] = vec4<f32>(adj.f_bar[0], x_bar.x);
    particles_bar[(ROW_SHAPE_BAR + 1u) * stride + p] = vec4<f32>(adj.f_bar[1], x_bar.y);
    particles_bar[(ROW_SHAPE_BAR + 2u) * stride + p] = vec4<f32>(adj.f_bar[2], x_bar.z);
}
