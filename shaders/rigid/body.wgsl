// One rigid body: its collider, what an impulse does to it. Mirrors src/mpm/twin/rigid/mod.rs.
// Needs `parameters`, `rigid_bodies`.

fn solid_of(body: RigidBody, motion: RigidMotion, twist: Twist) -> ColliderAt {
    var solid: ColliderAt;
    let rotation = quaternion_matrix(motion.rotation);
    let centre = rotation * body.centre;
    solid.cell = motion.cell;
    solid.offset = motion.offset * parameters.cell_width + centre;
    solid.rotation = rotation;
    solid.velocity = twist.velocity + cross(twist.angular_velocity, centre);
    solid.angular_velocity = twist.angular_velocity;
    solid.shape = body.shape;
    solid.size = body.size;
    solid.mode = body.mode;
    solid.friction = body.friction;
    solid.softness = body.softness;
    solid.moving = NONE;
    return solid;
}

// Adds to the cotangents of position and rotation and of the twist.
fn solid_of_adj(
    body: RigidBody,
    motion: RigidMotion,
    twist: Twist,
    pose_bar: PoseBar,
    rigid_bar: ptr<function, RigidBar>,
    twist_bar: ptr<function, Twist>,
) {
    let centre = quaternion_matrix(motion.rotation) * body.centre;
    let centre_bar = pose_bar.position + cross(pose_bar.velocity, twist.angular_velocity);
    (*rigid_bar).motion.position += pose_bar.position;
    (*rigid_bar).motion.rotation += pose_bar.rotation + cross(centre, centre_bar);
    (*twist_bar).velocity += pose_bar.velocity;
    (*twist_bar).angular_velocity += pose_bar.angular_velocity + cross(centre, pose_bar.velocity);
}

// The twist after an impulse about the centre of mass.
fn pushed(body: RigidBody, motion: RigidMotion, twist: Twist, impulse: Impulse) -> Twist {
    let rotation = quaternion_matrix(motion.rotation);
    return Twist(
        twist.velocity + impulse.linear / body.mass,
        twist.angular_velocity + turned(body.inverse_inertia, rotation, impulse.angular),
    );
}

// The cotangent of the impulse; that of the twist before is twist_bar itself.
fn pushed_adj(
    body: RigidBody,
    motion: RigidMotion,
    twist: Twist,
    impulse: Impulse,
    twist_bar: Twist,
    rigid_bar: ptr<function, RigidBar>,
) -> Impulse {
    let rotation = quaternion_matrix(motion.rotation);
    let adj =
        turned_adj(body.inverse_inertia, rotation, impulse.angular, twist_bar.angular_velocity);
    (*rigid_bar).motion.rotation += adj.turn_bar;
    (*rigid_bar).inertia += inverse_adj(body.inverse_inertia, adj.a_bar);
    let linear = twist_bar.velocity / body.mass;
    (*rigid_bar).mass -= dot(impulse.linear, linear) / body.mass;
    return Impulse(linear, adj.v_bar);
}

fn no_rigid_bar() -> RigidBar {
    let o = vec3<f32>(0.0);
    return RigidBar(PoseBar(o, o, o, o), mat3x3<f32>(o, o, o), 0.0);
}
