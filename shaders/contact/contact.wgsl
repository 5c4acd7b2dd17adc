// Contact of a grid node with one rigid collider. Mirrors contact.rs.

// Rounds Coulomb friction at zero sliding speed [m/s].
const SLIDING_SPEED_FLOOR: f32 = 1e-6;

struct CollideAdj {
    v_bar: vec3<f32>,
    pose: PoseBar,
}

// Distance and normal in world axes, at d from the body's origin
fn distance_to_collider(c: ColliderAt, d: vec3<f32>) -> Distance {
    let at = distance_to_shape(c.shape, c.size, d * c.rotation);
    let curvature = c.rotation * at.curvature * transpose(c.rotation);
    return Distance(at.phi, c.rotation * at.gradient, c.rotation * at.normal, curvature);
}

// (a, da/dphi): 1 inside, falling to 0 over the softness by a cubic smoothstep
fn contact_influence(softness: f32, phi: f32) -> vec2<f32> {
    if phi <= 0.0 {
        return vec2<f32>(1.0, 0.0);
    }
    if phi >= softness {
        return vec2<f32>(0.0);
    }
    // 1 - S(t) = (1 - t)² (1 + 2 t), which keeps its digits where it vanishes.
    let t = phi / softness;
    let rest = (softness - phi) / softness;
    return vec2<f32>(rest * rest * (1.0 + 2.0 * t), -6.0 * t * rest / softness);
}

// Velocity that a node at d [m, from the body's origin, world axes] leaves with:
// v' = v + a(phi) change(v - v_c), v_c = velocity + omega x d
fn collide(c: ColliderAt, d: vec3<f32>, v: vec3<f32>) -> vec3<f32> {
    let at = distance_to_collider(c, d);
    let a = contact_influence(c.softness, at.phi).x;
    if a == 0.0 {
        return v;
    }
    let v_c = c.velocity + cross(c.angular_velocity, d);
    return v + contact_change(c.mode, c.friction, at.normal, v - v_c) * a;
}

// With p_bar the cotangent of the point by distance and normal: position_bar = omega x v_c_bar - p_bar,
// rotation_bar = n x n_bar - d x p_bar, omega_bar = d x v_c_bar, phi_bar = a' change·g
fn collide_adj(c: ColliderAt, d: vec3<f32>, v: vec3<f32>, v_bar: vec3<f32>) -> CollideAdj {
    let at = distance_to_collider(c, d);
    let a = contact_influence(c.softness, at.phi);
    if a.x == 0.0 {
        let none = vec3<f32>(0.0);
        return CollideAdj(v_bar, PoseBar(none, none, none, none));
    }
    let u = v - c.velocity - cross(c.angular_velocity, d);
    let changed = contact_change(c.mode, c.friction, at.normal, u);
    let phi_bar = a.y * dot(changed, v_bar);
    let bars = contact_change_adj(c.mode, c.friction, at.normal, u, v_bar * a.x);
    let v_c_bar = -bars.u_bar;
    let surface_bar = distance_point_bar(at, phi_bar, bars.n_bar);
    let pose = PoseBar(
        cross(c.angular_velocity, v_c_bar) - surface_bar,
        cross(at.normal, bars.n_bar) - cross(d, surface_bar),
        v_c_bar,
        cross(d, v_c_bar),
    );
    return CollideAdj(v_bar + bars.u_bar, pose);
}

// Change by hard contact of the velocity u relative to the surface: sticky -u; slip -(u·n) n;
// separate 0 where u·n >= 0, else k v_t - u, k = max(0, 1 + mu (u·n)/sqrt(|v_t|² + eps²))
fn contact_change(mode: u32, friction: f32, n: vec3<f32>, u: vec3<f32>) -> vec3<f32> {
    let into = dot(u, n);
    if mode == CONTACT_STICKY {
        return -u;
    }
    if mode == CONTACT_SLIP {
        return -(n * into);
    }
    if into >= 0.0 {
        return vec3<f32>(0.0);
    }
    let sliding = u - n * into;
    let k = 1.0 + friction * into / rounded_norm(sliding);
    return sliding * max(k, 0.0) - u;
}

struct ContactChangeAdj {
    u_bar: vec3<f32>,
    // of a free vector
    n_bar: vec3<f32>,
}

// w = u·n, s = rounded |v_t|, t = v_t/s, k the Coulomb factor, g the cotangent of the result:
// sliding (k > 0) u_bar = k (g - n (n·g)) + mu n (t·g) - mu (w/s) t (t·g) - g,
// n_bar = (mu t·g - k g·n) u + (mu w²/s) (t·g) t - k w g; sticking u_bar = -g; slip is mu = 0,
// k = 1
fn contact_change_adj(
    mode: u32,
    friction: f32,
    n: vec3<f32>,
    u: vec3<f32>,
    g: vec3<f32>,
) -> ContactChangeAdj {
    let none = vec3<f32>(0.0);
    let into = dot(u, n);
    let ng = dot(n, g);
    if mode == CONTACT_STICKY {
        return ContactChangeAdj(-g, none);
    }
    if mode == CONTACT_SLIP {
        return ContactChangeAdj(-(n * ng), -(u * ng) - g * into);
    }
    if into >= 0.0 {
        return ContactChangeAdj(none, none);
    }
    let sliding = u - n * into;
    let speed = rounded_norm(sliding);
    let pull = friction * into / speed;
    let k = 1.0 + pull;
    if k <= 0.0 {
        return ContactChangeAdj(-g, none);
    }
    let t = sliding / speed;
    let tg = dot(t, g);
    let u_bar = (g - n * ng) * k + n * (friction * tg) - t * (pull * tg) - g;
    let n_bar = u * (friction * tg - k * ng) + t * (pull * into * tg) - g * (k * into);
    return ContactChangeAdj(u_bar, n_bar);
}

fn rounded_norm(v: vec3<f32>) -> f32 {
    return sqrt(dot(v, v) + SLIDING_SPEED_FLOOR * SLIDING_SPEED_FLOOR);
}
