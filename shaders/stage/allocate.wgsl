// Turns the counts of each slot's cells into places in the sorted order; lists the blocks that hold
// particles, and those that do for the first time. One thread a slot.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> blocks: array<Block>;
@group(0) @binding(2) var<storage, read_write> cells: array<Cell>;
@group(0) @binding(3) var<storage, read_write> lists: ListArguments;
@group(0) @binding(4) var<storage, read_write> status: Status;

@compute @workgroup_size(64)
fn allocate(@builtin(global_invocation_id) gid: vec3<u32>) {
    let slot = gid.x;
    if (slot >= parameters.slot_capacity) {
        return;
    }
    let base = slot * BLOCK_CELLS;
    var total = 0u;
    var mask = vec2<u32>(0u);
    for (var cell = 0u; cell < BLOCK_CELLS; cell++) {
        let count = cells[base + cell].next;
        let bit = select(0u, 1u << (cell & 31u), count > 0u);
        mask |= select(vec2<u32>(bit, 0u), vec2<u32>(0u, bit), cell >= 32u);
        total += count;
    }
    blocks[slot].mask = mask;
    if (total == 0u) {
        return;
    }

    let index = atomicAdd(&lists.occupied, 1u);
    if (index >= parameters.occupied_capacity) {
        atomicMax(&status.occupied_needed, index + 1u);
        blocks[slot].mask = vec2<u32>(0u);
        return;
    }
    blocks[index].occupied_slot = slot;
    blocks[slot].occupied_index = index;
    var first = atomicAdd(&lists.particle_total, total);
    for (var cell = 0u; cell < BLOCK_CELLS; cell++) {
        let count = cells[base + cell].next;
        cells[base + cell].first = first;
        cells[base + cell].count = count;
        first += count;
    }

    if (blocks[slot].expanded == 0u) {
        blocks[slot].expanded = 1u;
        blocks[atomicAdd(&lists.expanding, 1u)].expanding_slot = slot;
    }
}
