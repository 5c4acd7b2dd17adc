// Active stress along a fibre carried by the deformation. Mirrors material/muscle.rs.

struct MuscleStressAdj {
    f_bar: mat3x3<f32>,
    activation_bar: f32,
}

// tau = a (F f)(F f)ᵀ, f the unit rest direction, a the activation [Pa]
fn muscle_stress(f: mat3x3<f32>, fibre: vec3<f32>, activation: f32) -> mat3x3<f32> {
    let stretched = f * fibre;
    return outer3(stretched * activation, stretched);
}

// F_bar = 2 a T F f fᵀ, a_bar = (F f)·T (F f), T = sym tau_bar
fn muscle_stress_adj(
    f: mat3x3<f32>,
    fibre: vec3<f32>,
    activation: f32,
    tau_bar: mat3x3<f32>,
) -> MuscleStressAdj {
    let stretched = f * fibre;
    let pulled = symmetric3(tau_bar) * stretched;
    return MuscleStressAdj(outer3(pulled * (2.0 * activation), fibre), dot(stretched, pulled));
}
