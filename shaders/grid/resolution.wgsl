// Which levels of the grid a place takes part in, and with what shares: src/model/field.rs, formulas.md
// 5.1. Needs the uniforms `parameters` and `resolution`, and `coefficients`.

// Whether the scene gives a map of distances.
override HAS_MAP: bool = false;

// A distance and its derivatives in space.
struct Distance {
    value: f32,
    normal: vec3<f32>,
    hessian: mat3x3<f32>,
}

// A particle between two levels: what each gets, and how that changes in space.
struct Blend {
    // Of the finer and of the coarser level; they sum to one.
    shares: vec2<f32>,
    // First and second derivative of the coarser share by the distance.
    slope: f32,
    curvature: f32,
    // Gradient and Hessian of the distance.
    normal: vec3<f32>,
    hessian: mat3x3<f32>,
}

// Distance to reaches of which there are none [m].
const FAR: f32 = 1e30;
// Where a distance is zero, so is what it divides.
const LEAST: f32 = 1e-30;
// What is so many times the blend farther than the nearest has a share below round-off: ln(8/epsilon).
const NEGLIGIBLE: f32 = 18.0;

// A place from a reach, along the axes of its box [m].
fn reach_local(reach: ReachAt, cell: vec3<i32>, offset: vec3<f32>) -> vec3<f32> {
    let d = (vec3<f32>(cell - reach.cell) + offset) * parameters.cell_width - reach.offset;
    let c = reach.along.x;
    let s = reach.along.y;
    return vec3<f32>(c * d.x + s * d.y, c * d.y - s * d.x, d.z);
}

// A distance along the axes of a reach's box: |g|, n = g/|g|, and the diagonal of I_g in H = (I_g - n n^T)/|g|.
struct LocalDistance {
    value: f32,
    normal: vec3<f32>,
    counted: vec3<f32>,
}

fn reach_to_world(reach: ReachAt) -> mat3x3<f32> {
    let c = reach.along.x;
    let s = reach.along.y;
    return mat3x3<f32>(vec3<f32>(c, s, 0.0), vec3<f32>(-s, c, 0.0), vec3<f32>(0.0, 0.0, 1.0));
}

// Distance to one reach, with the gaps g to the box, depth counted more; zero inside and above.
fn reach_local_distance(reach: ReachAt, local: vec3<f32>) -> LocalDistance {
    let high = vec3<f32>(reach.high, local.z);
    let scale = vec3<f32>(1.0, 1.0, reach.depth_weight);
    let gap = scale * (max(local - high, vec3<f32>(0.0)) + min(local - reach.low, vec3<f32>(0.0)));
    let value = length(gap);
    if (value == 0.0) {
        return LocalDistance(0.0, vec3<f32>(0.0), vec3<f32>(0.0));
    }
    let counted = select(scale * scale, vec3<f32>(0.0), gap == vec3<f32>(0.0));
    return LocalDistance(value, gap * scale / value, counted);
}

// The same along the axes of the world.
fn reach_distance(reach: ReachAt, cell: vec3<i32>, offset: vec3<f32>) -> Distance {
    let local = reach_local_distance(reach, reach_local(reach, cell, offset));
    if (local.value == 0.0) {
        return Distance(0.0, vec3<f32>(0.0), mat3x3<f32>());
    }
    let c = reach.along.x;
    let s = reach.along.y;
    let m = local.normal;
    let n = vec3<f32>(c * m.x - s * m.y, s * m.x + c * m.y, m.z);
    let own = local.counted;
    let xy = c * s * (own.x - own.y);
    let h = 1.0 / local.value;
    let hessian = mat3x3<f32>(
        h * (vec3<f32>(c * c * own.x + s * s * own.y, xy, 0.0) - n * n.x),
        h * (vec3<f32>(xy, s * s * own.x + c * c * own.y, 0.0) - n * n.y),
        h * (vec3<f32>(0.0, 0.0, own.z) - n * n.z),
    );
    return Distance(local.value, n, hessian);
}

// Cotangents of a reach from those of its distance and of the gradient of that: by its position; by a turn about
// its upright axis, in z of rotation; by its lower ends, in velocity; by its upper ones, in angular_velocity.
// With l the place in its axes: l_bar = delta_bar n + H n_bar, which the end that is nearest takes with the
// other sign, and by a turn l_bar·(l x z) + n_bar·(z x n).
fn reach_adj(
    reach: ReachAt, cell: vec3<i32>, offset: vec3<f32>, value_bar: f32, normal_bar: vec3<f32>,
) -> PoseBar {
    let local = reach_local(reach, cell, offset);
    let distance = reach_local_distance(reach, local);
    let to_world = reach_to_world(reach);
    let n = distance.normal;
    let n_bar = transpose(to_world) * normal_bar;
    let bent = (distance.counted * n_bar - n * dot(n, n_bar)) / max(distance.value, LEAST);
    let local_bar = n * value_bar + bent;
    let turn = local_bar.x * local.y - local_bar.y * local.x + n.x * n_bar.y - n.y * n_bar.x;
    let none = vec3<f32>(0.0);
    let high = vec3<f32>(reach.high, local.z);
    return PoseBar(
        to_world * -local_bar,
        vec3<f32>(0.0, 0.0, turn),
        select(none, -local_bar, local < reach.low),
        select(none, -local_bar, local > high),
    );
}

