// All contacts of one body in one round: with the colliders, its points with the other bodies, and
// theirs with it. Every body sums for itself, so that each sum has one owner. Needs `parameters`,
// `step`, `colliders`, `rigid_bodies`, `rigid_points`, `rigid_motions`, `rigid_twists`.

fn scene_collider(index: u32) -> ColliderAt {
    return colliders[step.substep * parameters.collider_count + index];
}

// What a surface counts as between solids.
fn solid_friction(mode: u32, friction: f32) -> f32 {
    if mode == CONTACT_STICKY {
        return 1.0;
    }
    return select(friction, 0.0, mode == CONTACT_SLIP);
}

fn apart_from(motion: RigidMotion, solid: ColliderAt) -> vec3<f32> {
    return (vec3<f32>(motion.cell - solid.cell) + motion.offset) * parameters.cell_width
        - solid.offset;
}

fn in_reach(body: RigidBody, apart: vec3<f32>, solid: ColliderAt) -> bool {
    return distance_bound(solid.shape, solid.size, apart * solid.rotation)
        <= body.reach + solid.softness;
}

// Point k of a body at a solid; `mass` is that which collides.
fn encounter(
    body: RigidBody,
    motion: RigidMotion,
    twist: Twist,
    k: u32,
    solid: ColliderAt,
    mass: f32,
) -> Encounter {
    let point = rigid_points[body.first_point + k];
    let lever = quaternion_matrix(motion.rotation) * point.position;
    let friction = sqrt(
        solid_friction(body.mode, body.friction) * solid_friction(solid.mode, solid.friction),
    );
    return Encounter(lever, apart_from(motion, solid), point.radius, mass, twist, friction);
}

// The mass that collides where a part of one body meets a part of another.
fn pair_mass(part: f32, other: f32) -> f32 {
    return part * other / (part + other);
}

fn meet_all(b: u32, first: u32) -> Impulse {
    let none = vec3<f32>(0.0);
    let body = rigid_bodies[b];
    let motion = rigid_motions[b];
    let twist = rigid_twists[first + b];
    var sum = Impulse(none, none);
    for (var c = 0u; c < parameters.collider_count; c++) {
        let solid = scene_collider(c);
        if (in_reach(body, apart_from(motion, solid), solid)) {
            for (var k = 0u; k < body.point_count; k++) {
                let mass = rigid_points[body.first_point + k].share * body.mass;
                let met = meet(encounter(body, motion, twist, k, solid, mass), solid, none);
                sum.linear += met.impulse;
                sum.angular += met.on_body;
            }
        }
    }
    let own_solid = solid_of(body, motion, twist);
    let own_centre = quaternion_matrix(motion.rotation) * body.centre;
    for (var o = 0u; o < parameters.rigid_count; o++) {
        if (o == b) {
            continue;
        }
        let other = rigid_bodies[o];
        let other_motion = rigid_motions[o];
        let other_twist = rigid_twists[first + o];
        let solid = solid_of(other, other_motion, other_twist);
        if (in_reach(body, apart_from(motion, solid), solid)) {
            for (var k = 0u; k < body.point_count; k++) {
                let part = rigid_points[body.first_point + k].share * body.mass;
                let mass = pair_mass(part, other.share * other.mass);
                let met = meet(encounter(body, motion, twist, k, solid, mass), solid, none);
                sum.linear += met.impulse;
                sum.angular += met.on_body;
            }
        }
        if (in_reach(other, apart_from(other_motion, own_solid), own_solid)) {
            for (var k = 0u; k < other.point_count; k++) {
                let part = rigid_points[other.first_point + k].share * other.mass;
                let mass = pair_mass(part, body.share * body.mass);
                let e = encounter(other, other_motion, other_twist, k, own_solid, mass);
                let met = meet(e, own_solid, own_centre);
                sum.linear -= met.impulse;
                sum.angular += met.on_solid;
            }
        }
    }
    return sum;
}
