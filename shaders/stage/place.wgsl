// Puts each particle's entries into the cells of their levels and counts them; an entry whose block has no
// slot is noted for `claim_blocks`. One thread a particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> fine_cells: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read> blocks: array<Block>;
@group(0) @binding(3) var<storage, read_write> hash_tags: array<atomic<u32>>;
@group(0) @binding(4) var<storage, read> hash_slots: array<u32>;
@group(0) @binding(5) var<storage, read_write> cells: array<CellCounter>;
@group(0) @binding(6) var<storage, read_write> locations: array<vec2<u32>>;
// One more than an entry.
@group(0) @binding(7) var<storage, read_write> wanted: array<u32>;
@group(0) @binding(8) var<storage, read_write> lists: ListArguments;

@compute @workgroup_size(64)
fn place(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let p = thread_index(gid, groups);
    if (p >= parameters.particle_count) {
        return;
    }
    put(entry_of(p, 0u));
    let above = entry_of(p, 1u);
    if (is_in_band(bitcast<u32>(fine_cells[p].w))) {
        put(above);
    } else {
        locations[above] = vec2<u32>(NONE);
    }
}

fn put(entry: u32) {
    let at = entry_cell(entry);
    let found = find_place(at.key);
    if (found == NONE) {
        let index = atomicAdd(&lists.wanted_count, 1u);
        wanted[index] = entry + 1u;
        atomicMax(&lists.wanted, index / 64u + 1u);
        locations[entry] = vec2<u32>(NONE);
        return;
    }
    let slot = hash_slots[found];
    // There was no room for it, which `claim_blocks` reported.
    if (slot == NONE) {
        locations[entry] = vec2<u32>(NONE);
        return;
    }
    let cell = slot * BLOCK_CELLS + at.cell;
    locations[entry] = vec2<u32>(cell, atomicAdd(&cells[cell].next, 1u));
}
