// Takes a free slot of the block table. Needs `parameters`, `blocks`, `slots`, `status`.

// The slot, or NONE and a note that there is no room.
fn new_slot(key: vec4<i32>) -> u32 {
    let slot = atomicAdd(&slots.slot_count, 1u);
    if (slot >= parameters.slot_capacity) {
        atomicMax(&status.slots_needed, slot + 1u);
        return NONE;
    }
    blocks[slot].key = key;
    for (var side = 0u; side < NEIGHBOURS; side++) {
        blocks[slot].neighbours[side] = select(NONE, slot, side == SELF);
    }
    atomicMax(&slots.groups, slot / 64u + 1u);
    return slot;
}
