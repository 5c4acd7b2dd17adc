// The 27 nodes around one cell, loaded once per cell, and what a particle in the cell gathers from
// them. The stage says in `node_value` what is loaded.

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

fn gather(low: Plane, mid: Plane, high: Plane, o: vec3<f32>) -> Gathered {
    let wx = weights(o.x);
    let wy = weights(o.y);
    let wz = weights(o.z);
    let dx = distances(o.x);
    let dy = distances(o.y);
    let dz = distances(o.z);
    let a = gather_plane(low, wx, wy, dx, dy);
    let b = gather_plane(mid, wx, wy, dx, dy);
    let c = gather_plane(high, wx, wy, dx, dy);
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
