// Which particles may be split, and which may be merged in groups: src/mpm/twin/levels/change.rs, `splits` and
// `merges`, with a tolerance for the round-off of f32. Needs `parameters`, `resolution`, `following`, `particles`,
// `fine_cells`, `kinds`, `group_tags`, `groups`.

// Half the spacing of a level's particles [m].
fn half_spacing(level: u32) -> f32 {
    return 0.25 * parameters.cell_width * level_scale(level);
}

// How far a particle may come in the control step [m].
fn way(p: u32) -> f32 {
    let stride = parameters.row_stride;
    let v = vec3<f32>(
        particles[ROW_MOMENTUM * stride + p].x,
        particles[(ROW_MOMENTUM + 1u) * stride + p].x,
        particles[(ROW_MOMENTUM + 2u) * stride + p].x);
    return length(v) * following.control_secs;
}

// By how much a distance that is compared may be off [m].
fn tolerance(compared: f32) -> f32 {
    return following.tolerance + RELATIVE_TOLERANCE * compared;
}
// Of a distance by several reaches, of a speed: some f32 round-offs, and as much again.
const RELATIVE_TOLERANCE: f32 = 1e-5;

// Distance at which a level is left for the next one [m].
fn end_of_band(level: u32) -> f32 {
    return resolution.bands[level].x + resolution.bands[level].y;
}

// Whether a particle is held still: it is neither split nor merged then.
fn is_held(p: u32) -> bool {
    return (bitcast<u32>(fine_cells[p].w) & PLACE_HELD) != 0u;
}

// Whether a finer level than a particle's own may take part where it is or may come.
fn may_be_split(p: u32) -> bool {
    let level = kinds[p] & KIND_LEVEL;
    if (level == 0u || is_held(p)) {
        return false;
    }
    let distance = distance_to_reaches(fine_cells[p].xyz, particles[p].xyz).value;
    let nearer = way(p) + half_spacing(level);
    var is_near = false;
    for (var l = 0u; l < level; l++) {
        is_near = is_near || distance - nearer - tolerance(distance + nearer) < end_of_band(l);
    }
    return is_near;
}

// A group that a particle may be merged in: all in one site of a level's lattice, of one body.
struct Site {
    // its middle
    cell: vec3<i32>,
    offset: vec3<f32>,
    level: u32,
    body: u32,
}

// That of a particle: of the level above its own (0), or, if it is light, of its own (1); of level 0 where there
// is none.
fn site_of(p: u32, side: u32) -> Site {
    let kind = kinds[p];
    let level = kind & KIND_LEVEL;
    let has_above = side == 0u && level < resolution.band_count;
    let has_own = side == 1u && (kind & KIND_LIGHT) != 0u;
    if ((kind & KIND_MERGES) == 0u || !(has_above || has_own) || is_held(p)) {
        return Site(vec3<i32>(0), vec3<f32>(0.0), 0u, 0u);
    }
    let merged = select(level, level + 1u, has_above);
    let middle = middle_of_site(kind, merged, fine_cells[p].xyz, particles[p].xyz);
    return Site(middle.cell, middle.offset, merged, kind / KIND_BODY);
}

// Whether a merged particle may stand in a site, with `more` [m] of a margin.
fn may_stand(site: Site, more: f32) -> bool {
    let level = site.level;
    let distance = distance_to_reaches(site.cell, site.offset).value;
    let margin = following.hysteresis + half_spacing(level) + more;
    var is_far = true;
    for (var l = 0u; l < level; l++) {
        is_far = is_far && distance - margin + tolerance(distance + margin) >= end_of_band(l);
    }
    return is_far && level > 0u;
}

struct Middle {
    cell: vec3<i32>,
    offset: vec3<f32>,
}

// The middle of the site of a level's lattice that a place lies in, `sub_cell` and `middle` of the twin: exact,
// for sites are as wide as a power of two, in cells.
fn middle_of_site(kind: u32, level: u32, cell: vec3<i32>, offset: vec3<f32>) -> Middle {
    // Particles along the edge of a cell are 2^finer.
    let finer = (kind / KIND_FINER) & 3u;
    if (finer > level) {
        let parts = level_scale(finer - level);
        return Middle(cell, (floor(offset * parts) + 0.5) / parts);
    }
    let shift = vec3<u32>(level - finer);
    let first = ((cell + vec3<i32>(floor(offset))) >> shift) << shift;
    let half = 0.5 * level_scale(level - finer);
    return Middle(first + i32(half), vec3<f32>(half - floor(half)));
}

// Place of a particle's group in the table, which gets one if it has none yet; NONE where the table is full, or
// there is no group that it may be merged in.
fn group_of(p: u32, side: u32) -> u32 {
    let site = site_of(p, side);
    if (!may_stand(site, 0.0)) {
        return NONE;
    }
    let size = arrayLength(&group_tags);
    let tag = 2u * p + side + 1u;
    let key = vec4<i32>(site.cell, i32(site.level + 8u * site.body));
    // Middles of sites that share a node differ by quarters of a cell.
    let part = vec3<i32>(site.offset * 8.0);
    var place = hash_key(key + vec4<i32>(0, 0, 0, (part.x + 7 * part.y + 49 * part.z) << 16u)) % size;
    for (var probe = 0u; probe < size; probe++) {
        // A failed exchange may be spurious: it then says that the place is empty, and is tried again.
        var found = atomicLoad(&group_tags[place]);
        while (found == 0u) {
            let exchange = atomicCompareExchangeWeak(&group_tags[place], 0u, tag);
            found = select(exchange.old_value, tag, exchange.exchanged);
        }
        let other = site_of((found - 1u) / 2u, (found - 1u) % 2u);
        if (all(other.cell == site.cell) && all(other.offset == site.offset)
            && other.level == site.level && other.body == site.body) {
            return place;
        }
        place = (place + 1u) % size;
    }
    return NONE;
}

// Volume that a particle of a level stands for in its body [m³].
fn full_volume(kind: u32, level: u32) -> f32 {
    let spacing = parameters.cell_width * level_scale(level) / level_scale((kind / KIND_FINER) & 3u);
    return spacing * spacing * spacing;
}

// What a group must be like to be merged; with the round-off of sums in steps.
const LEAST_FILL: f32 = 0.6 - 2e-3;
const MOST_FILL: f32 = 1.55 + 2e-3;

// Whether what was summed says that a group is not merged, whatever else is changed.
fn is_refused(p: u32, side: u32, place: u32) -> bool {
    if (atomicLoad(&groups[place].is_whole) != 0u) {
        return false;
    }
    let count = atomicLoad(&groups[place].count);
    let heavy = atomicLoad(&groups[place].heavy_count);
    let fill = f32(atomicLoad(&groups[place].fill)) / GROUP_STEPS;
    let fastest = bitcast<f32>(atomicLoad(&groups[place].fastest));
    return count < 2u || heavy == 0u || fill < LEAST_FILL || fill > MOST_FILL
        || atomicLoad(&groups[place].is_apart) != 0u
        || !may_stand(site_of(p, side), fastest);
}
