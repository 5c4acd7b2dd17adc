// What stands in the lists of cells: each particle once, or with levels of resolution twice. Needs
// `parameters`.

// Entry number `index` in the lists of cells (shaders/types.wgsl).
fn entry_at(index: u32) -> u32 {
    if (index < parameters.particle_count) {
        return index;
    }
    return index - parameters.particle_count + parameters.row_stride;
}
