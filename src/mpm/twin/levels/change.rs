//! Which particles are split and which are merged at the start of a control step, and the transpose.
//!
//! A particle is split where a finer level takes part than its size is for, merged where none does,
//! with a margin between the two. The choice is made from the state alone, in the order of ids, so
//! that a replay makes it again bit by bit; the reverse pass uses what was recorded. It carries no
//! derivative itself.

use super::merge::{Group, Nest, Particle, ParticleBar, child, child_adj};
use super::{CHUNK, Field, Neighbourhood};
use crate::laws::Family;
use crate::math::{Scalar, Vec3};
use crate::model::{FULL_WITHIN, LEAST_FILL};
use crate::mpm::state::{Cotangent, NO_MUSCLE, split_position};
use crate::mpm::twin::context::{Context, Point};
use crate::mpm::twin::storage::Stored;
use rayon::prelude::*;
use std::sync::Arc;

/// Particles whose left logarithmic strains or histories differ by more are not merged: the mean
/// of such strains is off by the square of it, 4e-4.
const STRAIN_SPREAD: f64 = 2e-2;
/// A merged particle may have no more of the volume that its level stands for, or grids see lumps. No
/// eighths, as for [`LEAST_FILL`].
const MOST_FILL: f64 = 1.55;

/// What one sweep of splitting or merging did.
pub struct Change<R> {
    pub before: Stored<R>,
    /// Where each particle came from, by id, which is also its storage position.
    origins: Vec<Origin>,
    /// Storage positions of all that were merged.
    members: Vec<u32>,
    /// D of the level that merged particles are for.
    d: R,
}

/// Storage positions before the change.
#[derive(Clone, Copy, Debug)]
enum Origin {
    Kept(u32),
    Child { parent: u32, octant: u8, on_lattice: bool },
    Merged { first: u32, count: u32 },
}

/// What happens to a particle, by id.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Kept,
    Split {
        on_lattice: bool,
    },
    /// First and last but one of a range of members; the particle of lowest id makes the new one.
    MergedFirst(u32, u32),
    Merged,
}

/// Splits and merges until sizes fit the field. Returns the state in id order and what was done, in
/// order; nothing if all stay as they are.
pub fn adapt<R: Scalar>(
    ctx: &Context<R>,
    field: &Field<R>,
    stored: &mut Stored<R>,
) -> Vec<Change<R>> {
    let top = ctx.lattices.len() - 1;
    let mut changes = Vec::new();
    for _ in 0..top {
        changes.extend(apply(ctx, stored, &splits(ctx, field, stored), Vec::new(), 0));
    }
    for level in 1..=top {
        let (fates, members) = merges(ctx, field, stored, level as u8);
        changes.extend(apply(ctx, stored, &fates, members, level));
    }
    changes
}

/// Storage position of each id.
fn by_id<R: Scalar>(stored: &Stored<R>) -> Vec<u32> {
    let mut places = vec![0; stored.id.len()];
    for (p, &id) in stored.id.iter().enumerate() {
        places[id as usize] = p as u32;
    }
    places
}

/// How far a particle may come in a control step [m].
fn way<R: Scalar>(ctx: &Context<R>, stored: &Stored<R>, p: usize) -> R {
    stored.v[p].norm_squared().sqrt() * ctx.control_secs
}

/// A quarter of the cell width of a level: half the spacing of its particles, two per cell and axis.
fn half_spacing<R: Scalar>(ctx: &Context<R>, level: u8) -> R {
    ctx.lattices[level as usize].cell_width * R::from_f64(0.25)
}

/// The particles to split. Children of what flows are put on the lattice of their level, unless their
/// parent shares its site with another one that is split: around a parent out of place
/// they would leave gaps and heaps of its size, in which sand is weaker. Those of a parent that fills its
/// site by three tenths too much or too little keep its height, or the surface would sink or rise with it.
fn splits<R: Scalar>(ctx: &Context<R>, field: &Field<R>, stored: &Stored<R>) -> Vec<Fate> {
    let places = by_id(stored);
    let site = |(id, &p): (usize, &u32)| {
        let (p, point) = (p as usize, &stored.points[id]);
        if point.level == 0 || point.held {
            return None;
        }
        let margin = way(ctx, stored, p) + half_spacing(ctx, point.level);
        let per_axis = ctx.per_axis[point.body as usize];
        let site = sub_cell(stored.cell[p], stored.offset[p], per_axis, point.level);
        (field.finest(stored.cell[p], stored.offset[p], margin) < point.level).then_some((
            site,
            point.body,
            point.level,
            id,
        ))
    };
    let mut sites: Vec<_> = places.par_iter().enumerate().filter_map(site).collect();
    sites.par_sort_unstable();
    let mut fates = vec![Fate::Kept; places.len()];
    for shared in sites.chunk_by(|a, b| (a.0, a.1, a.2) == (b.0, b.1, b.2)) {
        for &(.., id) in shared {
            let law = ctx.materials[stored.points[id].material as usize].kind;
            let flows = law.spec().family != Family::Elastic;
            fates[id] = Fate::Split { on_lattice: flows && shared.len() == 1 };
        }
    }
    fates
}

