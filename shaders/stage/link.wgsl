// Replaces the hash places that `expand` left by slots, and tells the neighbours. One workgroup a
// block that is occupied for the first time, one thread a neighbour.

@group(0) @binding(0) var<storage, read_write> blocks: array<Block>;
@group(0) @binding(1) var<storage, read> hash_slots: array<u32>;

@compute @workgroup_size(32)
fn link(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) side: u32) {
    if (side >= NEIGHBOURS || side == SELF) {
        return;
    }
    let owner = blocks[group.x].expanding_slot;
    let place = blocks[owner].neighbours[side];
    var slot = NONE;
    if (place != NONE) {
        slot = hash_slots[place];
    }
    blocks[owner].neighbours[side] = slot;
    // A neighbour that was expanded itself, now or before, fills its own table.
    if (slot != NONE && blocks[slot].expanded == 0u) {
        blocks[slot].neighbours[26u - side] = owner;
    }
}
