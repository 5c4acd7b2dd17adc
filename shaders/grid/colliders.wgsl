// All colliders of a substep, one after the other, at one node. Needs `parameters`, `step`,
// `colliders`, `blocks`.

// How many there are. The table is never shorter; but a driver for which the bound of a loop is a mere
// uniform may compile the kernel anew for every step that is bound, as software Vulkan does.
fn collider_count() -> u32 {
    return min(parameters.collider_count, arrayLength(&colliders));
}

fn collider_at(index: u32) -> ColliderAt {
    return colliders[step.substep * parameters.collider_count + index];
}

// A node of a block, on the finest lattice.
fn node_place(slot: u32, node: u32) -> vec3<i32> {
    let place = blocks[slot].key.xyz * 4 + cell_coordinates(node);
    if (HAS_LEVELS) {
        return place << vec3<u32>(u32(blocks[slot].key.w));
    }
    return place;
}

// Node minus collider [m]: the integer part is exact, so that far worlds see the same bits.
fn from_collider(collider: ColliderAt, node: vec3<i32>) -> vec3<f32> {
    return vec3<f32>(node - collider.cell) * parameters.cell_width - collider.offset;
}

// Whether a node at d feels the collider at all.
fn touches(collider: ColliderAt, d: vec3<f32>) -> bool {
    return contact_influence(collider.softness, distance_to_collider(collider, d).phi).x != 0.0;
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

// The grid's own step at one node, from its momentum and mass: p/m, gravity, rigid bodies, colliders in
// order.
// Empty nodes rest.
fn node_velocity(slot: u32, node: u32, sum: vec4<f32>) -> vec4<f32> {
    if (sum.w <= parameters.empty_mass) {
        return vec4<f32>(0.0);
    }
    var v = sum.xyz / sum.w + parameters.gravity_step;
    let place = node_place(slot, node);
    if (HAS_RIGID) {
        v = give_to_bodies(place, v, sum.w);
    }
    return vec4<f32>(collide_first(collider_count(), place, v), sum.w);
}
