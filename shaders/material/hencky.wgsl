// Hencky elasticity: linear in e = ln s; k = (mu, lambda). Mirrors material/hencky.rs.

// tau = U diag(2 mu e_i + lambda Σ e) Uᵀ
fn hencky_stress(k: Constants, at: Local) -> mat3x3<f32> {
    let d = svd(at.f);
    let e = ln3(max(d.s, vec3<f32>(STRESS_FLOOR)));
    let t = 2.0 * k.low.x * e + k.low.y * sum3(e);
    return d.u * diagonal3(t) * transpose(d.u);
}

// F_bar = U Q Vᵀ, H = Uᵀ T U, Q_ii = (2 mu H_ii + lambda tr H)/s_i, Q_ij = 2 g_ij H_ij s_j,
// g_ij = mu/(s_i s_j) x/sinh x, x = e_i - e_j; mu_bar = 2 Σ e_i H_ii, lambda_bar = Σe tr H
fn hencky_stress_adj(k: Constants, at: Local, tau_bar: mat3x3<f32>) -> StressAdj {
    let d = svd(at.f);
    let s = d.s;
    let kept = max(s, vec3<f32>(STRESS_FLOOR));
    let e = ln3(kept);
    let h = transpose(d.u) * symmetric3(tau_bar) * d.u;
    let diagonal = vec3<f32>(h[0].x, h[1].y, h[2].z);
    let trace = sum3(diagonal);
    let through = (2.0 * k.low.x * diagonal + k.low.y * trace) / kept;
    let on = select(through, vec3<f32>(0.0), s < vec3<f32>(STRESS_FLOOR));
    let off = 2.0 * vec3<f32>(
        hencky_stress_slope(k.low.x, s.xy, kept.xy, e.xy) * h[1].x,
        hencky_stress_slope(k.low.x, s.xz, kept.xz, e.xz) * h[2].x,
        hencky_stress_slope(k.low.x, s.yz, kept.yz, e.yz) * h[2].y,
    );
    let q = mat3x3<f32>(
        vec3<f32>(on.x, off.x * s.x, off.y * s.x),
        vec3<f32>(off.x * s.y, on.y, off.z * s.y),
        vec3<f32>(off.y * s.z, off.z * s.z, on.z),
    );
    var adj: StressAdj;
    adj.f_bar = d.u * q * transpose(d.v);
    adj.k_bar.low = vec4<f32>(2.0 * dot(e, diagonal), sum3(e) * trace, 0.0, 0.0);
    return adj;
}

// (t_i - t_j)/(s_i² - s_j²), s_i >= s_j. Where only s_j is floored the plain quotient is the exact
// derivative; where both are, it is zero.
fn hencky_stress_slope(mu: f32, s: vec2<f32>, kept: vec2<f32>, e: vec2<f32>) -> f32 {
    let x = e.x - e.y;
    let smooth_slope = mu / (kept.x * kept.y * sinhc(x));
    let quotient = 2.0 * mu * x / max(s.x * s.x - s.y * s.y, TINY);
    return select(smooth_slope, quotient, s.y < STRESS_FLOOR);
}

// Whether a singular value may lie below the floor: s3 = det F/(s1 s2) >= 2 det F/|F|²
fn hencky_may_be_floored(f: mat3x3<f32>) -> bool {
    return 2.0 * determinant3(f) < STRETCH_FLOOR * double_dot3(f, f);
}

// F, its singular values floored
fn hencky_return_map(k: Constants, f_trial: mat3x3<f32>, history: f32) -> ReturnMap {
    if hencky_may_be_floored(f_trial) {
        let d = svd(f_trial);
        if d.s.z < STRETCH_FLOOR {
            let kept = max(d.s, vec3<f32>(STRETCH_FLOOR));
            return ReturnMap(d.u * diagonal3(kept) * transpose(d.v), history);
        }
    }
    return ReturnMap(f_trial, history);
}

// The cotangent as it is, but for directions of floored singular values
fn hencky_return_map_adj(
    k: Constants, f_trial: mat3x3<f32>, history: f32, f_bar: mat3x3<f32>, history_bar: f32,
) -> ReturnMapAdj {
    if hencky_may_be_floored(f_trial) {
        let d = svd(f_trial);
        if d.s.z < STRETCH_FLOOR {
            let kept = max(d.s, vec3<f32>(STRETCH_FLOOR));
            let h = transpose(d.u) * f_bar * d.v;
            let trial_bar = radial_map_adj(d, kept, kept, 1.0, h, kept * diagonal_of3(h));
            return ReturnMapAdj(trial_bar, history_bar, Constants());
        }
    }
    return ReturnMapAdj(f_bar, history_bar, Constants());
}
