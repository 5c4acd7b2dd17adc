// Fixed corotated elasticity [Stomakhin12]; k = (mu, lambda). Mirrors material/elastic.rs.

// F counts as flat or inverted where det F < 1e-6 |F|³: there the polar iteration loses its digits,
// or keeps the reflection, and singular values take over.
const ELASTIC_FLAT: f32 = 1e-6;
// Floor of s_i + s_j, where the nearest rotation jumps: bounds the derivative at 1e3 mu.
const ELASTIC_PAIR_SUM_FLOOR: f32 = 1e-3;

fn elastic_is_flat(f: mat3x3<f32>, det: f32) -> bool {
    let n2 = double_dot3(f, f);
    return det * abs(det) < n2 * n2 * n2 * (ELASTIC_FLAT * ELASTIC_FLAT);
}

// tau = 2 mu (F - R) Fᵀ + lambda J (J - 1) I
fn elastic_stress(k: Constants, at: Local) -> mat3x3<f32> {
    let f = at.f;
    let j = determinant3(f);
    var r: mat3x3<f32>;
    if elastic_is_flat(f, j) {
        let d = svd(f);
        r = d.u * transpose(d.v);
    } else {
        r = polar_rotation(f);
    }
    let shear = symmetric3((f - r) * transpose(f)) * (2.0 * k.low.x);
    return shear + diagonal3(vec3<f32>(k.low.y * j * (j - 1.0)));
}

// With T = sym tau_bar, F_bar = 2 mu (2 T F - T R + R [y]x) + lambda (2 J - 1) tr T J F^-T, where
// R [y]x carries R_bar = -T F through the polar rotation: y = (tr S I - S)^-1 axial(Z),
// Z = Rᵀ R_bar, S = Rᵀ F. It divides by s_i + s_j only: exact at F = I.
// mu_bar = T : 2 (F - R) Fᵀ, lambda_bar = J (J - 1) tr T.
fn elastic_stress_adj(k: Constants, at: Local, tau_bar: mat3x3<f32>) -> StressAdj {
    let f = at.f;
    let t = symmetric3(tau_bar);
    let j = determinant3(f);
    var shear: ElasticShearAdj;
    if elastic_is_flat(f, j) {
        shear = elastic_flat_shear_adj(f, t);
    } else {
        let r = polar_rotation(f);
        let t_f = t * f;
        let s = transpose(r) * f;
        let z = transpose(r) * t_f;
        let pair_sums = diagonal3(vec3<f32>(trace3(s))) - symmetric3(s);
        // The inverse of a symmetric matrix is its cofactor over its determinant.
        let y = cofactor3(pair_sums) * axial3(z) * (-1.0 / determinant3(pair_sums));
        shear.f_bar = 2.0 * t_f - t * r + r * cross_matrix3(y);
        shear.mu_bar = 2.0 * double_dot3(t_f, f - r);
    }
    let trace = trace3(t);
    var adj: StressAdj;
    adj.f_bar = shear.f_bar * (2.0 * k.low.x) + cofactor3(f) * (k.low.y * (2.0 * j - 1.0) * trace);
    adj.k_bar.low = vec4<f32>(shear.mu_bar, j * (j - 1.0) * trace, 0.0, 0.0);
    return adj;
}

fn elastic_return_map(k: Constants, f_trial: mat3x3<f32>, history: f32) -> ReturnMap {
    return ReturnMap(f_trial, history);
}

fn elastic_return_map_adj(
    k: Constants, f_trial: mat3x3<f32>, history: f32, f_bar: mat3x3<f32>, history_bar: f32,
) -> ReturnMapAdj {
    return ReturnMapAdj(f_bar, history_bar, Constants());
}

struct ElasticShearAdj {
    f_bar: mat3x3<f32>,
    mu_bar: f32,
}

// Of (F - R) Fᵀ in principal values, H = Uᵀ T U: F_bar = U Q Vᵀ, Q_ij = 2 g_ij H_ij s_j,
// g_ij = 1 - 1/(s_i + s_j), Q_ii = (2 s_i - 1) H_ii; mu_bar = Σ 2 (s_i - 1) s_i H_ii.
fn elastic_flat_shear_adj(f: mat3x3<f32>, t: mat3x3<f32>) -> ElasticShearAdj {
    let d = svd(f);
    let s = d.s;
    let h = transpose(d.u) * t * d.u;
    let g = 1.0 - 1.0 / max(s.xxy + s.yzz, vec3<f32>(ELASTIC_PAIR_SUM_FLOOR));
    let diagonal = vec3<f32>(h[0].x, h[1].y, h[2].z);
    let off = 2.0 * g * vec3<f32>(h[1].x, h[2].x, h[2].y);
    let on = (2.0 * s - 1.0) * diagonal;
    let q = mat3x3<f32>(
        vec3<f32>(on.x, off.x * s.x, off.y * s.x),
        vec3<f32>(off.x * s.y, on.y, off.z * s.y),
        vec3<f32>(off.y * s.z, off.z * s.z, on.z),
    );
    let mu_bar = 2.0 * dot((s - 1.0) * s, diagonal);
    return ElasticShearAdj(d.u * q * transpose(d.v), mu_bar);
}
