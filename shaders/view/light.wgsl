// Light that a surface sends back along a ray; mirrors `Scene::lit` of `src/render/shade.rs`, with
// an open sky in place of its depth maps.

@group(0) @binding(1) var shadow_map: texture_depth_2d;
@group(0) @binding(2) var shadow_sampler: sampler_comparison;

// Place in the shadow map and depth there; outside of the map nothing casts a shadow.
struct SunPlace {
    uv: vec2<f32>,
    depth: f32,
    inside: bool,
}

fn sun_place(p: vec3<f32>, normal: vec3<f32>) -> SunPlace {
    let clip = sun_position(p + normal * (scene.lift + scene.shadow_texel));
    let bias = scene.shadow_texel / scene.shadow_width;
    let inside = all(abs(clip) <= vec3(1.0)) && clip.z >= 0.0;
    return SunPlace(vec2(0.5 + 0.5 * clip.x, 0.5 - 0.5 * clip.y), clip.z + bias, inside);
}

// Share of the sun that arrives, 0 to 1, by one bilinear comparison: enough on a small ball.
fn sun_visible(p: vec3<f32>, normal: vec3<f32>) -> f32 {
    let place = sun_place(p, normal);
    let open = textureSampleCompareLevel(shadow_map, shadow_sampler, place.uv, place.depth);
    return select(1.0, open, place.inside);
}

// The same over three by three comparisons, for large surfaces.
fn sun_visible_softly(p: vec3<f32>, normal: vec3<f32>) -> f32 {
    let place = sun_place(p, normal);
    let step = scene.shadow_texel / scene.shadow_width;
    var sum = 0.0;
    for (var j = -1; j <= 1; j++) {
        for (var i = -1; i <= 1; i++) {
            let at = place.uv + vec2(f32(i), f32(j)) * step;
            sum += textureSampleCompareLevel(shadow_map, shadow_sampler, at, place.depth);
        }
    }
    return select(1.0, sum / 9.0, place.inside);
}

// `visible` is the share of the sun that arrives.
fn lit(p: vec3<f32>, normal: vec3<f32>, albedo: vec3<f32>, visible: f32) -> vec3<f32> {
    let halfway = normalize(scene.sun - normalize(p));
    let shine = visible * scene.gloss * pow(max(dot(normal, halfway), 0.0), scene.gloss_sharpness);
    let up = 0.5 + 0.5 * normal.z;
    let diffuse = scene.sun_light * (visible * max(dot(normal, scene.sun), 0.0))
        + scene.sky_light * up + scene.bounce * (1.0 - up);
    return albedo * diffuse + scene.sun_light * shine;
}
