// Rotations of rigid bodies. Mirrors src/math/quaternion.rs.

// The matrix of a unit quaternion (x, y, z, w).
fn quaternion_matrix(q: vec4<f32>) -> mat3x3<f32> {
    let v = q.xyz;
    let row_x = vec3<f32>(
        1.0 - 2.0 * (v.y * v.y + v.z * v.z),
        2.0 * (v.x * v.y - q.w * v.z),
        2.0 * (v.x * v.z + q.w * v.y),
    );
    let row_y = vec3<f32>(
        2.0 * (v.x * v.y + q.w * v.z),
        1.0 - 2.0 * (v.x * v.x + v.z * v.z),
        2.0 * (v.y * v.z - q.w * v.x),
    );
    let row_z = vec3<f32>(
        2.0 * (v.x * v.z - q.w * v.y),
        2.0 * (v.y * v.z + q.w * v.x),
        1.0 - 2.0 * (v.x * v.x + v.y * v.y),
    );
    return transpose(mat3x3<f32>(row_x, row_y, row_z));
}

// Turns a rotation by that of (a, 1)/|(a, 1)|: by 2 atan |a| about a.
fn quaternion_turned(a: vec3<f32>, q: vec4<f32>) -> vec4<f32> {
    let turned = vec4<f32>(q.xyz + a * q.w + cross(a, q.xyz), q.w - dot(a, q.xyz));
    return turned / sqrt(dot(turned, turned));
}

// (C - 1) v with C that rotation: 2/(1 + a²) (a x v + a x (a x v)); the transpose takes -a.
fn turn_change(a: vec3<f32>, v: vec3<f32>) -> vec3<f32> {
    let across = cross(a, v);
    return (across + cross(a, across)) * (2.0 / (1.0 + dot(a, a)));
}

struct TurnChangeAdj {
    a_bar: vec3<f32>,
    v_bar: vec3<f32>,
}

fn turn_change_adj(a: vec3<f32>, v: vec3<f32>, change_bar: vec3<f32>) -> TurnChangeAdj {
    let across = cross(a, v);
    let scale = 2.0 / (1.0 + dot(a, a));
    let scale_bar = dot(change_bar, across + cross(a, across));
    let scaled = change_bar * scale;
    let across_bar = scaled + cross(scaled, a);
    let a_bar = cross(across, scaled) + cross(v, across_bar) - a * (scale * scale * scale_bar);
    return TurnChangeAdj(a_bar, cross(across_bar, a));
}

// R A Rᵀ v
fn turned(a: mat3x3<f32>, rotation: mat3x3<f32>, v: vec3<f32>) -> vec3<f32> {
    return rotation * (a * (v * rotation));
}

struct TurnedAdj {
    a_bar: mat3x3<f32>,
    // of a small rotation of R about the world axes
    turn_bar: vec3<f32>,
    v_bar: vec3<f32>,
}

// A symmetric, y = R A Rᵀ v: turn_bar = y x y_bar - v x v_bar, v_bar = R A Rᵀ y_bar
fn turned_adj(
    a: mat3x3<f32>,
    rotation: mat3x3<f32>,
    v: vec3<f32>,
    y_bar: vec3<f32>,
) -> TurnedAdj {
    let y = turned(a, rotation, v);
    let v_bar = turned(a, rotation, y_bar);
    let a_bar = outer3(y_bar * rotation, v * rotation);
    return TurnedAdj(a_bar, cross(y, y_bar) - cross(v, v_bar), v_bar);
}

// The cotangent of a symmetric matrix from that of its inverse.
fn inverse_adj(inverse: mat3x3<f32>, inverse_bar: mat3x3<f32>) -> mat3x3<f32> {
    return (inverse * inverse_bar * inverse) * -1.0;
}
