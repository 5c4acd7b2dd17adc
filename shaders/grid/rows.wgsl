// Three rows (u_r, B_r.) as a vector and a matrix, and back. WGSL matrices are made of columns.

struct Momentum {
    u: vec3<f32>,
    b: mat3x3<f32>,
}

fn momentum_from_rows(x: vec4<f32>, y: vec4<f32>, z: vec4<f32>) -> Momentum {
    return Momentum(
        vec3<f32>(x.x, y.x, z.x),
        mat3x3<f32>(vec3<f32>(x.y, y.y, z.y), vec3<f32>(x.z, y.z, z.z), vec3<f32>(x.w, y.w, z.w)),
    );
}

fn momentum_row(m: Momentum, row: u32) -> vec4<f32> {
    return vec4<f32>(m.u[row], m.b[0][row], m.b[1][row], m.b[2][row]);
}

const IDENTITY: mat3x3<f32> = mat3x3<f32>(
    vec3<f32>(1.0, 0.0, 0.0), vec3<f32>(0.0, 1.0, 0.0), vec3<f32>(0.0, 0.0, 1.0));

// Whether a number is neither infinite nor NaN, by its bits: comparisons with NaN may be optimised
// away.
fn is_finite(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}
