// What all passes of the window share: the camera, the lights, and how a surface looks in them.
// Positions are metres from the eye in world axes; nothing is ever expressed in world coordinates.
// The formulas are those of `src/render/`, with a plainer sky.

struct Scene {
    // Absolute grid node near what is looked at, and the cell width [m].
    anchor: vec3<i32>,
    cell_width: f32,
    // The eye, from the anchor [m]; tangents of half the opening angles.
    eye: vec3<f32>,
    half_width: f32,
    right: vec3<f32>,
    half_height: f32,
    up: vec3<f32>,
    // Nearest visible depth [m].
    near: f32,
    forward: vec3<f32>,
    // Width of a pixel at depth 1.
    pixel: f32,
    // Direction to the sun; width of the shadow map and of its texel [m].
    sun: vec3<f32>,
    shadow_width: f32,
    sun_right: vec3<f32>,
    shadow_texel: f32,
    sun_up: vec3<f32>,
    // Points move this far along their normal before their shadow is looked up [m].
    lift: f32,
    // Centre of what is in view, from the eye, and its size [m].
    centre: vec3<f32>,
    diagonal: f32,
    sun_light: vec3<f32>,
    gloss: f32,
    sky_light: vec3<f32>,
    gloss_sharpness: f32,
    bounce: vec3<f32>,
    shoulder: f32,
    background_top: vec3<f32>,
    fade_start: f32,
    background_bottom: vec3<f32>,
    fade_end: f32,
    plane_albedo: vec3<f32>,
    major: f32,
    // Width [pixels] and strength of thin and of strong grid lines.
    lines: vec4<f32>,
    // Of lines through the scene: width [pixels], and how much of one is seen through what hides it.
    line_width: f32,
    line_through: f32,
}

@group(0) @binding(0) var<uniform> scene: Scene;

// The ray through picture coordinates in [-1, 1]; its part along the view direction is 1.
fn ray_through(xy: vec2<f32>) -> vec3<f32> {
    return scene.forward + scene.right * (xy.x * scene.half_width)
        + scene.up * (xy.y * scene.half_height);
}

// Reversed depth buffer value: 1 at the near plane, 0 at infinity.
fn buffer_depth(depth: f32) -> f32 {
    return scene.near / depth;
}

// Clip position and depth buffer value of the sun's map, of a point from the eye.
fn sun_position(p: vec3<f32>) -> vec3<f32> {
    let q = p - scene.centre;
    let scale = 2.0 / scene.shadow_width;
    return vec3(dot(q, scene.sun_right) * scale, dot(q, scene.sun_up) * scale,
        0.5 + 0.5 * dot(q, scene.sun) * scale);
}

fn background(y: f32) -> vec3<f32> {
    return mix(scene.background_bottom, scene.background_top, 0.5 + 0.5 * y);
}

fn tone(colour: vec3<f32>) -> vec3<f32> {
    let room = 1.0 - scene.shoulder;
    let soft = scene.shoulder + room * (1.0 - exp(-(colour - scene.shoulder) / room));
    return select(soft, colour, colour <= vec3(scene.shoulder));
}

// Linear light of an sRGB colour.
fn linear(c: vec3<f32>) -> vec3<f32> {
    return select(pow((c + 0.055) / 1.055, vec3(2.4)), c / 12.92, c <= vec3(0.04045));
}
