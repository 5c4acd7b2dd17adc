// The end of a rigid body's substep: what the nodes gave, then position and rotation. Mirrors
// rigid_update in src/mpm/twin/rigid/mod.rs. Needs `parameters`.

// An impulse about the centre of the shape, about the centre of mass.
fn about_mass(body: RigidBody, motion: RigidMotion, impulse: Impulse) -> Impulse {
    let centre = quaternion_matrix(motion.rotation) * body.centre;
    return Impulse(impulse.linear, impulse.angular + cross(centre, impulse.linear));
}

fn half_turn(twist: Twist) -> vec3<f32> {
    return twist.angular_velocity * (0.5 * parameters.dt);
}

fn updated(body: RigidBody, motion: RigidMotion, predicted: Twist, impulse: Impulse) -> RigidMotion {
    let twist = pushed(body, motion, predicted, about_mass(body, motion, impulse));
    let rotation = quaternion_matrix(motion.rotation);
    let a = half_turn(twist);
    let momentum = turned(body.inertia, rotation, twist.angular_velocity);
    let gyration = turned(body.inverse_inertia, rotation, turn_change(-a, momentum));
    let spin = twist.angular_velocity + gyration;
    let moved = motion.offset + twist.velocity * parameters.cells_per_speed;
    let shift = select(vec3<i32>(0), vec3<i32>(1), moved >= vec3<f32>(0.5))
        - select(vec3<i32>(0), vec3<i32>(1), moved < vec3<f32>(-0.5));
    var after: RigidMotion;
    after.cell = motion.cell + shift;
    after.offset = moved - vec3<f32>(shift);
    after.rotation = quaternion_turned(a, motion.rotation);
    after.velocity = twist.velocity;
    after.angular_velocity = spin + turn_change(a, spin);
    return after;
}

fn updated_adj(
    body: RigidBody,
    motion: RigidMotion,
    predicted: Twist,
    impulse: Impulse,
    after_bar: PoseBar,
) -> RigidPartial {
    let about = about_mass(body, motion, impulse);
    let twist = pushed(body, motion, predicted, about);
    let rotation = quaternion_matrix(motion.rotation);
    let a = half_turn(twist);
    let momentum = turned(body.inertia, rotation, twist.angular_velocity);
    let change = turn_change(-a, momentum);
    let spin = twist.angular_velocity + turned(body.inverse_inertia, rotation, change);

    var bar = no_rigid_bar();
    let last = turn_change_adj(a, spin, after_bar.angular_velocity);
    let spin_bar = last.v_bar + after_bar.angular_velocity;
    // theta' = C theta + 2/(1 + a²) (a_dot + a x a_dot)
    let theta_bar = after_bar.rotation;
    var a_bar = last.a_bar + (theta_bar + cross(theta_bar, a)) * (2.0 / (1.0 + dot(a, a)));
    bar.motion.rotation = theta_bar + turn_change(-a, theta_bar);

    let gyration_adj = turned_adj(body.inverse_inertia, rotation, change, spin_bar);
    bar.motion.rotation += gyration_adj.turn_bar;
    bar.inertia += inverse_adj(body.inverse_inertia, gyration_adj.a_bar);
    let back = turn_change_adj(-a, momentum, gyration_adj.v_bar);
    a_bar -= back.a_bar;
    let momentum_adj = turned_adj(body.inertia, rotation, twist.angular_velocity, back.v_bar);
    bar.motion.rotation += momentum_adj.turn_bar;
    bar.inertia += momentum_adj.a_bar;

    bar.motion.position = after_bar.position;
    let twist_bar = Twist(
        after_bar.velocity + after_bar.position * parameters.dt,
        spin_bar + momentum_adj.v_bar + a_bar * (0.5 * parameters.dt),
    );
    let about_bar = pushed_adj(body, motion, predicted, about, twist_bar, &bar);
    let centre = rotation * body.centre;
    bar.motion.rotation += cross(centre, cross(impulse.linear, about_bar.angular));
    let impulse_bar =
        Impulse(about_bar.linear + cross(about_bar.angular, centre), about_bar.angular);
    return RigidPartial(bar, twist_bar, impulse_bar);
}
