//! The model in one scalar, as the stages read it.

use super::contact::ColliderAt;
use super::exchange::SinkAt;
use super::levels::Lattice;
use super::material::Local;
use super::rigid::Rigid;
use super::stopwatch::LevelClock;
use super::storage::Stored;
use crate::agents::Drive;
use crate::laws::CONSTANTS;
use crate::math::{Mat3, Real, Scalar, Vec3};
use crate::model::{LawKind, Model};
use crate::mpm::state::{NO_MUSCLE, Particles};
use std::sync::Arc;

/// The most lanes any scalar has.
pub const MAX_LANES: usize = 8;

/// What holds for the whole run.
pub struct Context<R> {
    /// Cell width h [m] and its inverse.
    pub cell_width: R,
    pub inverse_width: R,
    /// The grid of each level, finest first.
    pub lattices: Vec<Lattice<R>>,
    /// Duration of a control step [s], after which particles are split and merged.
    pub control_secs: R,
    /// As [`crate::model::Levels::hysteresis`] [m].
    pub hysteresis: R,
    /// Particles along the edge of a cell, by body.
    pub per_axis: Vec<u32>,
    /// Substep [s].
    pub dt: R,
    /// [m/s²]
    pub gravity: Vec3<R>,
    /// A node with no more mass than this is empty [kg].
    pub empty_mass: R,
    pub materials: Vec<Constants<R>>,
    /// The laws in use.
    pub kinds: Vec<LawKind>,
    /// The most constants that any of them has.
    pub constant_count: usize,
    /// Whether the stress of any of them depends on C.
    pub reads_rate: bool,
    /// Whether any of them has plastic history.
    pub has_history: bool,
    /// Of the initial particles, by id.
    pub points: Arc<Vec<Point<R>>>,
    /// Fibre directions by muscle.
    pub fibres: Vec<Vec3<R>>,
    /// The free rigid bodies.
    pub rigid: Vec<Rigid<R>>,
    pub sinks: Vec<SinkAt<R>>,
    /// Of the stages that go block by block.
    pub clock: LevelClock,
}

/// A material's law and its constants.
#[derive(Clone, Copy)]
pub struct Constants<R> {
    pub kind: LawKind,
    pub k: [R; CONSTANTS],
}

/// What is constant of one particle.
#[derive(Clone, Copy, Debug)]
pub struct Point<R> {
    /// [kg]
    pub mass: R,
    /// Rest volume [m³].
    pub volume: R,
    pub material: u32,
    pub muscle: u32,
    pub body: u32,
    /// The level that its size belongs to.
    pub level: u8,
    /// Whether it is held still, at the rim of what sleeps.
    pub held: bool,
}

/// Of all particles, by id.
pub fn points<R: Scalar>(p: &Particles) -> Vec<Point<R>> {
    (0..p.mass.len())
        .map(|i| Point {
            mass: R::from_f64(p.mass[i]),
            volume: R::from_f64(p.volume[i]),
            material: p.material[i],
            muscle: p.muscle[i],
            body: p.body[i],
            level: p.level[i],
            held: p.is_held(i),
        })
        .collect()
}

impl<R: Scalar> Context<R> {
    pub fn new(model: &Model) -> Self {
        let h = model.cell_width;
        let p = &model.particles;
        let materials: Vec<Constants<R>> = model
            .materials
            .iter()
            .map(|m| Constants { kind: m.law.kind(), k: m.law.constants().map(R::from_f64) })
            .collect();
        let mut kinds: Vec<LawKind> = Vec::new();
        for m in &materials {
            if !kinds.contains(&m.kind) {
                kinds.push(m.kind);
            }
        }
        let heaviest = p.mass.iter().copied().fold(0.0, f64::max);
        Self {
            cell_width: R::from_f64(h),
            inverse_width: R::from_f64(1.0 / h),
            clock: LevelClock::default(),
            lattices: (0..model.levels.count()).map(|l| Lattice::new(h, l)).collect(),
            control_secs: R::from_f64(model.substep_secs * model.substeps_per_control as f64),
            hysteresis: R::from_f64(model.levels.hysteresis),
            per_axis: model.levels.per_axis.clone(),
            dt: R::from_f64(model.substep_secs),
            gravity: Vec3::from_f64(model.gravity.0),
            // A full node carries the mass of about eight particles.
            empty_mass: R::from_f64(R::EMPTY_NODE * 8.0 * heaviest),
            materials,
            constant_count: kinds.iter().map(|k| k.spec().constant_count).max().unwrap_or(0),
            reads_rate: kinds.iter().any(|k| k.spec().reads_rate),
            has_history: kinds.iter().any(|k| k.spec().has_history),
            kinds,
            points: Arc::new(points(p)),
            fibres: model.muscles.iter().map(|m| Vec3::from_f64(m.fibre.0)).collect(),
            rigid: Rigid::all(model),
            sinks: SinkAt::all(model),
        }
    }
}

/// What is commanded in one substep.
pub struct Command<R> {
    pub colliders: Vec<ColliderAt<R>>,
    /// Activation by muscle [Pa].
    pub activations: Vec<R>,
}

