// Signed distance of the collider shapes, in the body frame. Mirrors sdf.rs.

struct Distance {
    // [m], negative inside
    phi: f32,
    // its gradient: the normal itself where the distance is exact
    gradient: vec3<f32>,
    // unit, outward
    normal: vec3<f32>,
    // dn_a/dp_b [1/m], [b][a]: the Hessian of phi where the distance is exact
    curvature: mat3x3<f32>,
}

fn exact_distance(phi: f32, normal: vec3<f32>, hessian: mat3x3<f32>) -> Distance {
    return Distance(phi, normal, normal, hessian);
}

// The cotangent of the point: phi_bar grad phi + (dn/dp)ᵀ n_bar
fn distance_point_bar(at: Distance, phi_bar: f32, n_bar: vec3<f32>) -> vec3<f32> {
    return at.gradient * phi_bar + n_bar * at.curvature;
}

// size: half extents of a box; (radius, half length along z); or the number of a field
fn distance_to_shape(shape: u32, size: vec3<f32>, p: vec3<f32>) -> Distance {
    let no_hessian = diagonal3(vec3<f32>(0.0));
    switch shape {
        case SHAPE_HALF_SPACE: {
            return exact_distance(p.z, vec3<f32>(0.0, 0.0, 1.0), no_hessian);
        }
        case SHAPE_SPHERE: {
            return distance_around(p, size.x, vec3<f32>(1.0));
        }
        case SHAPE_CAPSULE: {
            let nearest = clamp(p.z, -size.y, size.y);
            // Beside the segment the nearest point moves along with p, so z does not count.
            let across = select(1.0, 0.0, abs(p.z) < size.y);
            let q = vec3<f32>(p.xy, p.z - nearest);
            return distance_around(q, size.x, vec3<f32>(1.0, 1.0, across));
        }
        case SHAPE_BOX: {
            return distance_to_box(size, p);
        }
        case SHAPE_MESH, SHAPE_HEIGHT_FIELD: {
            if HAS_FIELDS {
                let field = fields[u32(size.x)];
                if shape == SHAPE_MESH {
                    return distance_to_mesh(field, p);
                }
                return distance_to_ground(field, p);
            }
            return exact_distance(0.0, vec3<f32>(0.0), no_hessian);
        }
        default: {
            let mantle = distance_around(vec3<f32>(p.xy, 0.0), size.x, vec3<f32>(1.0, 1.0, 0.0));
            let cap_gap = abs(p.z) - size.y;
            let cap_normal = vec3<f32>(0.0, 0.0, select(1.0, -1.0, p.z < 0.0));
            let excess = max(vec2<f32>(mantle.phi, cap_gap), vec2<f32>(0.0));
            let phi2 = dot(excess, excess);
            if phi2 == 0.0 {
                if cap_gap > mantle.phi {
                    return exact_distance(cap_gap, cap_normal, no_hessian);
                }
                return mantle;
            }
            // H = (Σ [gap > 0] n_k n_kᵀ - n nᵀ)/phi + gap⁺ H_mantle/phi
            let phi = sqrt(phi2);
            let n = (mantle.normal * excess.x + cap_normal * excess.y) / phi;
            let beyond = select(vec2<f32>(0.0), vec2<f32>(1.0), excess > vec2<f32>(0.0));
            let spread = outer3(mantle.normal * beyond.x, mantle.normal)
                + outer3(cap_normal * beyond.y, cap_normal);
            let hessian = spread - outer3(n, n) + mantle.curvature * excess.x;
            return exact_distance(phi, n, hessian * (1.0 / phi));
        }
    }
}

