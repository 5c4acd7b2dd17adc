// The laws by kind (model::LawKind). Mirrors material/mod.rs.

// Kirchhoff stress tau [Pa] of F
fn stress(kind: u32, k: vec4<f32>, f: mat3x3<f32>) -> mat3x3<f32> {
    switch kind {
        case LAW_ELASTIC: {
            return elastic_stress(k, f);
        }
        case LAW_LIQUID: {
            return liquid_stress(k, f);
        }
        default: {
            return sand_stress(k, f);
        }
    }
}

// Only the symmetric part of tau_bar counts.
fn stress_adj(kind: u32, k: vec4<f32>, f: mat3x3<f32>, tau_bar: mat3x3<f32>) -> StressAdj {
    switch kind {
        case LAW_ELASTIC: {
            return elastic_stress_adj(k, f, tau_bar);
        }
        case LAW_LIQUID: {
            return liquid_stress_adj(k, f, tau_bar);
        }
        default: {
            return sand_stress_adj(k, f, tau_bar);
        }
    }
}

// The admissible F and history that a trial F and the old history relax to
fn return_map(kind: u32, k: vec4<f32>, f_trial: mat3x3<f32>, history: f32) -> ReturnMap {
    switch kind {
        case LAW_ELASTIC: {
            return ReturnMap(f_trial, history);
        }
        case LAW_LIQUID: {
            return ReturnMap(liquid_return_map(f_trial), history);
        }
        default: {
            return sand_return_map(k, f_trial, history);
        }
    }
}

fn return_map_adj(
    kind: u32,
    k: vec4<f32>,
    f_trial: mat3x3<f32>,
    history: f32,
    f_bar: mat3x3<f32>,
    history_bar: f32,
) -> ReturnMapAdj {
    switch kind {
        case LAW_ELASTIC: {
            return ReturnMapAdj(f_bar, history_bar, vec4<f32>(0.0));
        }
        case LAW_LIQUID: {
            return ReturnMapAdj(liquid_return_map_adj(f_trial, f_bar), history_bar, vec4<f32>(0.0));
        }
        default: {
            return sand_return_map_adj(k, f_trial, history, f_bar, history_bar);
        }
    }
}
