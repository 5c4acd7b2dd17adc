// Where cells, nodes and neighbours lie.

// Index of a thread in a dispatch that may be folded into rows of workgroups of 64.
fn thread_index(gid: vec3<u32>, groups: vec3<u32>) -> u32 {
    return gid.x + gid.y * groups.x * 64u;
}

// Whether there are levels of resolution; then particles do not come and go.
override HAS_LEVELS: bool = false;

// Whether a location is that of an entry which is in no cell.
fn is_absent(location: vec2<u32>) -> bool {
    return location.x == NONE;
}

// Whether a location is that of a particle which is not there.
fn is_away(location: vec2<u32>) -> bool {
    return !HAS_LEVELS && is_absent(location);
}

fn cell_coordinates(cell: u32) -> vec3<i32> {
    return vec3<i32>(vec3<u32>(cell & 3u, (cell >> 2u) & 3u, cell >> 4u));
}

fn cell_index(at: vec3<i32>) -> u32 {
    let c = vec3<u32>(at & vec3<i32>(3));
    return c.x + 4u * c.y + 16u * c.z;
}

// Place of direction d (each component -1, 0 or 1) in a table of neighbours.
fn neighbour_index(d: vec3<i32>) -> u32 {
    return u32(d.x + 3 * d.y + 9 * d.z + 13);
}

fn neighbour_direction(index: u32) -> vec3<i32> {
    let i = i32(index);
    return vec3<i32>(i % 3 - 1, (i / 3) % 3 - 1, i / 9 - 1);
}

// A value for each of the 8 blocks that the 27 cells around one cell lie in. Along an axis these
// are its own block (near) and the one that a border cell looks into (far).
struct Corners {
    near_z: vec4<u32>,
    far_z: vec4<u32>,
}

// The direction in which a cell at this coordinate looks into another block.
fn far_side(local: vec3<i32>) -> vec3<i32> {
    return select(select(vec3<i32>(0), vec3<i32>(1), local == vec3<i32>(3)), vec3<i32>(-1),
        local == vec3<i32>(0));
}

fn is_far(at: i32) -> bool {
    return at < 0 || at > 3;
}

// The value for the block in which cell `at` lies, at = local + (-1, 0 or 1) per axis.
fn pick(corners: Corners, at: vec3<i32>) -> u32 {
    let z = select(corners.near_z, corners.far_z, is_far(at.z));
    let y = select(z.xy, z.zw, is_far(at.y));
    return select(y.x, y.y, is_far(at.x));
}
