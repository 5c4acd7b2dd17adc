// Lines of constant width on the screen; mirrors `src/render/lines.rs`.

struct Line {
    @location(0) from_cell: vec3<i32>,
    // [cell widths]
    @location(1) from_offset: vec3<f32>,
    @location(2) to_cell: vec3<i32>,
    @location(3) to_offset: vec3<f32>,
    @location(4) colour: vec4<f32>,
}

struct LineCorner {
    @builtin(position) position: vec4<f32>,
    // Distance from the middle of the line [half widths].
    @location(0) @interpolate(linear) across: f32,
    @location(1) @interpolate(flat) colour: vec3<f32>,
}

// In camera axes [m].
fn line_end(cell: vec3<i32>, offset: vec3<f32>) -> vec3<f32> {
    let p = (vec3<f32>(cell - scene.anchor) + offset) * scene.cell_width - scene.eye;
    return vec3(dot(p, scene.right), dot(p, scene.up), dot(p, scene.forward));
}

// From the middle of the picture [pixels].
fn on_screen(c: vec3<f32>) -> vec2<f32> {
    return c.xy / (c.z * scene.pixel);
}

fn corner_of(index: u32, line: Line) -> LineCorner {
    var a = line_end(line.from_cell, line.from_offset);
    var b = line_end(line.to_cell, line.to_offset);
    var out: LineCorner;
    out.colour = linear(line.colour.rgb);
    if max(a.z, b.z) < scene.near {
        out.position = vec4(0.0, 0.0, -1.0, 1.0);
        return out;
    }
    // The part in front of the eye.
    let cut = mix(a, b, clamp((scene.near - a.z) / (b.z - a.z), 0.0, 1.0));
    if a.z < scene.near {
        a = cut;
    } else if b.z < scene.near {
        b = cut;
    }
    let along = on_screen(b) - on_screen(a);
    let reach = max(length(along), 1e-6);
    let side = vec2(-along.y, along.x) / reach;
    // Half a pixel more for the smooth edge.
    let half = 0.5 * scene.line_width + 0.5;
    let sign = f32(index & 1u) * 2.0 - 1.0;
    let end = select(a, b, index > 1u);
    let pixels = on_screen(end) + side * (sign * half);
    out.across = sign * half;
    let slopes = pixels * scene.pixel / vec2(scene.half_width, scene.half_height);
    // A line that lies on a surface is in front of it.
    let depth = max(end.z - 0.5 * scene.cell_width, scene.near);
    out.position = vec4(slopes * depth, scene.near, depth);
    return out;
}

// Share of the pixel that the line covers.
fn cover_of(in: LineCorner) -> f32 {
    return clamp(0.5 * scene.line_width + 0.5 - abs(in.across), 0.0, 1.0);
}

@vertex
fn line_corner(@builtin(vertex_index) index: u32, line: Line) -> LineCorner {
    return corner_of(index, line);
}

@fragment
fn line_pixel(in: LineCorner) -> @location(0) vec4<f32> {
    return vec4(in.colour, cover_of(in));
}

// What is behind something is seen through it, faintly.
@vertex
fn line_through_corner(@builtin(vertex_index) index: u32, line: Line) -> LineCorner {
    return corner_of(index, line);
}

@fragment
fn line_through_pixel(in: LineCorner) -> @location(0) vec4<f32> {
    return vec4(in.colour, cover_of(in) * scene.line_through);
}