/// A particle that may be merged: its group first, then its id.
type Candidate = ([i32; 3], u32, bool, u32);

/// A particle as one of a group that is merged to the level.
fn candidate<R: Scalar>(
    ctx: &Context<R>,
    field: &Field<R>,
    stored: &Stored<R>,
    (id, p): (usize, usize),
    level: u8,
) -> Option<Candidate> {
    let point = &stored.points[id];
    let per_axis = ctx.per_axis[point.body as usize];
    let light = point.level == level && is_light(ctx, point.volume, point.body, level);
    if point.muscle != NO_MUSCLE || point.held || !(light || point.level + 1 == level) {
        return None;
    }
    let cell = sub_cell(stored.cell[p], stored.offset[p], per_axis, level);
    // By the place that the merged one would have, so that all of a sub-cell or none may go.
    is_far(ctx, field, cell, (per_axis, level), R::zero())
        .then_some((cell, point.body, light, id as u32))
}

/// Whether a particle, stored where its id says, may be one of a group that is merged.
pub(super) fn may_be_merged<R: Scalar>(
    ctx: &Context<R>,
    field: &Field<R>,
    stored: &Stored<R>,
    id: usize,
) -> bool {
    let top = ctx.lattices.len() - 1;
    (1..=top).any(|level| candidate(ctx, field, stored, (id, id), level as u8).is_some())
}

/// Groups of particles of the level below `level`, one sub-cell each, and what is too light of the
/// level itself.
fn merges<R: Scalar>(
    ctx: &Context<R>,
    field: &Field<R>,
    stored: &Stored<R>,
    level: u8,
) -> (Vec<Fate>, Vec<u32>) {
    let places = by_id(stored);
    let of_part = |part: usize| {
        let ids = part * CHUNK..((part + 1) * CHUNK).min(places.len());
        let mut around = Neighbourhood::within(1 << level);
        let places = &places;
        ids.filter_map(move |id| {
            let p = places[id] as usize;
            // Most are far too near, with all that is around them.
            let too_near = around.only_level(field, stored.cell[p]).is_some_and(|l| l < level);
            if too_near { None } else { candidate(ctx, field, stored, (id, p), level) }
        })
    };
    let parts = places.len().div_ceil(CHUNK);
    let mut candidates: Vec<Candidate> =
        (0..parts).into_par_iter().flat_map_iter(of_part).collect();
    candidates.par_sort_unstable();
    let mut fates = vec![Fate::Kept; places.len()];
    let mut members = Vec::new();
    for group in candidates.chunk_by(|a, b| a.0 == b.0 && a.1 == b.1) {
        // Light ones alone have nothing to be topped up with.
        if group.len() < 2 || group[0].2 {
            continue;
        }
        let mut ids: Vec<u32> = group.iter().map(|&(.., id)| id).collect();
        ids.sort_unstable();
        let (cell, body, ..) = group[0];
        let fastest = ids.iter().map(|&id| way(ctx, stored, places[id as usize] as usize));
        let fastest = fastest.fold(R::zero(), R::max);
        if !is_far(ctx, field, cell, (ctx.per_axis[body as usize], level), fastest) {
            continue;
        }
        let particles: Vec<_> =
            ids.iter().map(|&id| particle(stored, places[id as usize])).collect();
        let points: Vec<_> = ids.iter().map(|&id| stored.points[id as usize]).collect();
        let volume = points.iter().fold(R::zero(), |sum, point| sum + point.volume);
        let fill = (volume / full_volume(ctx, points[0].body, level)).to_f64();
        let cell_width = ctx.cell_width;
        let d = ctx.lattices[level as usize].d;
        let merging = Group { particles: &particles, points: &points, cell_width, d };
        if !(LEAST_FILL..=MOST_FILL).contains(&fill) || !merging.is_uniform(STRAIN_SPREAD) {
            continue;
        }
        let first = members.len() as u32;
        for &id in &ids {
            fates[id as usize] = Fate::Merged;
            members.push(places[id as usize]);
        }
        fates[ids[0] as usize] = Fate::MergedFirst(first, ids.len() as u32);
    }
    (fates, members)
}

