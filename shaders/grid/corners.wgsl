// The slots of the 8 blocks around a cell. Needs `blocks`.

fn corner_slots(slot: u32, local: vec3<i32>) -> Corners {
    let s = far_side(local);
    return Corners(
        vec4<u32>(
            slot,
            blocks[slot].neighbours[neighbour_index(vec3<i32>(s.x, 0, 0))],
            blocks[slot].neighbours[neighbour_index(vec3<i32>(0, s.y, 0))],
            blocks[slot].neighbours[neighbour_index(vec3<i32>(s.x, s.y, 0))],
        ),
        vec4<u32>(
            blocks[slot].neighbours[neighbour_index(vec3<i32>(0, 0, s.z))],
            blocks[slot].neighbours[neighbour_index(vec3<i32>(s.x, 0, s.z))],
            blocks[slot].neighbours[neighbour_index(vec3<i32>(0, s.y, s.z))],
            blocks[slot].neighbours[neighbour_index(s)],
        ),
    );
}

// Index of the node at `at` in a grid array.
fn node_index(corners: Corners, at: vec3<i32>) -> u32 {
    return pick(corners, at) * BLOCK_CELLS + cell_index(at);
}
