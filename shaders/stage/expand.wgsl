// Finds or makes the slots of the 26 blocks around each block that is occupied for the first time:
// a particle that moves less than a block then finds its slot without hashing. One workgroup a
// block, one thread a neighbour. Until `link` runs, the table of neighbours holds hash places.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> blocks: array<Block>;
@group(0) @binding(2) var<storage, read_write> hash_tags: array<atomic<u32>>;
@group(0) @binding(3) var<storage, read_write> hash_slots: array<u32>;
@group(0) @binding(4) var<storage, read_write> slots: SlotArguments;
@group(0) @binding(5) var<storage, read_write> status: Status;

@compute @workgroup_size(32)
fn expand(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) side: u32) {
    if (side >= NEIGHBOURS || side == SELF) {
        return;
    }
    let owner = blocks[group.x].expanding_slot;
    let key = neighbour_key(owner, side);
    let tag = owner * NEIGHBOURS + side;
    var place = hash_key(key) & parameters.hash_mask;
    var found = NONE;
    for (var probe = 0u; probe <= parameters.hash_mask; probe++) {
        let holder = claim(place, tag);
        if (holder.is_new) {
            hash_slots[place] = new_slot(key);
        }
        if (tag_has_key(holder.tag, key)) {
            found = place;
            break;
        }
        place = (place + 1u) & parameters.hash_mask;
    }
    blocks[owner].neighbours[side] = found;
}
