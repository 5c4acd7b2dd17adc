// Solids made of triangles: what a corner is, and where it lies.

struct MeshCorner {
    // [m, body frame]
    @location(0) position: vec3<f32>,
    @location(1) normal: vec3<f32>,
    // Of the solid: `body_from_world`, columns; the eye in the body frame [m].
    @location(2) to_body_x: vec3<f32>,
    @location(3) to_body_y: vec3<f32>,
    @location(4) to_body_z: vec3<f32>,
    @location(5) eye: vec3<f32>,
    @location(6) colour: vec4<f32>,
}

// Body to world: the transpose of a rotation.
fn mesh_to_world(corner: MeshCorner, v: vec3<f32>) -> vec3<f32> {
    return vec3(dot(corner.to_body_x, v), dot(corner.to_body_y, v), dot(corner.to_body_z, v));
}

// From the eye, world axes [m].
fn mesh_position(corner: MeshCorner) -> vec3<f32> {
    return mesh_to_world(corner, corner.position - corner.eye);
}
