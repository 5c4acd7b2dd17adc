// Weakly compressible liquid [Hu18]; k = (0, lambda, tension). Mirrors material/liquid.rs.

// The return map keeps J above this: a liquid squeezed to a tenth has left the range of its law.
const LIQUID_J_FLOOR: f32 = 0.1;

// Whether a liquid without tension is stretched and carries nothing; J = 1 counts as compressed.
fn liquid_is_slack(k: Constants, j: f32) -> bool {
    return k.low.z < 0.5 && j > 1.0;
}

// tau = lambda J (J - 1) I, zero where slack
fn liquid_stress(k: Constants, at: Local) -> mat3x3<f32> {
    let j = determinant3(at.f);
    return diagonal3(vec3<f32>(select(k.low.y * j * (j - 1.0), 0.0, liquid_is_slack(k, j))));
}

// F_bar = lambda (2 J - 1) tr T J F^-T, lambda_bar = J (J - 1) tr T; zero where slack
fn liquid_stress_adj(k: Constants, at: Local, tau_bar: mat3x3<f32>) -> StressAdj {
    let j = determinant3(at.f);
    let trace = select(trace3(tau_bar), 0.0, liquid_is_slack(k, j));
    var adj: StressAdj;
    adj.f_bar = cofactor3(at.f) * (k.low.y * (2.0 * j - 1.0) * trace);
    adj.k_bar.low.y = j * (j - 1.0) * trace;
    return adj;
}

// F <- J^(1/3) I, J floored
fn liquid_return_map(k: Constants, f_trial: mat3x3<f32>, history: f32) -> ReturnMap {
    let root = cbrt_exact(max(determinant3(f_trial), LIQUID_J_FLOOR));
    return ReturnMap(diagonal3(vec3<f32>(root)), history);
}

// F_trial_bar = (J^(1/3)/3) tr(F_bar) F_trial^-T; zero where the floor holds
fn liquid_return_map_adj(
    k: Constants, f_trial: mat3x3<f32>, history: f32, f_bar: mat3x3<f32>, history_bar: f32,
) -> ReturnMapAdj {
    let j = determinant3(f_trial);
    let root = cbrt_exact(max(j, LIQUID_J_FLOOR));
    // J F^-T is the cofactor, so J^(1/3) F^-T = cofactor / J^(2/3).
    let scale = trace3(f_bar) / (3.0 * root * root);
    let trial_bar = cofactor3(f_trial) * select(scale, 0.0, j < LIQUID_J_FLOOR);
    return ReturnMapAdj(trial_bar, history_bar, Constants());
}
