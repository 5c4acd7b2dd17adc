// The rigid bodies of a substep at one node, as predicted: before the colliders, so that walls hold.
// Needs `parameters`, `rigid_solids`, `pose_limbs`.

// Whether the model has rigid bodies.
override HAS_RIGID: bool = false;

// Velocity that a node leaves the first `count` bodies with.
fn collide_bodies(count: u32, node: vec3<i32>, v: vec3<f32>) -> vec3<f32> {
    var left = v;
    for (var index = 0u; index < count; index++) {
        let solid = rigid_solids[index];
        left = collide(solid, from_collider(solid, node), left);
    }
    return left;
}

// The same for all bodies; what the node gives to each is added to its sum.
fn give_to_bodies(node: vec3<i32>, v: vec3<f32>, mass: f32) -> vec3<f32> {
    var left = v;
    for (var index = 0u; index < parameters.rigid_count; index++) {
        let solid = rigid_solids[index];
        let d = from_collider(solid, node);
        if (touches(solid, d)) {
            let next = collide(solid, d, left);
            let given = (left - next) * mass;
            add_vector(index * POSE_STRIDE, 0u, given);
            add_vector(index * POSE_STRIDE, 3u, cross(d, given));
            left = next;
        }
    }
    return left;
}
