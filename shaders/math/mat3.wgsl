// Small helpers on 3 x 3 matrices. WGSL stores columns: entry (row i, column j) is m[j][i].

fn diagonal3(d: vec3<f32>) -> mat3x3<f32> {
    let x = vec3<f32>(d.x, 0.0, 0.0);
    let y = vec3<f32>(0.0, d.y, 0.0);
    return mat3x3<f32>(x, y, vec3<f32>(0.0, 0.0, d.z));
}

// a bᵀ
fn outer3(a: vec3<f32>, b: vec3<f32>) -> mat3x3<f32> {
    return mat3x3<f32>(a * b.x, a * b.y, a * b.z);
}

fn trace3(m: mat3x3<f32>) -> f32 {
    return m[0].x + m[1].y + m[2].z;
}

// a : b, the sum of the products of the entries.
fn double_dot3(a: mat3x3<f32>, b: mat3x3<f32>) -> f32 {
    return dot(a[0], b[0]) + dot(a[1], b[1]) + dot(a[2], b[2]);
}

fn symmetric3(m: mat3x3<f32>) -> mat3x3<f32> {
    return 0.5 * (m + transpose(m));
}

// J F^-T, whatever the determinant.
fn cofactor3(m: mat3x3<f32>) -> mat3x3<f32> {
    return mat3x3<f32>(cross(m[1], m[2]), cross(m[2], m[0]), cross(m[0], m[1]));
}

fn determinant3(m: mat3x3<f32>) -> f32 {
    return dot(m[0], cross(m[1], m[2]));
}

// Twice the axial vector: (M21 - M12, M02 - M20, M10 - M01).
fn axial3(m: mat3x3<f32>) -> vec3<f32> {
    return vec3<f32>(m[1].z - m[2].y, m[2].x - m[0].z, m[0].y - m[1].x);
}

// [v]x, with [v]x w = v x w.
fn cross_matrix3(v: vec3<f32>) -> mat3x3<f32> {
    let x = vec3<f32>(0.0, v.z, -v.y);
    let y = vec3<f32>(-v.z, 0.0, v.x);
    return mat3x3<f32>(x, y, vec3<f32>(v.y, -v.x, 0.0));
}
