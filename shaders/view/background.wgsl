// The gradient behind everything.

struct BackgroundCorner {
    @builtin(position) position: vec4<f32>,
    @location(0) y: f32,
}

@vertex
fn background_corner(@builtin(vertex_index) index: u32) -> BackgroundCorner {
    let xy = vec2(f32(index & 1u), f32(index >> 1u)) * 4.0 - 1.0;
    var out: BackgroundCorner;
    out.position = vec4(xy, 0.0, 1.0);
    out.y = xy.y;
    return out;
}

@fragment
fn background_pixel(in: BackgroundCorner) -> @location(0) vec4<f32> {
    return vec4(tone(background(in.y)), 1.0);
}
