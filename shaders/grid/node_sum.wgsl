// What a node receives from its 27 cells, in the fixed order of their relative places, so that the
// sum does not depend on how blocks are numbered or where in the world they lie.
// Needs `blocks` and `moments`.

fn sum_moments(slot: u32, node: u32) -> vec4<f32> {
    let local = cell_coordinates(node);
    let slots = corner_slots(slot, local);
    let near = mask_row(slots.near_z);
    let far = mask_row(slots.far_z);
    var sum = vec4<f32>(0.0);
    for (var z = -1; z <= 1; z++) {
        let from_z = local.z - z;
        let deep = is_far(from_z);
        for (var y = -1; y <= 1; y++) {
            let from_y = local.y - y;
            for (var x = -1; x <= 1; x++) {
                let from_cell = vec3<i32>(local.x - x, from_y, from_z);
                let cell = cell_index(from_cell);
                let low = pick(Corners(near.low, far.low), from_cell);
                let high = pick(Corners(near.high, far.high), from_cell);
                if ((select(low, high, cell >= 32u) & (1u << (cell & 31u))) != 0u) {
                    let source = pick(Corners(near.index, far.index), from_cell);
                    let moment = u32(x + 3 * y + 9 * z + 13);
                    sum += moments[(source * NEIGHBOURS + moment) * BLOCK_CELLS + cell];
                }
            }
        }
    }
    return sum;
}

// Cell masks and list places of four blocks; a block that has no slot is empty.
struct MaskRow {
    index: vec4<u32>,
    low: vec4<u32>,
    high: vec4<u32>,
}

fn mask_row(slots: vec4<u32>) -> MaskRow {
    let a = block_mask(slots.x);
    let b = block_mask(slots.y);
    let c = block_mask(slots.z);
    let d = block_mask(slots.w);
    return MaskRow(
        vec4<u32>(a.x, b.x, c.x, d.x),
        vec4<u32>(a.y, b.y, c.y, d.y),
        vec4<u32>(a.z, b.z, c.z, d.z),
    );
}

fn block_mask(slot: u32) -> vec3<u32> {
    if (slot == NONE) {
        return vec3<u32>(0u);
    }
    let mask = blocks[slot].mask;
    if ((mask.x | mask.y) == 0u) {
        return vec3<u32>(0u);
    }
    return vec3<u32>(blocks[slot].occupied_index, mask);
}
