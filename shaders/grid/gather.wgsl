// One cell for the stages in which its particles gather from nodes: where it lies, the 27 nodes
// around it, loaded once per cell, and what a particle in it gathers from them. The stage says in
// `node_value` what is loaded. Needs `parameters`, `blocks` and `cells`.

struct CellAt {
    slot: u32,
    // Coordinates in its block.
    local: vec3<i32>,
    // Its particles: order[first .. first + count].
    first: u32,
    count: u32,
}

// Cell `cell` of the occupied block number `block`; beyond the list, a cell without particles.
fn occupied_cell(block: u32, cell: u32) -> CellAt {
    if (block >= parameters.occupied_capacity) {
        return CellAt(NONE, vec3<i32>(0), 0u, 0u);
    }
    let slot = blocks[block].occupied_slot;
    let at = slot * BLOCK_CELLS + cell;
    return CellAt(slot, cell_coordinates(cell), cells[at].first, cells[at].count);
}

struct Nodes {
    low: Plane,
    mid: Plane,
    high: Plane,
}

fn load_nodes(at: CellAt) -> Nodes {
    let corners = corner_slots(at.slot, at.local);
    return Nodes(
        load_plane(corners, at.local, -1),
        load_plane(corners, at.local, 0),
        load_plane(corners, at.local, 1),
    );
}

fn load_plane(corners: Corners, local: vec3<i32>, z: i32) -> Plane {
    let c = local + vec3<i32>(0, 0, z);
    return Plane(
        node_at(corners, c + vec3<i32>(-1, -1, 0)),
        node_at(corners, c + vec3<i32>(0, -1, 0)),
        node_at(corners, c + vec3<i32>(1, -1, 0)),
        node_at(corners, c + vec3<i32>(-1, 0, 0)),
        node_at(corners, c),
        node_at(corners, c + vec3<i32>(1, 0, 0)),
        node_at(corners, c + vec3<i32>(-1, 1, 0)),
        node_at(corners, c + vec3<i32>(0, 1, 0)),
        node_at(corners, c + vec3<i32>(1, 1, 0)),
    );
}

fn node_at(corners: Corners, at: vec3<i32>) -> vec4<f32> {
    return node_value(node_index(corners, at));
}

struct Gathered {
    // sum w n_i
    v: vec3<f32>,
    // sum w n_i d^T, d in cells; of velocities, a quarter of h C
    moment: mat3x3<f32>,
}

fn gather(n: Nodes, o: vec3<f32>) -> Gathered {
    let wx = weights(o.x);
    let wy = weights(o.y);
    let wz = weights(o.z);
    let dx = distances(o.x);
    let dy = distances(o.y);
    let dz = distances(o.z);
    let a = gather_plane(n.low, wx, wy, dx, dy);
    let b = gather_plane(n.mid, wx, wy, dx, dy);
    let c = gather_plane(n.high, wx, wy, dx, dy);
    let wdz = wz * dz;
    return Gathered(
        wz.x * a.value + wz.y * b.value + wz.z * c.value,
        mat3x3<f32>(
            wz.x * a.by_x + wz.y * b.by_x + wz.z * c.by_x,
            wz.x * a.by_y + wz.y * b.by_y + wz.z * c.by_y,
            wdz.x * a.value + wdz.y * b.value + wdz.z * c.value,
        ),
    );
}
