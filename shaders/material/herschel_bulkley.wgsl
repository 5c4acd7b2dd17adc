// Herschel-Bulkley paste; k = (0, lambda, tension, c, y, n, eps). Mirrors
// material/herschel_bulkley.rs.

// How fast it is sheared, and how that thins it.
struct HerschelBulkleyFlow {
    // deviator of sym C [1/s]
    rate: mat3x3<f32>,
    // sqrt(2 D : D + eps²)
    g: f32,
    log_g: f32,
    // g^(n-1)
    power: f32,
    // c g^(n-1) + y/g [Pa s]
    viscosity: f32,
}

fn herschel_bulkley_flow(k: Constants, sym_c: mat3x3<f32>) -> HerschelBulkleyFlow {
    let rate = deviator3(sym_c);
    let g = sqrt(2.0 * double_dot3(rate, rate) + k.high.z * k.high.z);
    let log_g = ln_exact(g);
    let power = exp_exact((k.high.y - 1.0) * log_g);
    return HerschelBulkleyFlow(rate, g, log_g, power, k.low.w * power + k.high.x / g);
}

// tau = lambda J (J - 1) I + 2 eta J D, the pressure zero where slack
fn herschel_bulkley_stress(k: Constants, at: Local) -> mat3x3<f32> {
    let j = determinant3(at.f);
    let flow = herschel_bulkley_flow(k, at.rate);
    let pressure = select(k.low.y * j * (j - 1.0), 0.0, liquid_is_slack(k, j));
    return (2.0 * j * flow.viscosity) * flow.rate + diagonal3(vec3<f32>(pressure));
}

// F_bar = (lambda (2 J - 1) tr T + 2 eta D : T) J F^-T,
// C_bar = 2 J (eta dev T + 2 (eta'/g)(D : T) D), eta' = d eta/dg, T = sym tau_bar
fn herschel_bulkley_stress_adj(k: Constants, at: Local, tau_bar: mat3x3<f32>) -> StressAdj {
    let t = symmetric3(tau_bar);
    let j = determinant3(at.f);
    let trace = select(trace3(t), 0.0, liquid_is_slack(k, j));
    let flow = herschel_bulkley_flow(k, at.rate);
    let sheared = 2.0 * double_dot3(flow.rate, t);
    let slope = (k.low.w * (k.high.y - 1.0) * flow.power - k.high.x / flow.g) / flow.g;
    let by_j = k.low.y * (2.0 * j - 1.0) * trace + flow.viscosity * sheared;
    let viscosity_bar = j * sheared;
    var adj: StressAdj;
    adj.f_bar = cofactor3(at.f) * by_j;
    adj.rate_bar = (2.0 * j * flow.viscosity) * deviator3(t)
        + (2.0 * j * slope / flow.g * sheared) * flow.rate;
    adj.k_bar.low = vec4<f32>(0.0, j * (j - 1.0) * trace, 0.0, viscosity_bar * flow.power);
    adj.k_bar.high = vec4<f32>(
        viscosity_bar / flow.g,
        viscosity_bar * k.low.w * flow.power * flow.log_g,
        viscosity_bar * slope * k.high.z / flow.g,
        0.0,
    );
    return adj;
}

fn herschel_bulkley_return_map(k: Constants, f_trial: mat3x3<f32>, history: f32) -> ReturnMap {
    return liquid_return_map(k, f_trial, history);
}

fn herschel_bulkley_return_map_adj(
    k: Constants, f_trial: mat3x3<f32>, history: f32, f_bar: mat3x3<f32>, history_bar: f32,
) -> ReturnMapAdj {
    return liquid_return_map_adj(k, f_trial, history, f_bar, history_bar);
}