// Distance by the map.
fn map_distance(cell: vec3<i32>, offset: vec3<f32>) -> Distance {
    let d = (vec2<f32>(cell.xy - resolution.map.cell) + offset.xy) * parameters.cell_width
        - resolution.map.offset;
    let at = ground_height(resolution.map.field, d);
    let hessian = mat3x3<f32>(
        vec3<f32>(at.bend.xy, 0.0), vec3<f32>(at.bend.yz, 0.0), vec3<f32>(0.0));
    return Distance(at.value, vec3<f32>(at.slope, 0.0), hessian);
}

// How many distances are blended, the map's last.
fn distance_count() -> u32 {
    return resolution.reach_count + select(0u, 1u, HAS_MAP);
}

fn distance_of(k: u32, cell: vec3<i32>, offset: vec3<f32>) -> Distance {
    if HAS_MAP {
        if (k == resolution.reach_count) {
            return map_distance(cell, offset);
        }
    }
    return reach_distance(resolution.reaches[k], cell, offset);
}

// To the nearest: -b ln sum exp(-d_k/b); with pi = softmax(-d_k/b), n = sum pi_k n_k and
// H = sum pi_k H_k - (sum pi_k n_k n_k^T - n n^T)/b.
fn distance_to_reaches(cell: vec3<i32>, offset: vec3<f32>) -> Distance {
    let count = distance_count();
    if (count == 0u) {
        return Distance(FAR, vec3<f32>(0.0), mat3x3<f32>());
    }
    let first = distance_of(0u, cell, offset);
    if (count == 1u) {
        return first;
    }
    let b = resolution.blend;
    var least = first.value;
    for (var k = 1u; k < count; k++) {
        least = min(least, distance_of(k, cell, offset).value);
    }
    var total = 0.0;
    var n = vec3<f32>(0.0);
    var hessian = mat3x3<f32>();
    for (var k = 0u; k < count; k++) {
        let one = distance_of(k, cell, offset);
        if (one.value > least + NEGLIGIBLE * b) {
            continue;
        }
        let weight = exp((least - one.value) / b);
        total += weight;
        n += weight * one.normal;
        hessian += weight * (one.hessian - outer3(one.normal, one.normal) * (1.0 / b));
    }
    n /= total;
    hessian = hessian * (1.0 / total) + outer3(n, n) * (1.0 / b);
    return Distance(least - b * log(total), n, hessian);
}

// Home level and whether in the band above it, as they are stored (PLACE_...).
fn levels_of(cell: vec3<i32>, offset: vec3<f32>) -> u32 {
    let distance = distance_to_reaches(cell, offset).value;
    var level = 0u;
    var place = NONE;
    for (var l = 0u; l < resolution.band_count; l++) {
        let t = (distance - resolution.bands[l].x) / resolution.bands[l].y;
        if (place == NONE && t > 0.0) {
            if (t < 1.0) {
                place = level | PLACE_BAND;
            }
            level = l + 1u;
        } else if (place == NONE) {
            place = level;
        }
    }
    let home = select(place, level, place == NONE);
    let sign = select(vec3<u32>(0u), PLACE_NEGATIVE * vec3<u32>(1u, 2u, 4u), offset < vec3<f32>(0.0));
    return home | sign.x | sign.y | sign.z;
}

// Shares of a particle in the band above `level`. Quintic, S = 10 t³ - 15 t⁴ + 6 t⁵; the smaller share
// is computed, the other is the rest. Which band that is was decided before: at its ends, where round-off
// may say otherwise here, one share is zero.
fn blend_at(level: u32, cell: vec3<i32>, offset: vec3<f32>) -> Blend {
    let distance = distance_to_reaches(cell, offset);
    let band = resolution.bands[level];
    let inverse = 1.0 / band.y;
    let t = clamp((distance.value - band.x) * inverse, 0.0, 1.0);
    let rest = 1.0 - t;
    let small = smoothstep5(min(t, rest));
    let shares = select(vec2<f32>(small, 1.0 - small), vec2<f32>(1.0 - small, small), t < 0.5);
    let slope = resolution.coupled * 30.0 * t * t * rest * rest * inverse;
    let curvature = resolution.coupled * 60.0 * t * rest * (rest - t) * inverse * inverse;
    return Blend(shares, slope, curvature, distance.normal, distance.hessian);
}

fn smoothstep5(t: f32) -> f32 {
    return t * t * t * (10.0 - t * (15.0 - 6.0 * t));
}

// Gradient of the share of the finer (0) or the coarser level (1) [1/m].
fn share_gradient(blend: Blend, side: u32) -> vec3<f32> {
    return blend.normal * select(blend.slope, -blend.slope, side == 0u);
}

// Cotangents of the gradient of the distance and, in w, of the distance, from those of the coarser share and of
// its gradient: delta_bar = s' lambda_bar + s'' n·g_bar; n_bar = s' g_bar.
fn blend_distance_bar(blend: Blend, share_bar: f32, gradient_bar: vec3<f32>) -> vec4<f32> {
    let along = dot(blend.normal, gradient_bar);
    return vec4<f32>(gradient_bar * blend.slope, blend.slope * share_bar + blend.curvature * along);
}

// Cotangent of the position: delta_bar n + H n_bar.
fn blend_position_bar(blend: Blend, share_bar: f32, gradient_bar: vec3<f32>) -> vec3<f32> {
    let bar = blend_distance_bar(blend, share_bar, gradient_bar);
    return blend.normal * bar.w + blend.hessian * bar.xyz;
}
