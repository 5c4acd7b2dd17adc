//! Where a ray first meets a collider's shape.

use crate::math;
use crate::model::{Shape, Surface};
use glam::Vec3;

/// Ray parameter and outward unit normal of the first hit in front of the origin, in the shape's
/// body frame. Lengths in metres; the direction need not be normalised. A ray that starts inside
/// hits nothing; neither does any ray a half-space (planes are drawn as layers).
pub fn cast(shape: &Shape, origin: Vec3, direction: Vec3) -> Option<(f32, Vec3)> {
    let hit = match *shape {
        Shape::HalfSpace => None,
        Shape::Box { half_extents: e } => {
            let e = e.0.map(|x| x as f32);
            meet([0, 1, 2].map(|axis| slab(axis, e[axis], origin, direction)))
        }
        Shape::Sphere { radius } => sphere(Vec3::ZERO, radius as f32, origin, direction),
        Shape::Cylinder { radius, half_length } => meet([
            tube(radius as f32, origin, direction),
            slab(2, half_length as f32, origin, direction),
        ]),
        Shape::Capsule { radius, half_length } => {
            let (radius, half_length) = (radius as f32, half_length as f32);
            let side = tube(radius, origin, direction)
                .map(|s| (s.enter, s.normal))
                .filter(|(t, _)| (origin.z + t * direction.z).abs() <= half_length);
            let cap = |z: f32| sphere(Vec3::new(0.0, 0.0, z), radius, origin, direction);
            [side, cap(-half_length), cap(half_length)]
                .into_iter()
                .flatten()
                .min_by(|a, b| a.0.total_cmp(&b.0))
        }
        Shape::Mesh(ref shape) => surface(&shape.mesh.surface, origin, direction),
        Shape::HeightField(ref ground) => {
            surface(ground.surface(), origin, direction).map(|(t, _)| {
                let p = (origin + t * direction).to_array().map(f64::from);
                (t, from_f64(ground.at(math::Vec3(p)).normal))
            })
        }
    };
    hit.filter(|(t, _)| *t > 0.0)
}

/// The first triangle that faces the ray.
fn surface(surface: &Surface, origin: Vec3, direction: Vec3) -> Option<(f32, Vec3)> {
    let [origin, direction] = [origin, direction].map(|v| math::Vec3(v.to_array().map(f64::from)));
    let (t, normal) = surface.cast(origin, direction)?;
    Some((t as f32, from_f64(normal)))
}

fn from_f64(v: math::Vec3<f64>) -> Vec3 {
    Vec3::from_array(v.0.map(|x| x as f32))
}

/// The part of a ray that lies inside a convex set, and the normal where it enters.
#[derive(Clone, Copy)]
struct Span {
    enter: f32,
    leave: f32,
    normal: Vec3,
}

/// The entry into the intersection of several sets; `None` if one of them is missed.
fn meet<const N: usize>(spans: [Option<Span>; N]) -> Option<(f32, Vec3)> {
    let mut enter = (f32::NEG_INFINITY, Vec3::ZERO);
    let mut leave = f32::INFINITY;
    for span in spans {
        let span = span?;
        if span.enter > enter.0 {
            enter = (span.enter, span.normal);
        }
        leave = leave.min(span.leave);
    }
    (enter.0 < leave).then_some(enter)
}

/// `|x_axis| <= half`.
fn slab(axis: usize, half: f32, origin: Vec3, direction: Vec3) -> Option<Span> {
    let (o, d) = (origin[axis], direction[axis]);
    if d == 0.0 {
        // Parallel: always or never inside.
        return (o.abs() <= half).then_some(Span {
            enter: f32::NEG_INFINITY,
            leave: f32::INFINITY,
            normal: Vec3::ZERO,
        });
    }
    let (a, b) = ((-half - o) / d, (half - o) / d);
    let mut normal = Vec3::ZERO;
    normal[axis] = -d.signum();
    Some(Span { enter: a.min(b), leave: a.max(b), normal })
}

