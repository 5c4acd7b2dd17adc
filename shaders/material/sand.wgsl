// Drucker-Prager sand with Hencky elasticity and volume correction [Klar16; Tampubolon17];
// k = (mu, lambda, beta, tr_c). Mirrors material/sand.rs. F = U diag(s) Vᵀ, e = ln s. Nothing divides
// by s_i - s_j where they may be close: divided differences use x/sinh x and sinh(k x)/sinh x.

// Below a twentieth of its width, or inverted, sand has left its law: the return map floors s, and
// no derivative passes a floored value. The stress floors far below, as a guard of the logarithm.
const SAND_STRETCH_FLOOR: f32 = 0.05;
const SAND_STRESS_FLOOR: f32 = 0.025;
// Floor of s_i + s_j, reached only by inverted trial states.
const SAND_PAIR_SUM_FLOOR: f32 = 1e-3;
// A divisor that is zero only where its quotient is not selected or its numerator is zero.
const SAND_TINY: f32 = 1e-30;

fn ln3(x: vec3<f32>) -> vec3<f32> {
    return vec3<f32>(ln_exact(x.x), ln_exact(x.y), ln_exact(x.z));
}

fn sum3(x: vec3<f32>) -> f32 {
    return x.x + x.y + x.z;
}

// tau = U diag(2 mu e_i + lambda Σ e) Uᵀ
fn sand_stress(k: Constants, at: Local) -> mat3x3<f32> {
    let d = svd(at.f);
    let e = ln3(max(d.s, vec3<f32>(SAND_STRESS_FLOOR)));
    let t = 2.0 * k.low.x * e + k.low.y * sum3(e);
    return d.u * diagonal3(t) * transpose(d.u);
}

