// Signed distance of the collider shapes, in the body frame. Mirrors sdf.rs.

struct Distance {
    // [m], negative inside
    phi: f32,
    // unit outward normal, the gradient of phi
    normal: vec3<f32>,
    // its Hessian [1/m], symmetric: the adjoint of the normal
    hessian: mat3x3<f32>,
}

// size: half extents of a box; else (radius, half length along z)
fn distance_to_shape(shape: u32, size: vec3<f32>, p: vec3<f32>) -> Distance {
    let no_hessian = diagonal3(vec3<f32>(0.0));
    switch shape {
        case SHAPE_HALF_SPACE: {
            return Distance(p.z, vec3<f32>(0.0, 0.0, 1.0), no_hessian);
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
            let gap = abs(p) - size;
            let facing = select(vec3<f32>(1.0), vec3<f32>(-1.0), p < vec3<f32>(0.0));
            let outside = max(gap, vec3<f32>(0.0));
            let phi2 = dot(outside, outside);
            if phi2 == 0.0 {
                // Inside: the largest gap alone, the first one where two are equal.
                let x = gap.x >= gap.y && gap.x >= gap.z;
                let y = !x && gap.y >= gap.z;
                let axis = vec3<f32>(f32(x), f32(y), f32(!(x || y)));
                return Distance(dot(axis, gap), axis * facing, no_hessian);
            }
            let phi = sqrt(phi2);
            let n = outside * facing / phi;
            let beyond = select(vec3<f32>(0.0), vec3<f32>(1.0), gap > vec3<f32>(0.0));
            return Distance(phi, n, (diagonal3(beyond) - outer3(n, n)) * (1.0 / phi));
        }
        default: {
            let mantle = distance_around(vec3<f32>(p.xy, 0.0), size.x, vec3<f32>(1.0, 1.0, 0.0));
            let cap_gap = abs(p.z) - size.y;
            let cap_normal = vec3<f32>(0.0, 0.0, select(1.0, -1.0, p.z < 0.0));
            let excess = max(vec2<f32>(mantle.phi, cap_gap), vec2<f32>(0.0));
            let phi2 = dot(excess, excess);
            if phi2 == 0.0 {
                if cap_gap > mantle.phi {
                    return Distance(cap_gap, cap_normal, no_hessian);
                }
                return mantle;
            }
            // H = (Σ [gap > 0] n_k n_kᵀ - n nᵀ)/phi + gap⁺ H_mantle/phi
            let phi = sqrt(phi2);
            let n = (mantle.normal * excess.x + cap_normal * excess.y) / phi;
            let beyond = select(vec2<f32>(0.0), vec2<f32>(1.0), excess > vec2<f32>(0.0));
            let spread = outer3(mantle.normal * beyond.x, mantle.normal)
                + outer3(cap_normal * beyond.y, cap_normal);
            let hessian = spread - outer3(n, n) + mantle.hessian * excess.x;
            return Distance(phi, n, hessian * (1.0 / phi));
        }
    }
}

// phi = |q| - radius, n = q/|q|, H = (projection - n nᵀ)/|q|; at q = 0 the normal is +x, H zero
fn distance_around(q: vec3<f32>, radius: f32, projection: vec3<f32>) -> Distance {
    let length2 = dot(q, q);
    if length2 == 0.0 {
        return Distance(-radius, vec3<f32>(1.0, 0.0, 0.0), diagonal3(vec3<f32>(0.0)));
    }
    let reach = sqrt(length2);
    let n = q / reach;
    return Distance(reach - radius, n, (diagonal3(projection) - outer3(n, n)) * (1.0 / reach));
}
