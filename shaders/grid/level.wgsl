// Where a particle's entries lie on the lattices of its levels: src/mpm/twin/levels/mod.rs.
// Needs `parameters`.

fn home_level(place: u32) -> u32 {
    return place & PLACE_LEVEL;
}

fn is_in_band(place: u32) -> bool {
    return (place & PLACE_BAND) != 0u;
}

// How many levels a particle is shared between.
fn side_count(place: u32) -> u32 {
    return select(1u, 2u, is_in_band(place));
}

// The nearest node of a level: floor((cell + offset)/2^l + 1/2) by integers; ties go up, as on the
// finest one.
fn level_node(cell: vec3<i32>, place: u32, level: u32) -> vec3<i32> {
    if (level == 0u) {
        return cell;
    }
    let shifted = cell + (1 << (level - 1u));
    let base = shifted >> vec3<u32>(level);
    let is_tie = shifted == (base << vec3<u32>(level));
    let sign = vec3<u32>(PLACE_NEGATIVE) * vec3<u32>(1u, 2u, 4u);
    let is_negative = (vec3<u32>(place) & sign) != vec3<u32>(0u);
    return base - select(vec3<i32>(0), vec3<i32>(1), is_tie & is_negative);
}

// Cells of a level by those of the finest one.
fn level_scale(level: u32) -> f32 {
    return f32(1u << level);
}

// Offset from the nearest node of a level [cells of the level].
fn level_offset(cell: vec3<i32>, offset: vec3<f32>, place: u32, level: u32) -> vec3<f32> {
    let node = level_node(cell, place, level) << vec3<u32>(level);
    return (vec3<f32>(cell - node) + offset) / level_scale(level);
}

// The entry of a particle on its home level (0), or on the one above (1).
fn entry_of(p: u32, side: u32) -> u32 {
    return p + side * parameters.row_stride;
}