/// Whether a sub-cell is so far from the agents that a particle of its level may stand there, with
/// the margin to being split and `more` [m].
fn is_far<R: Scalar>(
    ctx: &Context<R>,
    field: &Field<R>,
    sub_cell: [i32; 3],
    (per_axis, level): (u32, u8),
    more: R,
) -> bool {
    let (cell, offset) = middle(sub_cell, per_axis, level);
    let margin = ctx.hysteresis + half_spacing(ctx, level) + more;
    field.finest(cell, offset, margin) >= level
}

/// The middle of a sub-cell.
fn middle<R: Scalar>(sub_cell: [i32; 3], per_axis: u32, level: u8) -> ([i32; 3], Vec3<R>) {
    // In halves of sub-cells, then in cells: powers of two, so exact.
    let split = sub_cell.map(|i| {
        let halves = (2 * i64::from(i) + 1) << level;
        split_position(halves as f64 / f64::from(2 * per_axis))
    });
    (split.map(|(cell, _)| cell), Vec3(split.map(|(_, offset)| R::from_f64(offset))))
}

/// Rest volume that a particle of a level stands for in a body.
fn full_volume<R: Scalar>(ctx: &Context<R>, body: u32, level: u8) -> R {
    let spacing =
        ctx.cell_width.to_f64() * f64::from(1u32 << level) / f64::from(ctx.per_axis[body as usize]);
    R::from_f64(spacing.powi(3))
}

/// Whether a particle has too little volume for its level.
pub(super) fn is_light<R: Scalar>(ctx: &Context<R>, volume: R, body: u32, level: u8) -> bool {
    volume < full_volume(ctx, body, level) * R::from_f64(LEAST_FILL)
}

/// Which place of a level's particle lattice a position lies in: `floor(x / spacing)`, by integers,
/// with `per_axis` (1, 2 or 4) particles along the edge of a cell.
fn sub_cell<R: Scalar>(cell: [i32; 3], offset: Vec3<R>, per_axis: u32, level: u8) -> [i32; 3] {
    let shift = u32::from(level);
    std::array::from_fn(|a| {
        let below = |x: R| x.to_f64().floor() as i32;
        match per_axis.trailing_zeros() {
            finer if finer > shift => {
                let parts = 1 << (finer - shift);
                cell[a] * parts + below(offset[a] * R::from_f64(f64::from(parts)))
            }
            finer => (cell[a] + below(offset[a])) >> (shift - finer),
        }
    })
}

fn particle<R: Scalar>(stored: &Stored<R>, p: u32) -> Particle<R> {
    let p = p as usize;
    Particle {
        cell: stored.cell[p],
        offset: stored.offset[p],
        v: stored.v[p],
        c: stored.c[p],
        f: stored.f[p],
        history: stored.history[p],
    }
}

/// Does what was decided.
fn apply<R: Scalar>(
    ctx: &Context<R>,
    stored: &mut Stored<R>,
    fates: &[Fate],
    members: Vec<u32>,
    level: usize,
) -> Option<Change<R>> {
    if fates.iter().all(|&fate| fate == Fate::Kept) {
        return None;
    }
    let mut origins = Vec::with_capacity(fates.len());
    for (&fate, p) in fates.iter().zip(by_id(stored)) {
        match fate {
            Fate::Kept => origins.push(Origin::Kept(p)),
            Fate::Split { on_lattice } => {
                origins.extend((0..8).map(|octant| Origin::Child { parent: p, octant, on_lattice }))
            }
            Fate::MergedFirst(first, count) => origins.push(Origin::Merged { first, count }),
            Fate::Merged => {}
        }
    }
    let count = origins.len();
    let before = std::mem::replace(stored, Stored::zeros(0));
    let change = Change { before, origins, members, d: ctx.lattices[level].d };
    let made: Vec<_> = change.origins.par_iter().map(|origin| change.make(ctx, origin)).collect();
    let mut after = Stored::zeros(count);
    let mut points = Vec::with_capacity(count);
    for (id, (particle, point)) in made.into_iter().enumerate() {
        after.id[id] = id as u32;
        after.cell[id] = particle.cell;
        after.offset[id] = particle.offset;
        after.v[id] = particle.v;
        after.c[id] = particle.c;
        after.f[id] = particle.f;
        after.history[id] = particle.history;
        points.push(point);
    }
    after.rigid.clone_from(&change.before.rigid);
    after.chunks = change.before.chunks.clone();
    after.points = Arc::new(points);
    *stored = after;
    Some(change)
}

