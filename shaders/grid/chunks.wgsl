// In which chunk of the ground a particle is, and what becomes of it: src/model/sleep.rs. Needs `ground`; what asks
// for fates, `fates`.

// The chunk of the cell that a place lies in, which need not be that of its nearest node.
fn chunk_of(cell: vec3<i32>, offset: vec3<f32>) -> vec2<i32> {
    let below = select(vec2<i32>(0), vec2<i32>(1), offset.xy < vec2<f32>(0.0));
    let at = cell.xy - below - ground.origin;
    let quotient = at / ground.chunk_cells;
    return quotient - select(vec2<i32>(0), vec2<i32>(1), quotient * ground.chunk_cells > at);
}
