// Colliders, ray-cast inside the box around each. The far faces of the box are drawn, so that it
// also works with the eye inside of it; rays are interpolated per sample, which smooths the edges.

struct SolidCorner {
    @builtin(position) position: vec4<f32>,
    @location(0) @interpolate(perspective, sample) ray: vec3<f32>,
    @location(2) @interpolate(flat) to_body_x: vec3<f32>,
    @location(3) @interpolate(flat) to_body_y: vec3<f32>,
    @location(4) @interpolate(flat) to_body_z: vec3<f32>,
    @location(5) @interpolate(flat) eye: vec3<f32>,
    @location(6) @interpolate(flat) half_size: vec3<f32>,
    @location(7) @interpolate(flat) kind: u32,
    @location(8) @interpolate(flat) colour: vec3<f32>,
}

struct SolidPixel {
    @location(0) colour: vec4<f32>,
    @builtin(frag_depth) depth: f32,
}

@vertex
fn solid_corner(@builtin(vertex_index) index: u32, solid: Solid) -> SolidCorner {
    let p = box_corner(index, solid);
    let c = vec3(dot(p, scene.right), dot(p, scene.up), dot(p, scene.forward));
    var out: SolidCorner;
    out.position = vec4(c.x / scene.half_width, c.y / scene.half_height, scene.near, c.z);
    out.ray = p;
    out.to_body_x = solid.to_body_x;
    out.to_body_y = solid.to_body_y;
    out.to_body_z = solid.to_body_z;
    out.eye = solid.eye;
    out.half_size = solid.half_size;
    out.kind = solid.kind;
    out.colour = linear(solid.colour.rgb);
    return out;
}

@fragment
fn solid_pixel(in: SolidCorner) -> SolidPixel {
    let solid = Solid(in.to_body_x, in.to_body_y, in.to_body_z, in.eye, in.half_size, in.kind,
        vec4(in.colour, 1.0));
    let ray = in.ray / dot(in.ray, scene.forward);
    let strike = cast_ray(in.kind, in.half_size, in.eye, to_body(solid, ray));
    if strike.t <= scene.near {
        discard;
    }
    let p = ray * strike.t;
    var out: SolidPixel;
    let normal = to_world(solid, strike.normal);
    out.colour = vec4(tone(lit(p, normal, in.colour, sun_visible_softly(p, normal))), 1.0);
    out.depth = buffer_depth(strike.t);
    return out;
}
