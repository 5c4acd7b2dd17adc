// Where a ray first meets a collider's shape, in its body frame; mirrors `src/render/cast.rs`.

const SPHERE: u32 = 0u;
const BOX: u32 = 1u;
const CAPSULE: u32 = 2u;
const CYLINDER: u32 = 3u;
const FAR: f32 = 1e30;

struct Solid {
    // `body_from_world`, columns.
    @location(0) to_body_x: vec3<f32>,
    @location(1) to_body_y: vec3<f32>,
    @location(2) to_body_z: vec3<f32>,
    // The eye in the body frame [m].
    @location(3) eye: vec3<f32>,
    // Half the size along the body's axes [m].
    @location(4) half_size: vec3<f32>,
    @location(5) kind: u32,
    @location(6) colour: vec4<f32>,
}

// Ray parameter (negative: nothing is hit) and outward normal.
struct Strike {
    t: f32,
    normal: vec3<f32>,
}

// The part of a ray inside a convex set; empty when enter > leave.
struct Span {
    enter: f32,
    leave: f32,
    normal: vec3<f32>,
}

const NOTHING = Strike(-1.0, vec3(0.0));

fn slabs(half: vec3<f32>, origin: vec3<f32>, direction: vec3<f32>) -> Span {
    var span = Span(-FAR, FAR, vec3(0.0));
    for (var axis = 0; axis < 3; axis++) {
        let d = direction[axis];
        // A parallel ray is inside all along or never: the quotients are infinite either way.
        let safe = select(d, 1e-20, d == 0.0);
        let a = (-half[axis] - origin[axis]) / safe;
        let b = (half[axis] - origin[axis]) / safe;
        if min(a, b) > span.enter {
            span.enter = min(a, b);
            span.normal = vec3(0.0);
            span.normal[axis] = -sign(safe);
        }
        span.leave = min(span.leave, max(a, b));
    }
    return span;
}

fn tube(radius: f32, origin: vec3<f32>, direction: vec3<f32>) -> Span {
    let a = max(dot(direction.xy, direction.xy), 1e-20);
    let middle = -dot(origin.xy, direction.xy) / a;
    let nearest = origin.xy + direction.xy * middle;
    let half = (radius * radius - dot(nearest, nearest)) / a;
    if half < 0.0 {
        return Span(FAR, -FAR, vec3(0.0));
    }
    let enter = middle - sqrt(half);
    let normal = vec3((origin.xy + direction.xy * enter) / radius, 0.0);
    return Span(enter, middle + sqrt(half), normal);
}

fn ball(centre: vec3<f32>, radius: f32, origin: vec3<f32>, direction: vec3<f32>) -> Strike {
    let o = origin - centre;
    let a = dot(direction, direction);
    let middle = -dot(o, direction) / a;
    let nearest = o + direction * middle;
    let half = (radius * radius - dot(nearest, nearest)) / a;
    if half < 0.0 {
        return NOTHING;
    }
    let t = middle - sqrt(half);
    return Strike(t, (o + direction * t) / radius);
}

fn nearer(a: Strike, b: Strike) -> Strike {
    if a.t <= 0.0 || (b.t > 0.0 && b.t < a.t) {
        return b;
    }
    return a;
}

fn cast_ray(kind: u32, size: vec3<f32>, origin: vec3<f32>, direction: vec3<f32>) -> Strike {
    let radius = size.x;
    switch kind {
        case SPHERE: {
            return ball(vec3(0.0), radius, origin, direction);
        }
        case CAPSULE: {
            let half_length = size.z - radius;
            let side = tube(radius, origin, direction);
            let on_side = abs(origin.z + side.enter * direction.z) <= half_length;
            var strike = NOTHING;
            if side.enter < side.leave && on_side {
                strike = Strike(side.enter, side.normal);
            }
            strike = nearer(strike, ball(vec3(0.0, 0.0, -half_length), radius, origin, direction));
            return nearer(strike, ball(vec3(0.0, 0.0, half_length), radius, origin, direction));
        }
        default: {
            // A box is three slabs; a cylinder is a tube and the slab across it.
            var span = slabs(vec3(select(FAR, size.x, kind == BOX), select(FAR, size.y, kind == BOX),
                size.z), origin, direction);
            if kind == CYLINDER {
                let side = tube(radius, origin, direction);
                if side.enter > span.enter {
                    span.enter = side.enter;
                    span.normal = side.normal;
                }
                span.leave = min(span.leave, side.leave);
            }
            if span.enter >= span.leave {
                return NOTHING;
            }
            return Strike(span.enter, span.normal);
        }
    }
}

// Body to world: the transpose of a rotation.
fn to_world(solid: Solid, v: vec3<f32>) -> vec3<f32> {
    return vec3(dot(solid.to_body_x, v), dot(solid.to_body_y, v), dot(solid.to_body_z, v));
}

fn to_body(solid: Solid, v: vec3<f32>) -> vec3<f32> {
    return mat3x3<f32>(solid.to_body_x, solid.to_body_y, solid.to_body_z) * v;
}

// A corner of the box around the solid, from the eye, world axes; 36 of them make its faces.
fn box_corner(index: u32, solid: Solid) -> vec3<f32> {
    // Two triangles per face; corners are numbered by the bits of x, y, z.
    var corners = array<u32, 36>(
        0, 2, 1, 1, 2, 3, 4, 5, 6, 5, 7, 6, 0, 1, 4, 1, 5, 4,
        2, 6, 3, 3, 6, 7, 0, 4, 2, 2, 4, 6, 1, 3, 5, 3, 7, 5,
    );
    let bits = corners[index];
    let sign = vec3(f32(bits & 1u), f32((bits >> 1u) & 1u), f32(bits >> 2u)) * 2.0 - 1.0;
    return to_world(solid, solid.half_size * sign - solid.eye);
}
