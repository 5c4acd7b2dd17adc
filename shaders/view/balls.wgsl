// Particles as exact spheres: a rectangle per ball, a ray per pixel.

struct Ball {
    @location(0) cell: vec3<i32>,
    @location(1) radius: f32,
    // [cell widths]
    @location(2) offset: vec3<f32>,
    @location(3) colour: vec4<f32>,
}

struct Corner {
    @builtin(position) position: vec4<f32>,
    // The ray in camera axes, its forward part left out: it is 1.
    @location(0) ray: vec2<f32>,
    @location(1) @interpolate(flat) centre: vec3<f32>,
    @location(2) @interpolate(flat) radius: f32,
    @location(3) @interpolate(flat) colour: vec3<f32>,
}

struct Pixel {
    @location(0) colour: vec4<f32>,
    @builtin(frag_depth) depth: f32,
}

// Centre from the eye, world axes [m].
fn centre_of(ball: Ball) -> vec3<f32> {
    return (vec3<f32>(ball.cell - scene.anchor) + ball.offset) * scene.cell_width - scene.eye;
}

fn corner_sign(index: u32) -> vec2<f32> {
    return vec2(f32(index & 1u), f32(index >> 1u)) * 2.0 - 1.0;
}

@vertex
fn ball_corner(@builtin(vertex_index) index: u32, ball: Ball) -> Corner {
    let p = centre_of(ball);
    let c = vec3(dot(p, scene.right), dot(p, scene.up), dot(p, scene.forward));
    var out: Corner;
    out.centre = c;
    out.radius = ball.radius;
    out.colour = linear(ball.colour.rgb);
    if c.z - ball.radius < scene.near {
        out.position = vec4(0.0, 0.0, -1.0, 1.0);
        return out;
    }
    // Tangent lines from the eye, per axis: (x z ± r sqrt(x² + z² - r²)) / (z² - r²); a pixel more
    // for the smooth edge.
    let r2 = ball.radius * ball.radius;
    let sign = corner_sign(index);
    let root = sign * ball.radius * sqrt(c.xy * c.xy + c.z * c.z - r2);
    out.ray = (c.xy * c.z + root) / (c.z * c.z - r2) + sign * scene.pixel;
    out.position = vec4(out.ray / vec2(scene.half_width, scene.half_height), 0.5, 1.0);
    return out;
}

@fragment
fn ball_pixel(in: Corner) -> Pixel {
    let ray = vec3(in.ray, 1.0);
    let a = dot(ray, ray);
    let middle = dot(ray, in.centre) / a;
    let miss = in.centre - ray * middle;
    // Pixels between ray and edge give the share of the pixel that is covered.
    let edge = (in.radius - length(miss)) / (scene.pixel * in.centre.z);
    let cover = clamp(0.5 + edge, 0.0, 1.0);
    if cover == 0.0 {
        discard;
    }
    let half = max(in.radius * in.radius - dot(miss, miss), 0.0) / a;
    let depth = middle - sqrt(half);
    let n = normalize(ray * depth - in.centre);
    let to_world = mat3x3<f32>(scene.right, scene.up, scene.forward);
    let p = to_world * (ray * depth);
    let normal = to_world * n;
    var out: Pixel;
    out.colour = vec4(tone(lit(p, normal, in.colour, sun_visible(p, normal))), cover);
    out.depth = buffer_depth(depth);
    return out;
}
