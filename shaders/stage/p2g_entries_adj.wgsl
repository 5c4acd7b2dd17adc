// Adjoint of p2g over entries: a gather of the nodes' cotangents (p_bar, m_bar) of their level.
//
//   S = sum w p_bar;  T = sum w p_bar d^T;  M = sum w m_bar
//   x_bar += 1/h [ sum (p_bar·(u + B d) + lambda m m_bar) grad w - B^T S ]
//
// The rows of (y, Y) are in nobody's way any more. One workgroup an occupied block, one thread a cell.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> entries: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read> cells: array<Cell>;
@group(0) @binding(4) var<storage, read> blocks: array<Block>;
@group(0) @binding(5) var<storage, read> momenta_bar: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> entries_bar: array<vec4<f32>>;

fn node_value(index: u32) -> vec4<f32> {
    return momenta_bar[index];
}

@compute @workgroup_size(64)
fn p2g_entries_adj(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) cell: u32,
) {
    let at = occupied_cell(group.x, cell);
    if (at.count == 0u) {
        return;
    }
    let nodes = load_nodes(at);
    let width = parameters.cell_width * f32(1u << u32(blocks[at.slot].key.w));
    let stride = parameters.entry_stride;
    for (var i = 0u; i < at.count; i++) {
        let entry = order[at.first + i];
        let head = entries[entry];
        let given = momentum_from_rows(
            entries[ROW_ENTRY_MOMENTUM * stride + entry],
            entries[(ROW_ENTRY_MOMENTUM + 1u) * stride + entry],
            entries[(ROW_ENTRY_MOMENTUM + 2u) * stride + entry]);
        let gathered = gather(nodes, head.xyz);
        let taken = Momentum(gathered.v, gathered.moment);
        let pulled = pull_of_mass(nodes, head.xyz, given, head.w) - transpose(given.b) * gathered.v;
        let rest = vec4<f32>(pulled / width, gather_mass(nodes, head.xyz));
        entries_bar[entry] = momentum_row(taken, 0u);
        entries_bar[stride + entry] = momentum_row(taken, 1u);
        entries_bar[2u * stride + entry] = momentum_row(taken, 2u);
        entries_bar[ROW_ENTRY_REST_BAR * stride + entry] += rest;
    }
}
