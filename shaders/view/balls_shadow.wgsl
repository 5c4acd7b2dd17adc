// Particles in the sun's depth map.

struct Ball {
    @location(0) cell: vec3<i32>,
    @location(1) radius: f32,
    // [cell widths]
    @location(2) offset: vec3<f32>,
    @location(3) colour: vec4<f32>,
}

struct ShadowCorner {
    @builtin(position) position: vec4<f32>,
    // Place in the disc, in radii.
    @location(0) place: vec2<f32>,
    @location(1) @interpolate(flat) radius: f32,
}

@vertex
fn ball_shadow_corner(@builtin(vertex_index) index: u32, ball: Ball) -> ShadowCorner {
    let cells = vec3<f32>(ball.cell - scene.anchor) + ball.offset;
    let centre = sun_position(cells * scene.cell_width - scene.eye);
    var out: ShadowCorner;
    out.place = vec2(f32(index & 1u), f32(index >> 1u)) * 2.0 - 1.0;
    // A ball smaller than a texel still shades one.
    let reach = max(ball.radius, 0.71 * scene.shadow_texel) * 2.0 / scene.shadow_width;
    out.position = vec4(centre.xy + out.place * reach, centre.z, 1.0);
    out.radius = ball.radius / scene.shadow_width;
    return out;
}

@fragment
fn ball_shadow_pixel(in: ShadowCorner) -> @builtin(frag_depth) f32 {
    let chord = 1.0 - dot(in.place, in.place);
    if chord < 0.0 {
        discard;
    }
    return in.position.z + in.radius * sqrt(chord);
}
