//! Particles that come and go, after g2p: sinks take those that are inside, then those come that leave
//! their nozzles in this substep. Storage holds the particles that are there, and no others.

use super::blocks::NONE;
use super::context::Context;
use super::g2p::Walking;
use super::sdf::{ShapeAt, distance};
use super::storage::Stored;
use crate::agents::{Birth, BirthCotangent};
use crate::math::{Mat3, Scalar, Vec3};
use crate::model::{Model, Shape};
use crate::mpm::state::split_position;
use glam::DMat3;
use rayon::prelude::*;
use std::sync::Arc;

/// A sink as particles meet it.
pub struct SinkAt<R> {
    shape: Shape,
    /// Grid node nearest to its centre, absolute, and the centre from there [m].
    cell: [i32; 3],
    offset: Vec3<R>,
    /// world_from_body
    rotation: Mat3<R>,
}

impl<R: Scalar> SinkAt<R> {
    pub fn all(model: &Model) -> Vec<Self> {
        let at = |sink: &crate::model::Sink| {
            let split = sink.pose.position.0.map(|x| split_position(x / model.cell_width));
            let rotation = DMat3::from_quat(sink.pose.rotation);
            Self {
                shape: sink.shape.clone(),
                cell: std::array::from_fn(|a| model.origin[a].saturating_add(split[a].0)),
                offset: Vec3(split.map(|(_, o)| R::from_f64(o * model.cell_width))),
                rotation: Mat3::from_fn(|i, j| R::from_f64(rotation.col(j)[i])),
            }
        };
        model.sinks.iter().map(at).collect()
    }

    /// Whether a particle is inside; on the surface is inside.
    fn holds(&self, ctx: &Context<R>, cell: [i32; 3], offset: Vec3<R>) -> bool {
        let d = Vec3::from_fn(|a| {
            let cells = cell[a].wrapping_sub(self.cell[a]);
            (R::from_f64(f64::from(cells)) + offset[a]) * ctx.cell_width - self.offset[a]
        });
        holds(&self.shape, self.rotation.transpose() * d)
    }
}

/// Whether a point, in the axes of the shape, is inside.
fn holds<R: Scalar>(shape: &Shape, d: Vec3<R>) -> bool {
    let number = R::from_f64;
    let radial = d[0] * d[0] + d[1] * d[1];
    match *shape {
        Shape::Box { half_extents } => (0..3).all(|a| d[a].abs() <= number(half_extents[a])),
        Shape::Sphere { radius } => radial + d[2] * d[2] <= number(radius * radius),
        Shape::Capsule { radius, half_length } => {
            let beyond = d[2].abs() - number(half_length);
            let off = if beyond > R::zero() { beyond } else { R::zero() };
            radial + off * off <= number(radius * radius)
        }
        Shape::Cylinder { radius, half_length } => {
            radial <= number(radius * radius) && d[2].abs() <= number(half_length)
        }
        // No region of a scene has another shape.
        Shape::HalfSpace | Shape::Mesh(_) | Shape::HeightField(_) => {
            distance(&ShapeAt::from(shape), d).phi <= R::zero()
        }
    }
}

/// What an exchange leaves for its adjoint.
pub struct Exchange<R> {
    /// What sinks took, and where it was stored before that.
    gone: Option<(Vec<u32>, Stored<R>)>,
    born: usize,
}

/// Takes from a state what is in a sink, and adds what comes.
pub fn exchange<R: Scalar>(
    ctx: &Context<R>,
    births: &[Birth],
    after: &mut Stored<R>,
) -> Exchange<R> {
    let gone = (!ctx.sinks.is_empty()).then(|| take(ctx, after)).flatten();
    for birth in births {
        after.id.push(birth.particle);
        after.cell.push(birth.cell);
        after.offset.push(Vec3::from_f64(birth.offset.0));
        after.v.push(Vec3::from_f64(birth.velocity.0));
        after.c.push(Mat3::cross_matrix(Vec3::from_f64(birth.spin.0)));
        after.f.push(Mat3::identity());
        after.history.push(R::zero());
    }
    Exchange { gone, born: births.len() }
}

fn take<R: Scalar>(ctx: &Context<R>, after: &mut Stored<R>) -> Option<(Vec<u32>, Stored<R>)> {
    let sink_of = |p: usize| {
        let holds = |sink: &SinkAt<R>| sink.holds(ctx, after.cell[p], after.offset[p]);
        ctx.sinks.iter().position(holds).map_or(NONE, |sink| sink as u32)
    };
    let sinks: Vec<u32> = (0..after.id.len()).into_par_iter().map(sink_of).collect();
    let places: Vec<u32> = (0..sinks.len() as u32).filter(|&p| sinks[p as usize] != NONE).collect();
    if places.is_empty() {
        return None;
    }
    let taken = after.remove(&places);
    let gone = taken.id.iter().zip(&places).map(|(&id, &p)| (id, sinks[p as usize]));
    Arc::make_mut(&mut after.gone).extend(gone);
    Some((places, taken))
}

/// Turns the state after an exchange, with its cotangent, into those before it; `births_bar` is where the
/// cotangents of what came belong. What went has none.
pub fn exchange_adj<R: Scalar>(
    exchange: Exchange<R>,
    after: &mut Stored<R>,
    after_bar: &mut Walking<R>,
    births_bar: &mut [BirthCotangent],
) {
    let Exchange { gone, born } = exchange;
    let Walking { bar, place } = after_bar;
    let stayed = after.id.len() - born;
    for (&k, birth_bar) in place[stayed..].iter().zip(births_bar) {
        let k = k as usize;
        let number = |v: Vec3<R>| Vec3(v.0.map(R::to_f64));
        let c_bar = Mat3::from_fn(|i, j| bar.c[k][(i, j)].to_f64());
        *birth_bar = BirthCotangent::of_particle(number(bar.x[k]), number(bar.v[k]), c_bar);
    }
    after.truncate(stayed);
    place.truncate(stayed);
    if let Some((places, taken)) = gone {
        let first = bar.x.len() as u32;
        bar.extend_zeros(places.len());
        super::storage::insert(place, &places, (first..first + places.len() as u32).collect());
        let gone = Arc::make_mut(&mut after.gone);
        gone.truncate(gone.len() - places.len());
        after.put_back(&places, taken);
    }
}