impl<R: Scalar> Command<R> {
    pub fn at(model: &Model, drive: &Drive, substep: usize) -> Self {
        let colliders = model.colliders.iter().zip(drive.poses_at(substep));
        Self {
            colliders: colliders.map(|(c, pose)| ColliderAt::new(c, pose)).collect(),
            activations: drive.activations_at(substep).iter().map(|&a| R::from_f64(a)).collect(),
        }
    }
}

/// Up to [`Scalar::LANES`] particles, to be computed side by side: their storage positions and
/// constants. A short batch repeats its last particle.
pub struct Batch<'a, R: Scalar> {
    pub positions: &'a [u32],
    pub points: [Point<R>; MAX_LANES],
}

impl<'a, R: Scalar> Batch<'a, R> {
    #[inline(always)]
    pub fn new(stored: &Stored<R>, positions: &'a [u32]) -> Self {
        let last = positions.len() - 1;
        let points = std::array::from_fn(|l| {
            stored.points[stored.id[positions[l.min(last)] as usize] as usize]
        });
        Self { positions, points }
    }

    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Whether all of them are held still.
    #[inline(always)]
    pub fn is_held(&self) -> bool {
        self.points[..self.len()].iter().all(|point| point.held)
    }

    /// Storage position of a lane.
    #[inline(always)]
    pub fn at(&self, lane: usize) -> usize {
        self.positions[lane.min(self.positions.len() - 1)] as usize
    }

    #[inline(always)]
    pub fn scalar(&self, values: &[R]) -> R::Lanes {
        R::pack(|l| values[self.at(l)])
    }

    #[inline(always)]
    pub fn matrix(&self, values: &[Mat3<R>]) -> Mat3<R::Lanes> {
        pack(std::array::from_fn(|l| &values[self.at(l)]))
    }

    /// The material constants of each lane.
    #[inline(always)]
    pub fn constants(&self, ctx: &Context<R>) -> [R::Lanes; CONSTANTS] {
        if let [only] = &ctx.materials[..] {
            return only.k.map(R::splat);
        }
        let mut k = [R::Lanes::zero(); CONSTANTS];
        for (n, k) in k.iter_mut().enumerate().take(ctx.constant_count) {
            *k = R::pack(|l| ctx.materials[self.points[l].material as usize].k[n]);
        }
        k
    }

    /// What the stress of each lane depends on.
    #[inline(always)]
    pub fn local(&self, ctx: &Context<R>, stored: &Stored<R>) -> Local<R::Lanes> {
        Local {
            f: self.matrix(&stored.f),
            c: if ctx.reads_rate { self.matrix(&stored.c) } else { Mat3::zero() },
            history: match ctx.has_history {
                true => self.scalar(&stored.history),
                false => R::Lanes::zero(),
            },
        }
    }

    /// Calls `law` once for every law that a lane of this batch follows, with those lanes.
    #[inline(always)]
    pub fn for_each_law(&self, ctx: &Context<R>, mut law: impl FnMut(LawKind, &[usize])) {
        if let [only] = ctx.kinds[..] {
            const ALL: [usize; MAX_LANES] = [0, 1, 2, 3, 4, 5, 6, 7];
            return law(only, &ALL[..self.len()]);
        }
        for &kind in &ctx.kinds {
            let mut lanes = [0; MAX_LANES];
            let mut count = 0;
            for l in 0..self.len() {
                if ctx.materials[self.points[l].material as usize].kind == kind {
                    lanes[count] = l;
                    count += 1;
                }
            }
            if count > 0 {
                law(kind, &lanes[..count]);
            }
        }
    }

    /// Whether a muscle pulls any lane.
    pub fn has_muscle(&self) -> bool {
        self.points[..self.len()].iter().any(|p| p.muscle != NO_MUSCLE)
    }

    /// Fibre and activation of each lane; zero where there is no muscle.
    pub fn muscle(&self, ctx: &Context<R>, command: &Command<R>) -> (Vec3<R::Lanes>, R::Lanes) {
        let muscle = |l: usize| {
            Some(self.points[l].muscle as usize).filter(|_| self.points[l].muscle != NO_MUSCLE)
        };
        let fibre =
            Vec3::from_fn(|a| R::pack(|l| muscle(l).map_or(R::zero(), |m| ctx.fibres[m][a])));
        (fibre, R::pack(|l| muscle(l).map_or(R::zero(), |m| command.activations[m])))
    }
}

/// A mask of some lanes.
#[inline(always)]
pub fn mask<R: Scalar>(lanes: &[usize]) -> <R::Lanes as Real>::Mask {
    let chosen = R::pack(|l| if lanes.contains(&l) { R::one() } else { R::zero() });
    R::Lanes::zero().lt(chosen)
}

/// One lane of a batched matrix.
#[inline(always)]
pub fn lane<R: Scalar>(m: &Mat3<R::Lanes>, lane: usize) -> Mat3<R> {
    Mat3::from_fn(|i, j| R::lane(m.0[i][j], lane))
}

/// A batched matrix from one per lane.
#[inline(always)]
pub fn pack<R: Scalar>(values: [&Mat3<R>; MAX_LANES]) -> Mat3<R::Lanes> {
    Mat3::from_fn(|i, j| R::pack(|l| values[l].0[i][j]))
}
