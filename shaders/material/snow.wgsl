// Snow [Stomakhin13]: fixed corotated elasticity that hardens as it is compacted, within narrow
// bounds of stretch; k = (mu, lambda, xi, s_min, s_max, cap). Mirrors material/snow.rs.

// Trial stretches enter the history floored here: an inverted one has no logarithm.
const SNOW_LOG_FLOOR: f32 = 0.05;
// The history stays within this of zero; beyond, snow is ice or has come apart.
const SNOW_HISTORY_LIMIT: f32 = 3.0;

// exp(xi (1 - Jp)), Jp = exp(history); it hardens by no more than the cap
fn snow_free_hardening(k: Constants, history: f32) -> f32 {
    return exp_exact(k.low.z * (1.0 - exp_exact(history)));
}

fn snow_hardened(k: Constants, history: f32) -> Constants {
    let h = min(snow_free_hardening(k, history), k.high.y);
    return Constants(vec4<f32>(k.low.xy * h, k.low.zw), k.high);
}

fn snow_stress(k: Constants, at: Local) -> mat3x3<f32> {
    return elastic_stress(snow_hardened(k, at.history), at);
}

// With h_bar = mu mu'_bar + lambda lambda'_bar: history_bar = -h_bar h xi Jp,
// xi_bar = h_bar h (1 - Jp) below the cap, cap_bar = h_bar at it and above
fn snow_stress_adj(k: Constants, at: Local, tau_bar: mat3x3<f32>) -> StressAdj {
    var adj = elastic_stress_adj(snow_hardened(k, at.history), at, tau_bar);
    let free = snow_free_hardening(k, at.history);
    let capped = free >= k.high.y;
    let h = select(free, k.high.y, capped);
    let jp = exp_exact(at.history);
    let h_bar = dot(k.low.xy, adj.k_bar.low.xy);
    let exponent_bar = select(h_bar * h, 0.0, capped);
    adj.history_bar = -exponent_bar * k.low.z * jp;
    adj.k_bar.low = vec4<f32>(h * adj.k_bar.low.xy, exponent_bar * (1.0 - jp), 0.0);
    adj.k_bar.high.y = select(0.0, h_bar, capped);
    return adj;
}

// The history after stretches s were clamped to q, not limited yet
fn snow_history_after(history: f32, s: vec3<f32>, q: vec3<f32>) -> f32 {
    return history + sum3(ln3(max(s, vec3<f32>(SNOW_LOG_FLOOR)))) - ln_exact(q.x * q.y * q.z);
}

// F = U diag(q) Vᵀ, q = s clamped to [s_min, s_max]; ln Jp_new = ln Jp + Σ ln s - Σ ln q, the
// history. A stretch at its bound counts as inside
fn snow_return_map(k: Constants, f_trial: mat3x3<f32>, history: f32) -> ReturnMap {
    let d = svd(f_trial);
    let bound = SNOW_HISTORY_LIMIT;
    if d.s.z >= k.low.w && d.s.x <= k.high.x {
        return ReturnMap(f_trial, clamp(history, -bound, bound));
    }
    let q = clamp(d.s, vec3<f32>(k.low.w), vec3<f32>(k.high.x));
    let after = snow_history_after(history, d.s, q);
    return ReturnMap(d.u * diagonal3(q) * transpose(d.v), clamp(after, -bound, bound));
}

// F_bar = U Q Vᵀ, H = Uᵀ F_bar V, Q_ij = a sym(H)_ij + b skew(H)_ij, a = (q_i - q_j)/(s_i - s_j),
// b = (q_i + q_j)/(s_i + s_j), both 1 where both are inside; Q_ii = (H_ii - w/q_i) dq_i/ds_i + w/s_i,
// w the cotangent of the new history, zero where that is clamped. A clamped stretch gives
// H_ii - w/q_i to its bound
fn snow_return_map_adj(
    k: Constants, f_trial: mat3x3<f32>, history: f32, f_bar: mat3x3<f32>, history_bar: f32,
) -> ReturnMapAdj {
    let d = svd(f_trial);
    let s = d.s;
    let q = clamp(s, vec3<f32>(k.low.w), vec3<f32>(k.high.x));
    let limited = abs(snow_history_after(history, s, q)) > SNOW_HISTORY_LIMIT;
    let w = select(history_bar, 0.0, limited);
    let h = transpose(d.u) * f_bar * d.v;
    let low = s < vec3<f32>(k.low.w);
    let high = s > vec3<f32>(k.high.x);
    let q_bar = diagonal_of3(h) - w / q;
    let through = select(q_bar, vec3<f32>(0.0), low | high);
    let logged = select(w / max(s, vec3<f32>(TINY)), vec3<f32>(0.0), s < vec3<f32>(SNOW_LOG_FLOOR));
    let on = through + logged;
    let p01 = snow_pair(k, s.xy, q.xy, h[1].x, h[0].y);
    let p02 = snow_pair(k, s.xz, q.xz, h[2].x, h[0].z);
    let p12 = snow_pair(k, s.yz, q.yz, h[2].y, h[1].z);
    var k_bar: Constants;
    k_bar.low.w = sum3(select(vec3<f32>(0.0), q_bar, low));
    k_bar.high.x = sum3(select(vec3<f32>(0.0), q_bar, high));
    return ReturnMapAdj(d.u * from_pairs(on, p01, p02, p12) * transpose(d.v), w, k_bar);
}

// s_i >= s_j
fn snow_pair(k: Constants, s: vec2<f32>, q: vec2<f32>, h_ij: f32, h_ji: f32) -> vec2<f32> {
    if s.y >= k.low.w && s.x <= k.high.x {
        return vec2<f32>(h_ij, h_ji);
    }
    let a = (q.x - q.y) / max(s.x - s.y, TINY);
    let b = (q.x + q.y) / max(s.x + s.y, PAIR_SUM_FLOOR);
    return pair_of(a, b, h_ij, h_ji);
}
