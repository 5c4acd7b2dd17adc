// The nearest node of a particle, where there are levels.

@group(0) @binding(15) var<storage, read> fine_cells: array<vec4<i32>>;

fn particle_cell(p: u32) -> vec3<i32> {
    return fine_cells[p].xyz;
}
