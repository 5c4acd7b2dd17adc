// Meshes and ground in the sun's depth map.

@vertex
fn mesh_shadow_corner(corner: MeshCorner) -> @builtin(position) vec4<f32> {
    return vec4(sun_position(mesh_position(corner)), 1.0);
}

@fragment
fn mesh_shadow_pixel() {}
