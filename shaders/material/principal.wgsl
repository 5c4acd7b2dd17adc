// What laws on principal values share. Mirrors material/principal.rs. F = U diag(s) Vᵀ, e = ln s.
// Nothing divides by s_i - s_j where they may be close: divided differences use x/sinh x and
// sinh(k x)/sinh x.

// Below a twentieth of its width, or inverted, a material has left its law: return maps floor s, and
// no derivative passes a floored value. Stresses floor far below, as a guard of the logarithm.
const STRETCH_FLOOR: f32 = 0.05;
const STRESS_FLOOR: f32 = 0.025;
// Floor of s_i + s_j, reached only by inverted trial states.
const PAIR_SUM_FLOOR: f32 = 1e-3;
// A divisor that is zero only where its quotient is not selected or its numerator is zero.
const TINY: f32 = 1e-30;

fn ln3(x: vec3<f32>) -> vec3<f32> {
    return vec3<f32>(ln_exact(x.x), ln_exact(x.y), ln_exact(x.z));
}

fn exp3(x: vec3<f32>) -> vec3<f32> {
    return vec3<f32>(exp_exact(x.x), exp_exact(x.y), exp_exact(x.z));
}

fn sum3(x: vec3<f32>) -> f32 {
    return x.x + x.y + x.z;
}

fn deviator3(m: mat3x3<f32>) -> mat3x3<f32> {
    return m - diagonal3(vec3<f32>(trace3(m) * (1.0 / 3.0)));
}

fn diagonal_of3(m: mat3x3<f32>) -> vec3<f32> {
    return vec3<f32>(m[0].x, m[1].y, m[2].z);
}

// F_bar by F_new = U diag(q) Vᵀ where dev ln q = kappa dev ln s: U Q Vᵀ, Q_ii = e_bar_i/s_i,
// Q_ij = a sym(H)_ij + b skew(H)_ij, H = Uᵀ F_new_bar V. `kept` is s, floored at STRETCH_FLOOR.
fn radial_map_adj(
    d: Svd, kept: vec3<f32>, q: vec3<f32>, kappa: f32, h: mat3x3<f32>, e_bar: vec3<f32>,
) -> mat3x3<f32> {
    let on = select(e_bar / kept, vec3<f32>(0.0), d.s < vec3<f32>(STRETCH_FLOOR));
    let p01 = radial_pair(kappa, d.s.xy, kept.xy, q.xy, h[1].x, h[0].y);
    let p02 = radial_pair(kappa, d.s.xz, kept.xz, q.xz, h[2].x, h[0].z);
    let p12 = radial_pair(kappa, d.s.yz, kept.yz, q.yz, h[2].y, h[1].z);
    return d.u * from_pairs(on, p01, p02, p12) * transpose(d.v);
}

// The matrix with this diagonal and pairs (Q_ij, Q_ji).
fn from_pairs(on: vec3<f32>, p01: vec2<f32>, p02: vec2<f32>, p12: vec2<f32>) -> mat3x3<f32> {
    return mat3x3<f32>(
        vec3<f32>(on.x, p01.y, p02.y),
        vec3<f32>(p01.x, on.y, p12.y),
        vec3<f32>(p02.x, p12.x, on.z),
    );
}

// (Q_ij, Q_ji) from (H_ij, H_ji), s_i >= s_j: a = γ sinh(κ x)/sinh x, b = γ cosh(κ x)/cosh x,
// x = (e_i - e_j)/2, γ = sqrt(q_i q_j/(s_i s_j)). Where only s_j is floored the plain quotients
// (q_i ± q_j)/(s_i ± s_j) are exact and well defined; where both are, q_i = q_j.
fn radial_pair(
    kappa: f32, s: vec2<f32>, kept: vec2<f32>, q: vec2<f32>, h_ij: f32, h_ji: f32,
) -> vec2<f32> {
    let gamma = sqrt(q.x * q.y / (kept.x * kept.y));
    let x = 0.5 * ln_exact(kept.x / kept.y);
    let kx = kappa * x;
    var a = gamma * kappa * sinhc(kx) / sinhc(x);
    var b = gamma * cosh_exact(kx) / cosh_exact(x);
    if s.y < STRETCH_FLOOR {
        a = (q.x - q.y) / max(s.x - s.y, TINY);
        b = (q.x + q.y) / max(s.x + s.y, PAIR_SUM_FLOOR);
    }
    return pair_of(a, b, h_ij, h_ji);
}

// a sym(H) + b skew(H)
fn pair_of(a: f32, b: f32, h_ij: f32, h_ji: f32) -> vec2<f32> {
    let symmetric = 0.5 * a * (h_ij + h_ji);
    let skew = 0.5 * b * (h_ij - h_ji);
    return vec2<f32>(symmetric + skew, symmetric - skew);
}
