// Adjoint of p2g: a gather of the nodes' cotangents (p_bar, m_bar).
//
//   S = sum w p_bar;  T = sum w p_bar d^T
//   v_out = m S;  B_out = m T
//   x_out += m/h [ sum (p_bar·(v + B d) + m_bar) grad w - B^T S ]
//
// The rows of v_bar and B_bar held what g2p_adj gave to the nodes, which nobody reads any more; the
// position's cotangent is added to. One workgroup an occupied block, one thread a cell.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> particles: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read> cells: array<Cell>;
@group(0) @binding(4) var<storage, read> blocks: array<Block>;
@group(0) @binding(5) var<storage, read> momenta_bar: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> particles_bar: array<vec4<f32>>;

fn node_value(index: u32) -> vec4<f32> {
    return momenta_bar[index];
}

@compute @workgroup_size(64)
fn p2g_adj(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) cell: u32) {
    let at = occupied_cell(group.x, cell);
    if (at.count == 0u) {
        return;
    }
    let nodes = load_nodes(at);
    let stride = parameters.row_stride;
    for (var i = 0u; i < at.count; i++) {
        let p = order[at.first + i];
        let head = particles[p];
        let given = momentum_from_rows(
            particles[ROW_MOMENTUM * stride + p],
            particles[(ROW_MOMENTUM + 1u) * stride + p],
            particles[(ROW_MOMENTUM + 2u) * stride + p]);
        let gathered = gather(nodes, head.xyz);
        let taken = Momentum(head.w * gathered.v, head.w * gathered.moment);
        let pulled = pull(nodes, head.xyz, given) - transpose(given.b) * gathered.v;
        let x_bar = (head.w / parameters.cell_width) * pulled;

        particles_bar[p] = momentum_row(taken, 0u);
        particles_bar[stride + p] = momentum_row(taken, 1u);
        particles_bar[2u * stride + p] = momentum_row(taken, 2u);
        particles_bar[ROW_SHAPE_BAR * stride + p].w += x_bar.x;
        particles_bar[(ROW_SHAPE_BAR + 1u) * stride + p].w += x_bar.y;
        particles_bar[(ROW_SHAPE_BAR + 2u) * stride + p].w += x_bar.z;
    }
}