// F_bar = U Q Vᵀ, H = Uᵀ T U, Q_ii = (2 mu H_ii + lambda tr H)/s_i, Q_ij = 2 g_ij H_ij s_j,
// g_ij = mu/(s_i s_j) x/sinh x, x = e_i - e_j; mu_bar = 2 Σ e_i H_ii, lambda_bar = Σe tr H
fn sand_stress_adj(k: Constants, at: Local, tau_bar: mat3x3<f32>) -> StressAdj {
    let d = svd(at.f);
    let s = d.s;
    let kept = max(s, vec3<f32>(SAND_STRESS_FLOOR));
    let e = ln3(kept);
    let h = transpose(d.u) * symmetric3(tau_bar) * d.u;
    let diagonal = vec3<f32>(h[0].x, h[1].y, h[2].z);
    let trace = sum3(diagonal);
    let through = (2.0 * k.low.x * diagonal + k.low.y * trace) / kept;
    let on = select(through, vec3<f32>(0.0), s < vec3<f32>(SAND_STRESS_FLOOR));
    let off = 2.0 * vec3<f32>(
        sand_stress_slope(k.low.x, s.xy, kept.xy, e.xy) * h[1].x,
        sand_stress_slope(k.low.x, s.xz, kept.xz, e.xz) * h[2].x,
        sand_stress_slope(k.low.x, s.yz, kept.yz, e.yz) * h[2].y,
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
fn sand_stress_slope(mu: f32, s: vec2<f32>, kept: vec2<f32>, e: vec2<f32>) -> f32 {
    let x = e.x - e.y;
    let smooth_slope = mu / (kept.x * kept.y * sinhc(x));
    let quotient = 2.0 * mu * x / max(s.x * s.x - s.y * s.y, SAND_TINY);
    return select(smooth_slope, quotient, s.y < SAND_STRESS_FLOOR);
}

// Principal values of a trial state, before and after the return map.
struct SandTrial {
    svd: Svd,
    // s, floored
    kept: vec3<f32>,
    // tr e >= tr_c: pulled apart as far as cohesion bears
    apex: bool,
    // inside the cone, its surface included: unchanged
    elastic: bool,
    trace: f32,
    // unit direction of dev e
    direction: vec3<f32>,
    // factor of the deviator: 1 elastic, k/r on the cone, 0 at the apex
    kappa: f32,
    // exp(e_new)
    q: vec3<f32>,
}

// k = -beta (tr e - tr_c) against r = |dev e|, for e = ln s + vc/3; at r = k elastic, at
// tr e = tr_c apex
fn sand_trial(k: Constants, f_trial: mat3x3<f32>, history: f32) -> SandTrial {
    var t: SandTrial;
    t.svd = svd(f_trial);
    t.kept = max(t.svd.s, vec3<f32>(SAND_STRETCH_FLOOR));
    let e = ln3(t.kept) + history * (1.0 / 3.0);
    t.trace = sum3(e);
    let mean = t.trace * (1.0 / 3.0);
    let deviator = e - mean;
    let radius = length(deviator);
    t.direction = deviator / max(radius, SAND_TINY);
    let limit = k.low.z * (k.low.w - t.trace);
    t.apex = t.trace >= k.low.w;
    t.elastic = limit >= radius && t.trace < k.low.w;
    t.kappa = select(select(limit / max(radius, SAND_TINY), 1.0, t.elastic), 0.0, t.apex);
    let e_new = select(mean + t.kappa * deviator, vec3<f32>(k.low.w * (1.0 / 3.0)), t.apex);
    t.q = vec3<f32>(exp_exact(e_new.x), exp_exact(e_new.y), exp_exact(e_new.z));
    return t;
}

// F = U diag(exp e_new) Vᵀ, e returned to the cone |dev e| <= -beta (tr e - tr_c): elastic
// e_new = e; cone e_new = tr/3 + k dev e/|dev e|; apex (tr >= tr_c) e_new = tr_c/3, the volume
// gained is remembered: vc_new = tr - tr_c there, 0 elsewhere.
fn sand_return_map(k: Constants, f_trial: mat3x3<f32>, history: f32) -> ReturnMap {
    let t = sand_trial(k, f_trial, history);
    let vc = select(0.0, t.trace - k.low.w, t.apex);
    if t.elastic && t.svd.s.z >= SAND_STRETCH_FLOOR {
        // Only corrected in volume: no round-off of a decomposition enters.
        return ReturnMap(f_trial * exp_exact(history * (1.0 / 3.0)), vc);
    }
    return ReturnMap(t.svd.u * diagonal3(t.q) * transpose(t.svd.v), vc);
}

// F_trial_bar = U Q Vᵀ, H = Uᵀ F_bar V, Q_ij = a sym(H)_ij + b skew(H)_ij, Q_ii = e_bar_i/s_i,
// e_bar = Mᵀ (q ∘ diag H); M = I elastic, 11ᵀ/3 - beta n 1ᵀ + κ (I - 11ᵀ/3 - n nᵀ) on the cone,
// 0 at the apex, where e_bar = vc_new_bar 1. vc_bar = Σ e_bar/3. On the cone
// beta_bar = -(tr - tr_c) n·(q ∘ diag H) and tr_c_bar = beta n·(q ∘ diag H); at the apex
// tr_c_bar = Σ q ∘ diag H/3 - vc_new_bar
fn sand_return_map_adj(
    k: Constants, f_trial: mat3x3<f32>, history: f32, f_bar: mat3x3<f32>, history_bar: f32,
) -> ReturnMapAdj {
    let t = sand_trial(k, f_trial, history);
    let s = t.svd.s;
    let h = transpose(t.svd.u) * f_bar * t.svd.v;
    let q_bar = t.q * vec3<f32>(h[0].x, h[1].y, h[2].z);
    let mean = sum3(q_bar) * (1.0 / 3.0);
    let along = dot(t.direction, q_bar);
    let cone = mean - k.low.z * along + t.kappa * (q_bar - mean - t.direction * along);
    let e_bar = select(select(cone, q_bar, t.elastic), vec3<f32>(history_bar), t.apex);
    let beta_bar = select((k.low.w - t.trace) * along, 0.0, t.apex || t.elastic);
    let inside_bar = select(k.low.z * along, 0.0, t.elastic);
    let limit_bar = select(inside_bar, mean - history_bar, t.apex);

    let on = select(e_bar / t.kept, vec3<f32>(0.0), s < vec3<f32>(SAND_STRETCH_FLOOR));
    let p01 = sand_pair(t.kappa, s.xy, t.kept.xy, t.q.xy, h[1].x, h[0].y);
    let p02 = sand_pair(t.kappa, s.xz, t.kept.xz, t.q.xz, h[2].x, h[0].z);
    let p12 = sand_pair(t.kappa, s.yz, t.kept.yz, t.q.yz, h[2].y, h[1].z);
    let q = mat3x3<f32>(
        vec3<f32>(on.x, p01.y, p02.y),
        vec3<f32>(p01.x, on.y, p12.y),
        vec3<f32>(p02.x, p12.x, on.z),
    );
    let trial_bar = t.svd.u * q * transpose(t.svd.v);
    let k_bar = Constants(vec4<f32>(0.0, 0.0, beta_bar, limit_bar), vec4<f32>());
    return ReturnMapAdj(trial_bar, sum3(e_bar) * (1.0 / 3.0), k_bar);
}

// (Q_ij, Q_ji) from (H_ij, H_ji), s_i >= s_j: a = γ sinh(κ x)/sinh x, b = γ cosh(κ x)/cosh x,
// x = (e_i - e_j)/2, γ = sqrt(q_i q_j/(s_i s_j)). Where only s_j is floored the plain quotients
// (q_i ± q_j)/(s_i ± s_j) are exact and well defined; where both are, q_i = q_j.
fn sand_pair(
    kappa: f32,
    s: vec2<f32>,
    kept: vec2<f32>,
    q: vec2<f32>,
    h_ij: f32,
    h_ji: f32,
) -> vec2<f32> {
    let gamma = sqrt(q.x * q.y / (kept.x * kept.y));
    let x = 0.5 * ln_exact(kept.x / kept.y);
    let kx = kappa * x;
    var a = gamma * kappa * sinhc(kx) / sinhc(x);
    var b = gamma * cosh_exact(kx) / cosh_exact(x);
    if s.y < SAND_STRETCH_FLOOR {
        a = (q.x - q.y) / max(s.x - s.y, SAND_TINY);
        b = (q.x + q.y) / max(s.x + s.y, SAND_PAIR_SUM_FLOOR);
    }
    let symmetric = 0.5 * a * (h_ij + h_ji);
    let skew = 0.5 * b * (h_ij - h_ji);
    return vec2<f32>(symmetric + skew, symmetric - skew);
}
