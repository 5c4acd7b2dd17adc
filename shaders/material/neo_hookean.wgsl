// Compressible neo-Hookean elasticity; k = (mu, lambda). Mirrors material/neo_hookean.rs.

// ln J is floored here: below, the pressure stays as it is and no derivative by J passes.
const NEO_HOOKEAN_J_FLOOR: f32 = 0.05;

// tau = mu (F Fᵀ - I) + lambda ln J I
fn neo_hookean_stress(k: Constants, at: Local) -> mat3x3<f32> {
    let volume = k.low.y * ln_exact(max(determinant3(at.f), NEO_HOOKEAN_J_FLOOR));
    return k.low.x * (at.f * transpose(at.f)) + diagonal3(vec3<f32>(volume - k.low.x));
}

// F_bar = 2 mu T F + lambda tr T F^-T, mu_bar = T : (F Fᵀ - I), lambda_bar = ln J tr T, T = sym tau_bar
fn neo_hookean_stress_adj(k: Constants, at: Local, tau_bar: mat3x3<f32>) -> StressAdj {
    let t = symmetric3(tau_bar);
    let trace = trace3(t);
    let det = determinant3(at.f);
    let j = max(det, NEO_HOOKEAN_J_FLOOR);
    let by_volume = select(k.low.y * trace / j, 0.0, det < NEO_HOOKEAN_J_FLOOR);
    let t_f = t * at.f;
    var adj: StressAdj;
    adj.f_bar = t_f * (2.0 * k.low.x) + cofactor3(at.f) * by_volume;
    adj.k_bar.low.x = double_dot3(t_f, at.f) - trace;
    adj.k_bar.low.y = ln_exact(j) * trace;
    return adj;
}

fn neo_hookean_return_map(k: Constants, f_trial: mat3x3<f32>, history: f32) -> ReturnMap {
    return ReturnMap(f_trial, history);
}

fn neo_hookean_return_map_adj(
    k: Constants, f_trial: mat3x3<f32>, history: f32, f_bar: mat3x3<f32>, history_bar: f32,
) -> ReturnMapAdj {
    return ReturnMapAdj(f_bar, history_bar, Constants());
}
