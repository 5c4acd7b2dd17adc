// Von Mises plasticity with linear isotropic hardening, over Hencky elasticity;
// k = (mu, lambda, sigma_y, H). Mirrors material/plasticine.rs.

// sqrt(2/3): from a uniaxial stress to the norm of its deviator
const PLASTICINE_UNIAXIAL: f32 = 0.8164966;

fn plasticine_stress(k: Constants, at: Local) -> mat3x3<f32> {
    return hencky_stress(k, at);
}

fn plasticine_stress_adj(k: Constants, at: Local, tau_bar: mat3x3<f32>) -> StressAdj {
    return hencky_stress_adj(k, at, tau_bar);
}

// Principal values of a trial state, before and after the return map.
struct PlasticineTrial {
    svd: Svd,
    // s, floored
    kept: vec3<f32>,
    // unit direction of dev e
    direction: vec3<f32>,
    // inside the cylinder, its surface included: unchanged
    elastic: bool,
    // |dev e| after the return, and what was given up of it
    radius: f32,
    slip: f32,
    // 2 mu + 2 H/3
    stiffness: f32,
    // factor of the deviator
    kappa: f32,
    // exp(e_new)
    q: vec3<f32>,
}

// Elastic where 2 mu r <= sqrt(2/3)(sigma_y + H a), r = |dev e|, a the plastic strain so far
fn plasticine_trial(k: Constants, f_trial: mat3x3<f32>, history: f32) -> PlasticineTrial {
    var t: PlasticineTrial;
    t.svd = svd(f_trial);
    t.kept = max(t.svd.s, vec3<f32>(STRETCH_FLOOR));
    let e = ln3(t.kept);
    let mean = sum3(e) * (1.0 / 3.0);
    let deviator = e - mean;
    let r = length(deviator);
    t.direction = deviator / max(r, TINY);
    let hardening = k.low.w * (2.0 / 3.0);
    let limit = (k.low.z + k.low.w * history) * PLASTICINE_UNIAXIAL;
    t.elastic = limit >= 2.0 * k.low.x * r;
    t.stiffness = 2.0 * k.low.x + hardening;
    t.radius = select((hardening * r + limit) / t.stiffness, r, t.elastic);
    t.slip = select(r - t.radius, 0.0, t.elastic);
    t.kappa = select(t.radius / max(r, TINY), 1.0, t.elastic);
    t.q = exp3(mean + t.kappa * deviator);
    return t;
}

// F = U diag(exp e_new) Vᵀ, e_new = tr/3 + r_new dev e/r; the history is the equivalent plastic
// strain, which grows by sqrt(2/3)(r - r_new)
fn plasticine_return_map(k: Constants, f_trial: mat3x3<f32>, history: f32) -> ReturnMap {
    let t = plasticine_trial(k, f_trial, history);
    if t.elastic && t.svd.s.z >= STRETCH_FLOOR {
        return ReturnMap(f_trial, history);
    }
    let returned = t.svd.u * diagonal3(t.q) * transpose(t.svd.v);
    return ReturnMap(returned, history + PLASTICINE_UNIAXIAL * t.slip);
}

// By radial_map_adj, H = Uᵀ F_bar V, q_bar = q ∘ diag H,
// e_bar = tr q_bar/3 + κ (q_bar - tr/3 - n n·q_bar) + n r_bar. With
// r_new_bar = n·q_bar - sqrt(2/3) a_bar, c = 2H/3, m = 2 mu + c: r_bar = sqrt(2/3) a_bar +
// r_new_bar c/m, limit_bar = r_new_bar/m, c_bar = limit_bar (r - r_new), (2 mu)_bar = -limit_bar r_new
fn plasticine_return_map_adj(
    k: Constants, f_trial: mat3x3<f32>, history: f32, f_bar: mat3x3<f32>, history_bar: f32,
) -> ReturnMapAdj {
    let t = plasticine_trial(k, f_trial, history);
    let h = transpose(t.svd.u) * f_bar * t.svd.v;
    let q_bar = t.q * diagonal_of3(h);
    let mean = sum3(q_bar) * (1.0 / 3.0);
    let along = dot(t.direction, q_bar);
    let radius_bar = along - PLASTICINE_UNIAXIAL * history_bar;
    let limit_bar = select(radius_bar / t.stiffness, 0.0, t.elastic);
    let r_bar = PLASTICINE_UNIAXIAL * history_bar + limit_bar * k.low.w * (2.0 / 3.0);
    let plastic = mean + t.kappa * (q_bar - mean - t.direction * along) + t.direction * r_bar;
    let e_bar = select(plastic, q_bar, t.elastic);
    let trial_bar = radial_map_adj(t.svd, t.kept, t.q, t.kappa, h, e_bar);
    let yield_bar = limit_bar * PLASTICINE_UNIAXIAL;
    let hardening_bar = yield_bar * history + limit_bar * t.slip * (2.0 / 3.0);
    var k_bar: Constants;
    k_bar.low = vec4<f32>(-2.0 * limit_bar * t.radius, 0.0, yield_bar, hardening_bar);
    return ReturnMapAdj(trial_bar, history_bar + yield_bar * k.low.w, k_bar);
}
