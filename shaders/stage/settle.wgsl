// Puts the entries that wanted a block into it, and gives the hash table the block's lasting tag. Who reads
// the old tag or the new one meanwhile sees the same key. One thread a wanting entry, whose note is
// taken away.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> fine_cells: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read> blocks: array<Block>;
@group(0) @binding(3) var<storage, read_write> hash_tags: array<atomic<u32>>;
@group(0) @binding(4) var<storage, read> hash_slots: array<u32>;
@group(0) @binding(5) var<storage, read_write> cells: array<CellCounter>;
@group(0) @binding(6) var<storage, read_write> locations: array<vec2<u32>>;
@group(0) @binding(7) var<storage, read_write> wanted: array<u32>;

@compute @workgroup_size(64)
fn settle(@builtin(global_invocation_id) gid: vec3<u32>) {
    if (gid.x >= arrayLength(&wanted) || wanted[gid.x] == 0u) {
        return;
    }
    let entry = wanted[gid.x] - 1u;
    wanted[gid.x] = 0u;
    let at = entry_cell(entry);
    let found = find_place(at.key);
    if (found == NONE) {
        return;
    }
    // Without a slot (no room, which `claim_blocks` reported) the entry is in no cell.
    let slot = hash_slots[found];
    if (slot == NONE) {
        return;
    }
    atomicStore(&hash_tags[found], slot * NEIGHBOURS + SELF + 1u);
    let cell = slot * BLOCK_CELLS + at.cell;
    locations[entry] = vec2<u32>(cell, atomicAdd(&cells[cell].next, 1u));
}
