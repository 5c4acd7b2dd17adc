// Adjoint of meet_all for one body: adds to the cotangents of its motion, mass and twist, and to
// those of the colliders that move. Needs what meet_all needs, `rigid_partials`, `pose_limbs`.

fn add_encounter(
    e: Encounter,
    adj: MeetingAdj,
    rigid_bar: ptr<function, RigidBar>,
    twist_bar: ptr<function, Twist>,
) {
    (*rigid_bar).motion.position += adj.apart;
    (*rigid_bar).motion.rotation += cross(e.lever, adj.lever);
    (*twist_bar).velocity += adj.twist.velocity;
    (*twist_bar).angular_velocity += adj.twist.angular_velocity;
}

// By the first part.
fn pair_mass_slope(part: f32, other: f32) -> f32 {
    let ratio = other / (part + other);
    return ratio * ratio;
}

fn meet_all_adj(
    b: u32,
    first: u32,
    rigid_bar: ptr<function, RigidBar>,
    twist_bar: ptr<function, Twist>,
) {
    let none = vec3<f32>(0.0);
    let body = rigid_bodies[b];
    let motion = rigid_motions[b];
    let twist = rigid_twists[first + b];
    let own_bar = rigid_partials[b].impulse_bar;
    for (var c = 0u; c < parameters.collider_count; c++) {
        let solid = scene_collider(c);
        if (in_reach(body, apart_from(motion, solid), solid)) {
            for (var k = 0u; k < body.point_count; k++) {
                let share = rigid_points[body.first_point + k].share;
                let e = encounter(body, motion, twist, k, solid, share * body.mass);
                let adj = meet_adj(e, solid, none, own_bar, Impulse(none, none));
                add_encounter(e, adj, rigid_bar, twist_bar);
                (*rigid_bar).mass += adj.mass * share;
                if (solid.moving != NONE) {
                    add_pose(solid.moving, adj.solid);
                }
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
        let other_bar = rigid_partials[o].impulse_bar;
        let solid = solid_of(other, other_motion, other_twist);
        let centre = quaternion_matrix(other_motion.rotation) * other.centre;
        if (in_reach(body, apart_from(motion, solid), solid)) {
            for (var k = 0u; k < body.point_count; k++) {
                let share = rigid_points[body.first_point + k].share;
                let part_mass = share * body.mass;
                let other_part = other.share * other.mass;
                let mass = pair_mass(part_mass, other_part);
                let e = encounter(body, motion, twist, k, solid, mass);
                let adj = meet_adj(e, solid, centre, own_bar, other_bar);
                add_encounter(e, adj, rigid_bar, twist_bar);
                (*rigid_bar).mass += adj.mass * share * pair_mass_slope(part_mass, other_part);
            }
        }
        if (in_reach(other, apart_from(other_motion, own_solid), own_solid)) {
            for (var k = 0u; k < other.point_count; k++) {
                let part_mass = rigid_points[other.first_point + k].share * other.mass;
                let own_part = body.share * body.mass;
                let mass = pair_mass(part_mass, own_part);
                let e = encounter(other, other_motion, other_twist, k, own_solid, mass);
                let adj = meet_adj(e, own_solid, own_centre, other_bar, own_bar);
                (*rigid_bar).motion.rotation += cross(own_centre, adj.centre);
                solid_of_adj(body, motion, twist, adj.solid, rigid_bar, twist_bar);
                (*rigid_bar).mass +=
                    adj.mass * body.share * pair_mass_slope(own_part, part_mass);
            }
        }
    }
}
