// The levels that a particle is shared between: one, or in a band two. Needs the uniforms `parameters`
// and `resolution`.

// Outside of the bands the home level gets all.
fn blend_of(place: u32, cell: vec3<i32>, offset: vec3<f32>) -> Blend {
    if (is_in_band(place)) {
        return blend_at(home_level(place), cell, offset);
    }
    return Blend(vec2<f32>(1.0, 0.0), 0.0, 0.0, vec3<f32>(0.0), mat3x3<f32>());
}

// B = s h C - (4 dt/h)/s (V/m) tau of a level whose cells are s times as wide as the finest
// [m/s per cell of the level].
fn level_affine(scale: f32, hc: mat3x3<f32>, specific_volume: f32, tau: mat3x3<f32>) -> mat3x3<f32> {
    return scale * hc - (parameters.affine_step * specific_volume / scale) * tau;
}
