// Drucker-Prager sand with cohesion and volume correction [Klar16; Tampubolon17], over Hencky
// elasticity; k = (mu, lambda, beta, tr_c). Mirrors material/sand.rs.

fn sand_stress(k: Constants, at: Local) -> mat3x3<f32> {
    return hencky_stress(k, at);
}

fn sand_stress_adj(k: Constants, at: Local, tau_bar: mat3x3<f32>) -> StressAdj {
    return hencky_stress_adj(k, at, tau_bar);
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
    t.kept = max(t.svd.s, vec3<f32>(STRETCH_FLOOR));
    let e = ln3(t.kept) + history * (1.0 / 3.0);
    t.trace = sum3(e);
    let mean = t.trace * (1.0 / 3.0);
    let deviator = e - mean;
    let radius = length(deviator);
    t.direction = deviator / max(radius, TINY);
    let limit = k.low.z * (k.low.w - t.trace);
    t.apex = t.trace >= k.low.w;
    t.elastic = limit >= radius && t.trace < k.low.w;
    t.kappa = select(select(limit / max(radius, TINY), 1.0, t.elastic), 0.0, t.apex);
    let e_new = select(mean + t.kappa * deviator, vec3<f32>(k.low.w * (1.0 / 3.0)), t.apex);
    t.q = exp3(e_new);
    return t;
}

// F = U diag(exp e_new) Vᵀ, e returned to the cone |dev e| <= -beta (tr e - tr_c): elastic
// e_new = e; cone e_new = tr/3 + k dev e/|dev e|; apex (tr >= tr_c) e_new = tr_c/3, the volume
// gained is remembered: vc_new = tr - tr_c there, 0 elsewhere.
fn sand_return_map(k: Constants, f_trial: mat3x3<f32>, history: f32) -> ReturnMap {
    let t = sand_trial(k, f_trial, history);
    let vc = select(0.0, t.trace - k.low.w, t.apex);
    if t.elastic && t.svd.s.z >= STRETCH_FLOOR {
        // Only corrected in volume: no round-off of a decomposition enters.
        return ReturnMap(f_trial * exp_exact(history * (1.0 / 3.0)), vc);
    }
    return ReturnMap(t.svd.u * diagonal3(t.q) * transpose(t.svd.v), vc);
}

// By radial_map_adj, H = Uᵀ F_bar V,
// e_bar = Mᵀ (q ∘ diag H); M = I elastic, 11ᵀ/3 - beta n 1ᵀ + κ (I - 11ᵀ/3 - n nᵀ) on the cone,
// 0 at the apex, where e_bar = vc_new_bar 1. vc_bar = Σ e_bar/3. On the cone
// beta_bar = -(tr - tr_c) n·(q ∘ diag H) and tr_c_bar = beta n·(q ∘ diag H); at the apex
// tr_c_bar = Σ q ∘ diag H/3 - vc_new_bar
fn sand_return_map_adj(
    k: Constants, f_trial: mat3x3<f32>, history: f32, f_bar: mat3x3<f32>, history_bar: f32,
) -> ReturnMapAdj {
    let t = sand_trial(k, f_trial, history);
    let h = transpose(t.svd.u) * f_bar * t.svd.v;
    let q_bar = t.q * diagonal_of3(h);
    let mean = sum3(q_bar) * (1.0 / 3.0);
    let along = dot(t.direction, q_bar);
    let cone = mean - k.low.z * along + t.kappa * (q_bar - mean - t.direction * along);
    let e_bar = select(select(cone, q_bar, t.elastic), vec3<f32>(history_bar), t.apex);
    let beta_bar = select((k.low.w - t.trace) * along, 0.0, t.apex || t.elastic);
    let inside_bar = select(k.low.z * along, 0.0, t.elastic);
    let limit_bar = select(inside_bar, mean - history_bar, t.apex);

    let trial_bar = radial_map_adj(t.svd, t.kept, t.q, t.kappa, h, e_bar);
    let k_bar = Constants(vec4<f32>(0.0, 0.0, beta_bar, limit_bar), vec4<f32>());
    return ReturnMapAdj(trial_bar, sum3(e_bar) * (1.0 / 3.0), k_bar);
}
