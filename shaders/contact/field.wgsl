// What collision shapes from files look like between their samples: quadratic B-splines. Mirrors
// src/model/distance_field.rs and height_field.rs. Needs `fields`, `coefficients`.

// Whether the model has such shapes.
override HAS_FIELDS: bool = false;

// A row of the texture of coefficients, which are numbered on.
const COEFFICIENT_ROW: u32 = 4096u;

struct FieldSpline {
    value: f32,
    gradient: vec3<f32>,
    hessian: mat3x3<f32>,
}

// Weights of the nodes at -1, 0, +1, at t spacings from the middle one; then their derivatives
fn spline_weights(t: f32) -> mat3x3<f32> {
    let left = 0.5 - t;
    let right = 0.5 + t;
    return mat3x3<f32>(
        vec3<f32>(0.5 * left * left, 0.75 - t * t, 0.5 * right * right),
        vec3<f32>(-left, -2.0 * t, right),
        vec3<f32>(1.0, -2.0, 1.0),
    );
}

fn field_coefficient(index: u32) -> f32 {
    let texel = vec2<u32>(index % COEFFICIENT_ROW, index / COEFFICIENT_ROW);
    return textureLoad(coefficients, texel, 0).x;
}

// Where p [m, body frame] lies among the samples, in spacings; and whether the spline is known there
fn within_field(field: FieldAt, u: vec3<f32>) -> bool {
    return all(u >= vec3<f32>(0.5)) && all(u < vec3<f32>(field.counts) - 1.5);
}

// The spline of a distance at u spacings from the first sample. Differences from the middle
// coefficient keep the digits of the derivatives.
fn distance_spline(field: FieldAt, u: vec3<f32>) -> FieldSpline {
    let nearest = floor(u + 0.5);
    let t = u - nearest;
    let wx = spline_weights(t.x);
    let wy = spline_weights(t.y);
    let wz = spline_weights(t.z);
    let node = vec3<u32>(nearest) - 1u;
    let row = field.counts.x;
    let plane = field.counts.x * field.counts.y;
    let first = field.first + node.x + node.y * row + node.z * plane;
    let middle = field_coefficient(first + 1u + row + plane);
    var value = 0.0;
    var gradient = vec3<f32>(0.0);
    // xx, yy, zz; xy, xz, yz
    var bend = vec3<f32>(0.0);
    var twist = vec3<f32>(0.0);
    for (var k = 0u; k < 3u; k++) {
        // By derivatives along x and y: none, x, y; xx, yy, xy.
        var low = vec3<f32>(0.0);
        var high = vec3<f32>(0.0);
        for (var j = 0u; j < 3u; j++) {
            let start = first + j * row + k * plane;
            let c = vec3<f32>(
                field_coefficient(start), field_coefficient(start + 1u), field_coefficient(start + 2u),
            ) - middle;
            let r = vec3<f32>(dot(wx[0], c), dot(wx[1], c), dot(wx[2], c));
            low += vec3<f32>(wy[0][j] * r.x, wy[0][j] * r.y, wy[1][j] * r.x);
            high += vec3<f32>(wy[0][j] * r.z, wy[2][j] * r.x, wy[1][j] * r.y);
        }
        value += wz[0][k] * low.x;
        gradient += vec3<f32>(wz[0][k] * low.y, wz[0][k] * low.z, wz[1][k] * low.x);
        bend += vec3<f32>(wz[0][k] * high.x, wz[0][k] * high.y, wz[2][k] * low.x);
        twist += vec3<f32>(wz[0][k] * high.z, wz[1][k] * low.y, wz[1][k] * low.z);
    }
    let inverse = 1.0 / field.spacing.x;
    let hessian = mat3x3<f32>(
        vec3<f32>(bend.x, twist.x, twist.y),
        vec3<f32>(twist.x, bend.y, twist.z),
        vec3<f32>(twist.y, twist.z, bend.z),
    );
    return FieldSpline(value + middle, gradient * inverse, hessian * (inverse * inverse));
}

// Height [m], its derivatives by x and y, and by xx, xy, yy
struct GroundHeight {
    value: f32,
    slope: vec2<f32>,
    bend: vec3<f32>,
}

// At x, y [m, body frame]; beyond its edge the ground goes on level.
fn ground_height(field: FieldAt, p: vec2<f32>) -> GroundHeight {
    let last = vec2<f32>(field.counts.xy) - 1.0;
    let inverse = 1.0 / field.spacing.xy;
    // Two nodes beyond the edge all three are the edge's.
    let u = clamp((p - field.low.xy) * inverse, vec2<f32>(-2.0), last + 2.0);
    let nearest = floor(u + 0.5);
    let t = u - nearest;
    let wx = spline_weights(t.x);
    let wy = spline_weights(t.y);
    let column = vec3<f32>(nearest.x - 1.0, nearest.x, nearest.x + 1.0);
    let i = vec3<u32>(clamp(column, vec3<f32>(0.0), vec3<f32>(last.x)));
    let line = vec3<f32>(nearest.y - 1.0, nearest.y, nearest.y + 1.0);
    let rows = vec3<u32>(clamp(line, vec3<f32>(0.0), vec3<f32>(last.y))) * field.counts.x;
    let middle = field_coefficient(field.first + i.y + rows.y);
    var at = GroundHeight(middle, vec2<f32>(0.0), vec3<f32>(0.0));
    for (var j = 0u; j < 3u; j++) {
        let start = field.first + rows[j];
        let c = vec3<f32>(
            field_coefficient(start + i.x),
            field_coefficient(start + i.y),
            field_coefficient(start + i.z),
        ) - middle;
        let r = vec3<f32>(dot(wx[0], c), dot(wx[1], c), dot(wx[2], c));
        at.value += wy[0][j] * r.x;
        at.slope += vec2<f32>(wy[0][j] * r.y, wy[1][j] * r.x);
        at.bend += vec3<f32>(wy[0][j] * r.z, wy[1][j] * r.y, wy[2][j] * r.x);
    }
    at.slope *= inverse;
    at.bend *= vec3<f32>(inverse.x * inverse.x, inverse.x * inverse.y, inverse.y * inverse.y);
    return at;
}