// phi = |q| - radius, n = q/|q|, H = (projection - n nᵀ)/|q|; at q = 0 the normal is +x, H zero
fn distance_around(q: vec3<f32>, radius: f32, projection: vec3<f32>) -> Distance {
    let length2 = dot(q, q);
    if length2 == 0.0 {
        return exact_distance(-radius, vec3<f32>(1.0, 0.0, 0.0), diagonal3(vec3<f32>(0.0)));
    }
    let reach = sqrt(length2);
    let n = q / reach;
    let hessian = (diagonal3(projection) - outer3(n, n)) * (1.0 / reach);
    return exact_distance(reach - radius, n, hessian);
}

fn distance_to_box(half: vec3<f32>, p: vec3<f32>) -> Distance {
    let gap = abs(p) - half;
    let facing = select(vec3<f32>(1.0), vec3<f32>(-1.0), p < vec3<f32>(0.0));
    let outside = max(gap, vec3<f32>(0.0));
    let phi2 = dot(outside, outside);
    if phi2 == 0.0 {
        // Inside: the largest gap alone, the first one where two are equal.
        let x = gap.x >= gap.y && gap.x >= gap.z;
        let y = !x && gap.y >= gap.z;
        let axis = vec3<f32>(f32(x), f32(y), f32(!(x || y)));
        return exact_distance(dot(axis, gap), axis * facing, diagonal3(vec3<f32>(0.0)));
    }
    let phi = sqrt(phi2);
    let n = outside * facing / phi;
    let beyond = select(vec3<f32>(0.0), vec3<f32>(1.0), gap > vec3<f32>(0.0));
    return exact_distance(phi, n, (diagonal3(beyond) - outer3(n, n)) * (1.0 / phi));
}

// phi is the spline, g its gradient, G its Hessian: n = g/|g|, dn/dp = (1 - n nᵀ) G/|g|; where g
// vanishes n is +x. Beyond the samples the box around the mesh, which is never touched.
fn distance_to_mesh(field: FieldAt, p: vec3<f32>) -> Distance {
    let u = (p - field.low) / field.spacing.x;
    if !within_field(field, u) {
        return distance_to_box(field.half, p - field.middle);
    }
    let at = distance_spline(field, u);
    let steepness2 = dot(at.gradient, at.gradient);
    if steepness2 == 0.0 {
        let none = diagonal3(vec3<f32>(0.0));
        return Distance(at.value, at.gradient, vec3<f32>(1.0, 0.0, 0.0), none);
    }
    let inverse = 1.0 / sqrt(steepness2);
    let n = at.gradient * inverse;
    let bend = at.hessian * inverse;
    return Distance(at.value, at.gradient, n, bend - outer3(n, bend * n));
}

// With f = z - height, g its gradient, s = |g|, G its Hessian: phi = f/s, n = g/s,
// dn/dp = (1 - n nᵀ) G/s, dphi/dp = n - (phi/s) G n
fn distance_to_ground(field: FieldAt, p: vec3<f32>) -> Distance {
    let ground = ground_height(field, p.xy);
    let g = vec3<f32>(-ground.slope, 1.0);
    let inverse = 1.0 / sqrt(dot(g, g));
    let n = g * inverse;
    let bend = mat3x3<f32>(
        vec3<f32>(ground.bend.x, ground.bend.y, 0.0),
        vec3<f32>(ground.bend.y, ground.bend.z, 0.0),
        vec3<f32>(0.0),
    ) * -inverse;
    let phi = (p.z - ground.value) * inverse;
    let bent = bend * n;
    return Distance(phi, n - bent * phi, n, bend - outer3(n, bent));
}

// A distance that no point of the surface is nearer than, and that changes by no more than the way
fn distance_bound(shape: u32, size: vec3<f32>, p: vec3<f32>) -> f32 {
    if HAS_FIELDS {
        if shape == SHAPE_MESH {
            return distance_to_shape(shape, size, p).phi - fields[u32(size.x)].bound;
        }
        if shape == SHAPE_HEIGHT_FIELD {
            let field = fields[u32(size.x)];
            return (p.z - ground_height(field, p.xy).value) * field.bound;
        }
    }
    return distance_to_shape(shape, size, p).phi;
}
