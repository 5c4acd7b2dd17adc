// What becomes of the particles of chunks at the start of a control step. Needs `ground`, `fates`.

// Number of a chunk's fate among all, which are in the order of chunks; NONE if its particles stay as they are.
fn fate_of(chunk: vec2<i32>) -> u32 {
    var low = 0u;
    var high = ground.fate_count;
    while (low < high) {
        let middle = (low + high) / 2u;
        let at = fates[middle].xy;
        if (all(at == chunk)) {
            return middle;
        }
        if (at.x < chunk.x || (at.x == chunk.x && at.y < chunk.y)) {
            low = middle + 1u;
        } else {
            high = middle;
        }
    }
    return NONE;
}
