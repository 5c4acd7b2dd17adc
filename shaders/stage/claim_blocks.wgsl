// Makes the slots of the blocks that entries want: who claims a key's place in the hash table first makes
// the slot, under a tag of its own that `settle` replaces. One thread a wanting entry.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> fine_cells: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read_write> blocks: array<Block>;
@group(0) @binding(3) var<storage, read_write> hash_tags: array<atomic<u32>>;
@group(0) @binding(4) var<storage, read_write> hash_slots: array<u32>;
@group(0) @binding(5) var<storage, read_write> slots: SlotArguments;
@group(0) @binding(6) var<storage, read_write> status: Status;
@group(0) @binding(7) var<storage, read> wanted: array<u32>;

@compute @workgroup_size(64)
fn claim_blocks(@builtin(global_invocation_id) gid: vec3<u32>) {
    if (gid.x >= arrayLength(&wanted) || wanted[gid.x] == 0u) {
        return;
    }
    let entry = wanted[gid.x] - 1u;
    let key = entry_cell(entry).key;
    var place = hash_key(key) & parameters.hash_mask;
    for (var probe = 0u; probe <= parameters.hash_mask; probe++) {
        let holder = claim(place, WANTED | entry);
        if (holder.is_new) {
            hash_slots[place] = new_slot(key);
        }
        if (holder_has_key(holder.tag, key)) {
            return;
        }
        place = (place + 1u) & parameters.hash_mask;
    }
}
