// All colliders of a substep, one after the other, at one node. Needs `parameters`, `step`,
// `colliders`.

fn collider_at(index: u32) -> ColliderAt {
    return colliders[step.substep * parameters.collider_count + index];
}

// Node minus collider [m]: the integer part is exact, so that far worlds see the same bits.
fn from_collider(collider: ColliderAt, node: vec3<i32>) -> vec3<f32> {
    return vec3<f32>(node - collider.cell) * parameters.cell_width - collider.offset;
}

// Velocity that a node of velocity v leaves the first `count` colliders with.
fn collide_first(count: u32, node: vec3<i32>, v: vec3<f32>) -> vec3<f32> {
    var left = v;
    for (var index = 0u; index < count; index++) {
        let collider = collider_at(index);
        left = collide(collider, from_collider(collider, node), left);
    }
    return left;
}
