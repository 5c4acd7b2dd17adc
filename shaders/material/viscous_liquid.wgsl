// Viscous liquid with a Tait pressure; k = (0, lambda, tension, eta, γ). Mirrors
// material/viscous_liquid.rs.

// J in the pressure is floored below what the return map lets through.
const VISCOUS_LIQUID_J_FLOOR: f32 = 0.05;

// tau = (lambda/γ)(J - J^(1-γ)) I + 2 eta J D, D the deviator of sym C; the pressure is zero where
// slack
fn viscous_liquid_stress(k: Constants, at: Local) -> mat3x3<f32> {
    let j = max(determinant3(at.f), VISCOUS_LIQUID_J_FLOOR);
    let power = exp_exact((1.0 - k.high.x) * ln_exact(j));
    let tau = select(k.low.y / k.high.x * (j - power), 0.0, liquid_is_slack(k, j));
    return (2.0 * k.low.w * j) * deviator3(at.rate) + diagonal3(vec3<f32>(tau));
}

// F_bar = (tau' tr T + 2 eta D : T) J F^-T, C_bar = 2 eta J dev T, eta_bar = 2 J D : T,
// tau' = (lambda/γ)(1 - (1-γ) J^-γ), T = sym tau_bar; no derivative passes the floor of J
fn viscous_liquid_stress_adj(k: Constants, at: Local, tau_bar: mat3x3<f32>) -> StressAdj {
    let t = symmetric3(tau_bar);
    let det = determinant3(at.f);
    let j = max(det, VISCOUS_LIQUID_J_FLOOR);
    let log = ln_exact(j);
    let gamma = k.high.x;
    let power = exp_exact((1.0 - gamma) * log);
    let trace = select(trace3(t), 0.0, liquid_is_slack(k, j));
    let sheared = 2.0 * double_dot3(deviator3(at.rate), t);
    let slope = k.low.y / gamma * (1.0 - (1.0 - gamma) * power / j);
    let by_j = select(slope * trace + k.low.w * sheared, 0.0, det < VISCOUS_LIQUID_J_FLOOR);
    let per_lambda = (j - power) / gamma;
    var adj: StressAdj;
    adj.f_bar = cofactor3(at.f) * by_j;
    adj.rate_bar = (2.0 * k.low.w * j) * deviator3(t);
    adj.k_bar.low = vec4<f32>(0.0, trace * per_lambda, 0.0, j * sheared);
    adj.k_bar.high.x = trace * k.low.y / gamma * (power * log - per_lambda);
    return adj;
}

fn viscous_liquid_return_map(k: Constants, f_trial: mat3x3<f32>, history: f32) -> ReturnMap {
    return liquid_return_map(k, f_trial, history);
}

fn viscous_liquid_return_map_adj(
    k: Constants, f_trial: mat3x3<f32>, history: f32, f_bar: mat3x3<f32>, history_bar: f32,
) -> ReturnMapAdj {
    return liquid_return_map_adj(k, f_trial, history, f_bar, history_bar);
}
