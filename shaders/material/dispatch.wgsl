// The laws by kind (model::LawKind). Mirrors material/mod.rs.
//
// A law that no material of the model has is compiled out: software devices run every branch.

override HAS_ELASTIC: bool = true;
override HAS_LIQUID: bool = true;
override HAS_SAND: bool = true;

// Kirchhoff stress tau [Pa] of F
fn stress(kind: u32, k: vec4<f32>, f: mat3x3<f32>) -> mat3x3<f32> {
    if HAS_ELASTIC && kind == LAW_ELASTIC {
        return elastic_stress(k, f);
    }
    if HAS_LIQUID && kind == LAW_LIQUID {
        return liquid_stress(k, f);
    }
    if HAS_SAND {
        return sand_stress(k, f);
    }
    return mat3x3<f32>();
}

// Only the symmetric part of tau_bar counts.
fn stress_adj(kind: u32, k: vec4<f32>, f: mat3x3<f32>, tau_bar: mat3x3<f32>) -> StressAdj {
    if HAS_ELASTIC && kind == LAW_ELASTIC {
        return elastic_stress_adj(k, f, tau_bar);
    }
    if HAS_LIQUID && kind == LAW_LIQUID {
        return liquid_stress_adj(k, f, tau_bar);
    }
    if HAS_SAND {
        return sand_stress_adj(k, f, tau_bar);
    }
    return StressAdj();
}

// The admissible F and history that a trial F and the old history relax to
fn return_map(kind: u32, k: vec4<f32>, f_trial: mat3x3<f32>, history: f32) -> ReturnMap {
    if HAS_LIQUID && kind == LAW_LIQUID {
        return ReturnMap(liquid_return_map(f_trial), history);
    }
    if HAS_SAND && kind == LAW_SAND {
        return sand_return_map(k, f_trial, history);
    }
    return ReturnMap(f_trial, history);
}

fn return_map_adj(
    kind: u32,
    k: vec4<f32>,
    f_trial: mat3x3<f32>,
    history: f32,
    f_bar: mat3x3<f32>,
    history_bar: f32,
) -> ReturnMapAdj {
    if HAS_LIQUID && kind == LAW_LIQUID {
        return ReturnMapAdj(liquid_return_map_adj(f_trial, f_bar), history_bar, vec4<f32>(0.0));
    }
    if HAS_SAND && kind == LAW_SAND {
        return sand_return_map_adj(k, f_trial, history, f_bar, history_bar);
    }
    return ReturnMapAdj(f_bar, history_bar, vec4<f32>(0.0));
}