impl<R: Scalar> Change<R> {
    /// By id after the change: the storage position before of itself, of its parent or of the first that was
    /// merged; and whether it is as it was.
    pub fn follow(&self) -> impl Iterator<Item = (u32, bool)> {
        self.origins.iter().map(|origin| match *origin {
            Origin::Kept(p) => (p, true),
            Origin::Child { parent, .. } => (parent, false),
            Origin::Merged { first, .. } => (self.members[first as usize], false),
        })
    }

    fn point(&self, p: u32) -> Point<R> {
        self.before.points[self.before.id[p as usize] as usize]
    }

    /// Where the children of a particle are put.
    fn nest(&self, ctx: &Context<R>, parent: u32, on_lattice: bool) -> Nest<R> {
        let (from, point) = (particle(&self.before, parent), self.point(parent));
        if !on_lattice {
            return Nest::around(&from, &point);
        }
        let (per_axis, level) = (ctx.per_axis[point.body as usize], point.level);
        let (cell, offset) =
            middle(sub_cell(from.cell, from.offset, per_axis, level), per_axis, level);
        let full = full_volume(ctx, point.body, level);
        let quarter = full.cbrt() * R::from_f64(0.25);
        let fill = point.volume / full;
        let mut nest = Nest { cell, offset, step: Vec3([quarter; 3]), is_parents: [false; 3] };
        if (fill.to_f64() - 1.0).abs() > FULL_WITHIN {
            nest.cell[2] = from.cell[2];
            nest.offset[2] = from.offset[2];
            nest.step[2] = quarter * fill;
            nest.is_parents[2] = true;
        }
        nest
    }

    fn make(&self, ctx: &Context<R>, origin: &Origin) -> (Particle<R>, Point<R>) {
        match *origin {
            Origin::Kept(p) => (particle(&self.before, p), self.point(p)),
            Origin::Child { parent, octant, on_lattice } => {
                let (from, point) = (particle(&self.before, parent), self.point(parent));
                let nest = self.nest(ctx, parent, on_lattice);
                let eighth = R::from_f64(0.125);
                let own = Point {
                    mass: point.mass * eighth,
                    volume: point.volume * eighth,
                    level: point.level - 1,
                    ..point
                };
                (child(&from, &nest, octant, ctx.cell_width), own)
            }
            Origin::Merged { first, count } => {
                self.with_group(ctx, first, count, |group| group.merged())
            }
        }
    }

    fn with_group<T>(
        &self,
        ctx: &Context<R>,
        first: u32,
        count: u32,
        run: impl FnOnce(&Group<R>) -> T,
    ) -> T {
        let members = &self.members[first as usize..(first + count) as usize];
        let particles: Vec<_> = members.iter().map(|&p| particle(&self.before, p)).collect();
        let points: Vec<_> = members.iter().map(|&p| self.point(p)).collect();
        let (cell_width, d) = (ctx.cell_width, self.d);
        run(&Group { particles: &particles, points: &points, cell_width, d })
    }

    /// The cotangent of the state before, by storage position, from that after: of the particle
    /// with id i it is entry `place[i]` of `bar`.
    pub fn adj(&self, ctx: &Context<R>, bar: &Cotangent<R>, place: &[u32]) -> Cotangent<R> {
        let mut sums = vec![ParticleBar::zero(); self.before.id.len()];
        for (id, origin) in self.origins.iter().enumerate() {
            let k = place[id] as usize;
            let own = ParticleBar {
                x: bar.x[k],
                v: bar.v[k],
                c: bar.c[k],
                f: bar.f[k],
                history: bar.history[k],
            };
            match *origin {
                Origin::Kept(p) => sums[p as usize] = own,
                Origin::Child { parent, octant, on_lattice } => {
                    let nest = self.nest(ctx, parent, on_lattice);
                    child_adj(&nest, octant, &own, &mut sums[parent as usize]);
                }
                Origin::Merged { first, count } => {
                    let bars = self.with_group(ctx, first, count, |group| group.merged_adj(&own));
                    let members = &self.members[first as usize..(first + count) as usize];
                    for (&p, bar) in members.iter().zip(bars) {
                        sums[p as usize] = bar;
                    }
                }
            }
        }
        Cotangent {
            x: sums.iter().map(|sum| sum.x).collect(),
            v: sums.iter().map(|sum| sum.v).collect(),
            c: sums.iter().map(|sum| sum.c).collect(),
            f: sums.iter().map(|sum| sum.f).collect(),
            history: sums.iter().map(|sum| sum.history).collect(),
            rigid: bar.rigid.clone(),
        }
    }
}
