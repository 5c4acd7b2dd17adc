// Gives each marked block a slot in an empty table, and a place in an empty hash table; `expand`
// adds the blocks around it in the next substep. One thread an old slot.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> old_blocks: array<Block>;
// By old slot: 0, or 1 if it is marked, which becomes one more than its new slot.
@group(0) @binding(2) var<storage, read_write> renumbered: array<u32>;
@group(0) @binding(3) var<storage, read_write> blocks: array<Block>;
@group(0) @binding(4) var<storage, read_write> hash_tags: array<atomic<u32>>;
@group(0) @binding(5) var<storage, read_write> hash_slots: array<u32>;
@group(0) @binding(6) var<storage, read_write> slots: SlotArguments;
@group(0) @binding(7) var<storage, read_write> status: Status;

@compute @workgroup_size(64)
fn renumber(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let old = thread_index(gid, groups);
    if (old >= arrayLength(&renumbered) || renumbered[old] == 0u) {
        return;
    }
    let key = old_blocks[old].key;
    let slot = new_slot(key);
    if (slot == NONE) {
        return;
    }
    renumbered[old] = slot + 1u;
    // No two blocks have one key: the first free place will do.
    var place = hash_key(key) & parameters.hash_mask;
    for (var probe = 0u; probe <= parameters.hash_mask; probe++) {
        if (claim(place, slot * NEIGHBOURS + SELF).is_new) {
            hash_slots[place] = slot;
            return;
        }
        place = (place + 1u) & parameters.hash_mask;
    }
}
