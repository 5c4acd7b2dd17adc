// A contact point of a body at a solid. Mirrors src/mpm/twin/rigid/contact.rs.

const PUSH_OUT: f32 = 0.2;

struct Encounter {
    // from the body's centre of mass to the point, from the solid's origin to the centre of mass [m]
    lever: vec3<f32>,
    apart: vec3<f32>,
    radius: f32,
    // mass that collides [kg]
    mass: f32,
    twist: Twist,
    friction: f32,
}

struct Meeting {
    // on the body [N s]; zero beyond the softened zone
    impulse: vec3<f32>,
    // its moment about the body's centre of mass, and of its reaction about the solid's
    on_body: vec3<f32>,
    on_solid: vec3<f32>,
}

struct MeetingAdj {
    lever: vec3<f32>,
    apart: vec3<f32>,
    twist: Twist,
    mass: f32,
    solid: PoseBar,
    centre: vec3<f32>,
}

fn push_rate() -> f32 {
    return PUSH_OUT / parameters.dt;
}

// `centre` is the solid's origin from the solid's centre of mass.
fn meet(e: Encounter, solid: ColliderAt, centre: vec3<f32>) -> Meeting {
    let at = distance_to_collider(solid, e.apart + e.lever);
    let gap = at.phi - e.radius;
    let a = contact_influence(solid.softness, gap).x;
    let from_body = e.lever - at.normal * e.radius;
    let from_solid = e.apart + from_body;
    if a == 0.0 {
        let none = vec3<f32>(0.0);
        return Meeting(none, none, none);
    }
    let u = e.twist.velocity + cross(e.twist.angular_velocity, from_body) - solid.velocity
        - cross(solid.angular_velocity, from_solid) - at.normal * (max(-gap, 0.0) * push_rate());
    let changed = contact_change(CONTACT_SEPARATE, e.friction, at.normal, u);
    let impulse = changed * (a * e.mass);
    return Meeting(impulse, cross(from_body, impulse), -cross(centre + from_solid, impulse));
}

// From the cotangents of the impulses on the body and on the solid.
fn meet_adj(
    e: Encounter,
    solid: ColliderAt,
    centre: vec3<f32>,
    body_bar: Impulse,
    solid_bar: Impulse,
) -> MeetingAdj {
    let o = vec3<f32>(0.0);
    let d = e.apart + e.lever;
    let at = distance_to_collider(solid, d);
    let gap = at.phi - e.radius;
    let a = contact_influence(solid.softness, gap);
    if a.x == 0.0 {
        return MeetingAdj(o, o, Twist(o, o), 0.0, PoseBar(o, o, o, o), o);
    }
    let n = at.normal;
    let from_body = e.lever - n * e.radius;
    let from_solid = e.apart + from_body;
    let push = max(-gap, 0.0) * push_rate();
    let omega = e.twist.angular_velocity;
    let u = e.twist.velocity + cross(omega, from_body) - solid.velocity
        - cross(solid.angular_velocity, from_solid) - n * push;
    let changed = contact_change(CONTACT_SEPARATE, e.friction, n, u);
    let impulse = changed * (a.x * e.mass);

    let impulse_bar = body_bar.linear + cross(body_bar.angular, from_body) - solid_bar.linear
        - cross(solid_bar.angular, centre + from_solid);
    let centre_bar = -cross(impulse, solid_bar.angular);
    var from_body_bar = cross(impulse, body_bar.angular);
    var from_solid_bar = centre_bar;

    let along = dot(changed, impulse_bar);
    var gap_bar = a.y * e.mass * along;
    let bars = contact_change_adj(
        CONTACT_SEPARATE, e.friction, n, u, impulse_bar * (a.x * e.mass),
    );
    let u_bar = bars.u_bar;
    var n_bar = bars.n_bar - u_bar * push;
    if gap < 0.0 {
        gap_bar += push_rate() * dot(n, u_bar);
    }
    from_body_bar += cross(u_bar, omega);
    from_solid_bar -= cross(u_bar, solid.angular_velocity);
    from_body_bar += from_solid_bar;
    n_bar -= from_body_bar * e.radius;
    let surface_bar = distance_point_bar(at, gap_bar, n_bar);
    return MeetingAdj(
        from_body_bar + surface_bar,
        from_solid_bar + surface_bar,
        Twist(u_bar, cross(from_body, u_bar)),
        a.x * along,
        PoseBar(
            -(from_solid_bar + surface_bar),
            cross(n, n_bar) - cross(d, surface_bar),
            -u_bar,
            -cross(from_solid, u_bar),
        ),
        centre_bar,
    );
}
