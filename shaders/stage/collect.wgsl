// Grid to particle, first half where there are levels: what each entry takes from its level's nodes. One
// workgroup an occupied block, one thread a cell, which loads its 27 nodes once and then walks its entries.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> entries: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read> cells: array<Cell>;
@group(0) @binding(4) var<storage, read> blocks: array<Block>;
@group(0) @binding(5) var<storage, read> velocities: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> collected: array<vec4<f32>>;

fn node_value(index: u32) -> vec4<f32> {
    return vec4<f32>(velocities[index].xyz, 0.0);
}

@compute @workgroup_size(64)
fn collect(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) cell: u32) {
    let at = occupied_cell(group.x, cell);
    if (at.count == 0u) {
        return;
    }
    let nodes = load_nodes(at);
    let stride = parameters.entry_stride;
    for (var i = 0u; i < at.count; i++) {
        let entry = order[at.first + i];
        let gathered = gather(nodes, entries[entry].xyz);
        let taken = Momentum(gathered.v, gathered.moment);
        collected[entry] = momentum_row(taken, 0u);
        collected[stride + entry] = momentum_row(taken, 1u);
        collected[2u * stride + entry] = momentum_row(taken, 2u);
    }
}
