// Meshes and ground, triangle by triangle.

struct MeshPoint {
    @builtin(position) position: vec4<f32>,
    // From the eye, world axes [m].
    @location(0) p: vec3<f32>,
    @location(1) normal: vec3<f32>,
    @location(2) @interpolate(flat) colour: vec3<f32>,
}

@vertex
fn mesh_corner(corner: MeshCorner) -> MeshPoint {
    let p = mesh_position(corner);
    let c = vec3(dot(p, scene.right), dot(p, scene.up), dot(p, scene.forward));
    var out: MeshPoint;
    // The depth buffer gets near/depth, as from `buffer_depth`.
    out.position = vec4(c.x / scene.half_width, c.y / scene.half_height, scene.near, c.z);
    out.p = p;
    out.normal = mesh_to_world(corner, corner.normal);
    out.colour = linear(corner.colour.rgb);
    return out;
}

@fragment
fn mesh_pixel(in: MeshPoint) -> @location(0) vec4<f32> {
    let normal = normalize(in.normal);
    let visible = sun_visible_softly(in.p, normal);
    return vec4(tone(lit(in.p, normal, in.colour, visible)), 1.0);
}