/// `x² + y² <= radius²`.
fn tube(radius: f32, origin: Vec3, direction: Vec3) -> Option<Span> {
    let (o, d) = (origin.truncate(), direction.truncate());
    let a = d.length_squared();
    if a == 0.0 {
        return (o.length() <= radius).then_some(Span {
            enter: f32::NEG_INFINITY,
            leave: f32::INFINITY,
            normal: Vec3::ZERO,
        });
    }
    // From the point nearest the axis, so that nothing large cancels.
    let middle = -o.dot(d) / a;
    let nearest = o + d * middle;
    let half = (radius * radius - nearest.length_squared()) / a;
    (half >= 0.0).then(|| {
        let enter = middle - half.sqrt();
        Span { enter, leave: middle + half.sqrt(), normal: ((o + d * enter) / radius).extend(0.0) }
    })
}

fn sphere(centre: Vec3, radius: f32, origin: Vec3, direction: Vec3) -> Option<(f32, Vec3)> {
    let o = origin - centre;
    let a = direction.length_squared();
    let middle = -o.dot(direction) / a;
    let nearest = o + direction * middle;
    let half = (radius * radius - nearest.length_squared()) / a;
    (half >= 0.0).then(|| {
        let t = middle - half.sqrt();
        (t, (o + direction * t) / radius)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Vec3 as V;

    /// f32 round-off of lengths of a few metres.
    const TOLERANCE: f32 = 1e-5;

    fn shapes() -> [Shape; 4] {
        [
            Shape::Box { half_extents: V([0.5, 0.3, 0.2]) },
            Shape::Sphere { radius: 0.4 },
            Shape::Capsule { radius: 0.2, half_length: 0.5 },
            Shape::Cylinder { radius: 0.3, half_length: 0.4 },
        ]
    }

    /// Signed distance, written independently of the casts.
    fn distance(shape: &Shape, p: Vec3) -> f32 {
        match *shape {
            Shape::HalfSpace => p.z,
            Shape::Mesh(_) | Shape::HeightField(_) => unreachable!("not among the shapes"),
            Shape::Box { half_extents: e } => {
                let q = p.abs() - Vec3::from_array(e.0.map(|x| x as f32));
                q.max(Vec3::ZERO).length() + q.max_element().min(0.0)
            }
            Shape::Sphere { radius } => p.length() - radius as f32,
            Shape::Capsule { radius, half_length } => {
                let l = half_length as f32;
                (p - Vec3::new(0.0, 0.0, p.z.clamp(-l, l))).length() - radius as f32
            }
            Shape::Cylinder { radius, half_length } => {
                let side = p.truncate().length() - radius as f32;
                let end = p.z.abs() - half_length as f32;
                side.max(0.0).hypot(end.max(0.0)) + side.max(end).min(0.0)
            }
        }
    }

    #[test]
    fn a_hit_lies_on_the_surface_and_nothing_lies_before_it() {
        let mut hits = 0;
        for shape in shapes() {
            for k in 0..400 {
                let angle = k as f32 * 2.399_963;
                let z = (k as f32 / 200.0) - 1.0;
                let ring = (1.0 - z * z).max(0.0).sqrt();
                let origin = 3.0 * Vec3::new(ring * angle.cos(), ring * angle.sin(), z);
                let aim = Vec3::new(0.3 * (7.0 * angle).sin(), 0.2 * (5.0 * angle).cos(), 0.1);
                let direction = (aim - origin) * 0.7;
                let until = match cast(&shape, origin, direction) {
                    Some((t, normal)) => {
                        hits += 1;
                        let p = origin + direction * t;
                        assert!(distance(&shape, p).abs() < TOLERANCE, "{shape:?} {p}");
                        assert!((normal.length() - 1.0).abs() < TOLERANCE, "{shape:?} {normal}");
                        assert!(distance(&shape, p + normal * 0.05) > 0.02, "{shape:?} inward");
                        t
                    }
                    None => 2.0,
                };
                for step in 0..50 {
                    let p = origin + direction * (until * step as f32 / 50.0);
                    assert!(distance(&shape, p) > -TOLERANCE, "{shape:?} passed through at {p}");
                }
            }
        }
        assert!(hits > 800, "only {hits} rays of 1600 hit");
    }

    #[test]
    fn a_ray_that_starts_inside_or_points_away_hits_nothing() {
        for shape in shapes() {
            assert_eq!(cast(&shape, Vec3::ZERO, Vec3::new(0.3, 0.5, 0.2)), None, "{shape:?}");
            assert_eq!(cast(&shape, Vec3::new(2.0, 0.0, 0.0), Vec3::X), None, "{shape:?}");
        }
    }
}
