// Colliders in the sun's depth map.

struct SolidShadowCorner {
    @builtin(position) position: vec4<f32>,
    @location(0) start: vec3<f32>,
    @location(1) @interpolate(flat) direction: vec3<f32>,
    @location(2) @interpolate(flat) half_size: vec3<f32>,
    @location(3) @interpolate(flat) kind: u32,
}

@vertex
fn solid_shadow_corner(@builtin(vertex_index) index: u32, solid: Solid) -> SolidShadowCorner {
    let p = box_corner(index, solid);
    let place = sun_position(p);
    var out: SolidShadowCorner;
    out.position = vec4(place.xy, 0.5, 1.0);
    // From the level of the map's top, so that a ray's length is a depth.
    let up = (1.0 - place.z) * scene.shadow_width;
    out.start = to_body(solid, p + scene.sun * up) + solid.eye;
    out.direction = to_body(solid, -scene.sun);
    out.half_size = solid.half_size;
    out.kind = solid.kind;
    return out;
}

@fragment
fn solid_shadow_pixel(in: SolidShadowCorner) -> @builtin(frag_depth) f32 {
    let strike = cast_ray(in.kind, in.half_size, in.start, in.direction);
    if strike.t <= 0.0 {
        discard;
    }
    return 1.0 - strike.t / scene.shadow_width;
}
