// Blocks in which entries are, found by their keys. A place of the hash table whose block was made in the
// dispatch before is tagged by the entry that wanted it, whose key follows from the particle's place.
// Needs `parameters`, `fine_cells`, `hash_tags`, `blocks`.

// Set in such a tag; owner slots are fewer.
const WANTED: u32 = 0x80000000u;

struct EntryAt {
    key: vec4<i32>,
    // Index in the block.
    cell: u32,
}

fn entry_cell(entry: u32) -> EntryAt {
    let side = select(0u, 1u, entry >= parameters.row_stride);
    let at = fine_cells[entry - side * parameters.row_stride];
    let place = bitcast<u32>(at.w);
    let level = home_level(place) + side;
    let node = level_node(at.xyz, place, level);
    return EntryAt(vec4<i32>(node >> vec3<u32>(2u), i32(level)), cell_index(node));
}

fn holder_has_key(tag: u32, key: vec4<i32>) -> bool {
    if ((tag & WANTED) != 0u) {
        return all(entry_cell(tag & ~WANTED).key == key);
    }
    return tag_has_key(tag, key);
}

// Place of a key in the hash table, or NONE.
fn find_place(key: vec4<i32>) -> u32 {
    var place = hash_key(key) & parameters.hash_mask;
    for (var probe = 0u; probe <= parameters.hash_mask; probe++) {
        let seen = atomicLoad(&hash_tags[place]);
        if (seen == 0u) {
            return NONE;
        }
        if (holder_has_key(seen - 1u, key)) {
            return place;
        }
        place = (place + 1u) & parameters.hash_mask;
    }
    return NONE;
}
