// Adjoint of collect, the part that entries own, through their weights:
// x_bar = 1/h [ sum (y + Y d)·v_i grad w - Y^T v ]. What they give back to the nodes is summed by the kernel
// p2g. One workgroup an occupied block, one thread a cell.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> entries: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read> cells: array<Cell>;
@group(0) @binding(4) var<storage, read> blocks: array<Block>;
@group(0) @binding(5) var<storage, read> velocities: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> entries_bar: array<vec4<f32>>;

fn node_value(index: u32) -> vec4<f32> {
    return vec4<f32>(velocities[index].xyz, 0.0);
}

@compute @workgroup_size(64)
fn collect_adj(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) cell: u32) {
    let at = occupied_cell(group.x, cell);
    if (at.count == 0u) {
        return;
    }
    let nodes = load_nodes(at);
    let width = parameters.cell_width * f32(1u << u32(blocks[at.slot].key.w));
    let stride = parameters.entry_stride;
    for (var i = 0u; i < at.count; i++) {
        let entry = order[at.first + i];
        let o = entries[entry].xyz;
        let given = momentum_from_rows(
            entries_bar[entry], entries_bar[stride + entry], entries_bar[2u * stride + entry]);
        let gathered = gather(nodes, o);
        let pulled = pull(nodes, o, given) - transpose(given.b) * gathered.v;
        entries_bar[ROW_ENTRY_REST_BAR * stride + entry] = vec4<f32>(pulled / width, 0.0);
    }
}
