// Half-spaces as endless planes with a grid, fading out around the scene; mirrors
// `src/render/plane.rs`.

struct Plane {
    @location(0) normal: vec3<f32>,
    // Height of the eye above the plane [m].
    @location(1) eye_height: f32,
    @location(2) axis_u: vec3<f32>,
    // Distance between grid lines [m].
    @location(3) spacing: f32,
    @location(4) axis_v: vec3<f32>,
    @location(5) opacity: f32,
    // The eye along the axes, from a strong line [m].
    @location(6) eye_uv: vec2<f32>,
}

struct PlaneCorner {
    @builtin(position) position: vec4<f32>,
    @location(0) xy: vec2<f32>,
    @location(1) @interpolate(flat) normal: vec3<f32>,
    @location(2) @interpolate(flat) eye_height: f32,
    @location(3) @interpolate(flat) axis_u: vec3<f32>,
    @location(4) @interpolate(flat) spacing: f32,
    @location(5) @interpolate(flat) axis_v: vec3<f32>,
    @location(6) @interpolate(flat) opacity: f32,
    @location(7) @interpolate(flat) eye_uv: vec2<f32>,
}

struct PlanePixel {
    @location(0) colour: vec4<f32>,
    @builtin(frag_depth) depth: f32,
}

@vertex
fn plane_corner(@builtin(vertex_index) index: u32, plane: Plane) -> PlaneCorner {
    var out: PlaneCorner;
    // One triangle that covers the picture.
    out.xy = vec2(f32(index & 1u), f32(index >> 1u)) * 4.0 - 1.0;
    out.position = vec4(out.xy, 0.5, 1.0);
    out.normal = plane.normal;
    out.eye_height = plane.eye_height;
    out.axis_u = plane.axis_u;
    out.spacing = plane.spacing;
    out.axis_v = plane.axis_v;
    out.opacity = plane.opacity;
    out.eye_uv = plane.eye_uv;
    return out;
}

// Share of the light that lines of one kind leave; `style` is width [pixels] and strength.
fn grid_line(style: vec2<f32>, spacing: f32, uv: vec2<f32>, pixel: vec2<f32>, across: f32) -> f32 {
    let away = abs(uv - round(uv / spacing) * spacing);
    let half = 0.5 * style.x * across;
    let inside = min(away + 0.5 * pixel, vec2(half)) - max(away - 0.5 * pixel, vec2(-half));
    let covered = clamp(inside / pixel, vec2(0.0), vec2(1.0));
    return 1.0 - style.y * max(covered.x, covered.y);
}

@fragment
fn plane_pixel(in: PlaneCorner) -> PlanePixel {
    let ray = ray_through(in.xy);
    let down = -dot(ray, in.normal);
    if down <= 0.0 {
        discard;
    }
    let depth = in.eye_height / down;
    let p = ray * depth;

    let distance = length(p - scene.centre) / scene.diagonal;
    let t = clamp((distance - scene.fade_start) / (scene.fade_end - scene.fade_start), 0.0, 1.0);
    let opacity = in.opacity * (1.0 - t * t * (3.0 - 2.0 * t));

    let uv = vec2(dot(p, in.axis_u), dot(p, in.axis_v)) + in.eye_uv;
    let view = ray / length(ray);
    let across = scene.pixel * depth;
    let slant = max(-dot(view, in.normal), 0.02);
    let along = abs(vec2(dot(in.axis_u, view), dot(in.axis_v, view)));
    let pixel = across * (1.0 - along + along / slant);
    let light = grid_line(scene.lines.xy, in.spacing, uv, pixel, across)
        * grid_line(scene.lines.zw, in.spacing * scene.major, uv, pixel, across);

    var out: PlanePixel;
    let visible = sun_visible_softly(p, in.normal);
    out.colour = vec4(tone(lit(p, in.normal, scene.plane_albedo * light, visible)), opacity);
    out.depth = buffer_depth(depth);
    return out;
}
