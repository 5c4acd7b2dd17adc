// What one particle is made of, and what its stress adds to what it gives to the grid; with the
// adjoint. Needs the uniforms `parameters`, `materials`, `muscles`.

// Whether any law has plastic history.
override HAS_HISTORY: bool = true;
// Whether the stress of any law depends on the strain rate.
override HAS_RATE: bool = true;
// Most constants of any law.
override CONSTANT_COUNT: u32 = 8u;

fn activation_of(muscle: u32, activations: Activations) -> f32 {
    return activations.rows[(muscle - 1u) >> 2u][(muscle - 1u) & 3u];
}

// sym C [1/s] of a particle from h C, where a law reads it.
fn rate_of_affine(hc: mat3x3<f32>) -> mat3x3<f32> {
    if (HAS_RATE) {
        return symmetric3(hc) * (1.0 / parameters.cell_width);
    }
    return mat3x3<f32>();
}

// As it is stored, and back.
fn rate_row(rate: mat3x3<f32>, row: u32) -> vec4<f32> {
    if (row == 0u) {
        return vec4<f32>(rate[0].x, rate[1].y, rate[2].z, rate[1].x);
    }
    return vec4<f32>(rate[2].y, rate[2].x, 0.0, 0.0);
}

fn rate_from_rows(first: vec4<f32>, second: vec4<f32>) -> mat3x3<f32> {
    return mat3x3<f32>(
        vec3<f32>(first.x, first.w, second.y),
        vec3<f32>(first.w, first.y, second.x),
        vec3<f32>(second.y, second.x, first.z),
    );
}

// Kirchhoff stress of a particle [Pa]: its law's, and its muscle's.
fn particle_stress(class_code: f32, at: Local, activations: Activations) -> mat3x3<f32> {
    let kind = particle_class(class_code);
    let law = materials[kind.material];
    var tau = stress(law.kind, law.k, at);
    if (HAS_MUSCLES && kind.muscle != 0u) {
        let fibre = muscles[kind.muscle - 1u].xyz;
        tau += muscle_stress(at.f, fibre, activation_of(kind.muscle, activations));
    }
    return tau;
}

struct ParticleStressAdj {
    law: StressAdj,
    activation_bar: f32,
}

fn particle_stress_adj(
    class_code: f32, at: Local, activations: Activations, tau_bar: mat3x3<f32>,
) -> ParticleStressAdj {
    let kind = particle_class(class_code);
    let law = materials[kind.material];
    var adj = ParticleStressAdj(stress_adj(law.kind, law.k, at, tau_bar), 0.0);
    if (HAS_MUSCLES && kind.muscle != 0u) {
        let fibre = muscles[kind.muscle - 1u].xyz;
        let pull = muscle_stress_adj(at.f, fibre, activation_of(kind.muscle, activations), tau_bar);
        adj.law.f_bar += pull.f_bar;
        adj.activation_bar = pull.activation_bar;
    }
    return adj;
}

// B = h C - (4 dt/h) (V/m) tau [m/s per cell], from h C: the affine part of what a particle gives.
fn particle_affine(hc: mat3x3<f32>, specific_volume: f32, tau: mat3x3<f32>) -> mat3x3<f32> {
    return hc - (parameters.affine_step * specific_volume) * tau;
}

// tau_bar = -(4 dt/h) (V/m) B_bar; (h C)_bar = B_bar.
fn stress_bar_of_affine(specific_volume: f32, b_bar: mat3x3<f32>) -> mat3x3<f32> {
    return -(parameters.affine_step * specific_volume) * b_bar;
}
