// The nearest node of a particle, from its location. Needs `locations`.

@group(0) @binding(15) var<storage, read> blocks: array<Block>;

fn particle_cell(p: u32) -> vec3<i32> {
    let location = locations[p].x;
    return blocks[location / BLOCK_CELLS].key.xyz * 4 + cell_coordinates(location % BLOCK_CELLS);
}
