//! Law 14: the gradient of a rollout is the derivative of the rollout. A block of each material falls
//! on rough ground while a soft sphere pushes it; the f64 twin's gradient is held against differences of
//! its own forward run, the backend's against the twin's, and against the f64 derivative along the
//! backend's own path. So it is where resolution follows the sphere through a longer block, with three
//! levels and particles that are split before it and merged behind it.
//!
//! The path matters: in f32 a node or particle that is close to a change of branch takes the other one
//! now and then, and the derivative of that motion is another. Over more substeps the backend's gradient
//! drifts away from that of the f64 run with its motion, but not from the derivative of that motion.

use super::check::{Check, Plot, Report};
use super::lab::{Lab, MakeSimulator, check_split_and_merged, follow_last_collider};
use crate::agents::{Drive, drive};
use crate::bench::setup::{Setup, rough};
use crate::math::{Differences, Mat3, Vec3};
use crate::model::{Contact, ContactMode, Law, LawKind, Model, Shape};
use crate::mpm::simulator::{Gradient, ObservationCotangent, SimulationError, Simulator};
use crate::mpm::state::{State, split_position};
use crate::mpm::twin::{Twin, gradient_along};
use glam::DQuat;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

/// Against central differences, f64, over the shortest run.
const DIFFERENCES_TOLERANCE: f64 = 1e-6;
/// The backend against the f64 twin, over the shortest run (numerics.md 4).
const BACKEND_TOLERANCE: f64 = 1e-3;
/// The backend against the f64 derivative along its own path, where no branch is another.
const PATH_TOLERANCE: f64 = 1e-4;
/// Steps of the differences, relative to one cell width and one metre a second.
const STEPS: [f64; 5] = [1e-5, 1e-6, 1e-7, 1e-8, 1e-9];

/// Cell width [m], and the radius of the sphere [m].
const WIDTH: f64 = 0.02;
const RADIUS: f64 = 0.04;

/// The block and where the sphere starts [m], and how fast it goes [m/s].
struct Course {
    block: [[f64; 3]; 2],
    start: [f64; 3],
    velocity: [f64; 3],
}

/// Beside the block, so that the sphere pushes it.
const BESIDE: Course = Course {
    block: [[0.0, 0.0, 0.005], [0.08, 0.08, 0.085]],
    start: [-0.045, 0.03, 0.045],
    velocity: [0.4, 0.1, 0.0],
};

/// Along the top of a longer block, pressed into it.
const ALONG: Course = Course {
    block: [[-0.24, 0.0, 0.005], [0.24, 0.08, 0.085]],
    start: [-0.0613, 0.0387, 0.1071],
    velocity: [2.0, 0.1, 0.0],
};

/// A block over rough ground, pushed by a sphere whose influence begins before it touches.
fn pushed(law: Law, friction: f64, course: &Course) -> Model {
    let gradient = [[-0.8, 0.1, 0.5], [0.2, -0.5, 0.0], [0.0, 0.3, -0.6]];
    let velocity = |x: [f64; 3]| {
        std::array::from_fn(|a| {
            let base = [0.0, 0.1, -1.0][a];
            base + (0..3).map(|b| gradient[a][b] * x[b]).sum::<f64>()
        })
    };
    let soft = Contact { mode: ContactMode::Separate, friction: 0.3, softness: WIDTH };
    let model = Setup::new("pushed block", WIDTH)
        .gravity([0.0, 0.0, -9.81])
        .body(1000.0, law, course.block, |_| true)
        .moving(velocity, |_| gradient)
        .plane([0.0, 0.0, 1.0], [0.0; 3], rough(friction))
        .driven_collider(
            Shape::Sphere { radius: RADIUS },
            course.start,
            DQuat::IDENTITY,
            soft,
            course.velocity,
        )
        .build(4.0);
    // At rest and undeformed a liquid is about to part and sand about to yield: a kink, where no
    // difference can be right. Compressed a little, nothing starts there.
    let mut model = Model::clone(&model);
    for (p, f) in model.initial.f.iter_mut().enumerate() {
        let variation = 1e-3 * (p as f64).sin();
        *f = Mat3::diagonal(Vec3([0.994 + variation, 0.991, 0.989 - variation]));
    }
    model
}

/// The block beside the sphere, on one level.
fn uniform(law: Law, friction: f64) -> Arc<Model> {
    Arc::new(pushed(law, friction, &BESIDE))
}

/// The sphere goes along a block, and resolution with it.
fn followed(law: Law) -> Arc<Model> {
    let mut model = pushed(law, 0.4, &ALONG);
    follow_last_collider(&mut model, RADIUS);
    Arc::new(model)
}

/// How the sphere moves in so many substeps.
fn motion(model: &Model, substeps: usize) -> Drive {
    drive(model, &[], substeps.div_ceil(model.substeps_per_control))
}

/// How many particles there are after so many substeps.
fn count_after(model: &Arc<Model>, substeps: usize) -> Result<usize, SimulationError> {
    if !model.levels.changes() {
        return Ok(model.initial.particle_count());
    }
    let mut twin = Twin::<f64>::new(model)?;
    twin.drive(&motion(model, substeps))?;
    twin.forward(0..substeps)?;
    Ok(twin.particle_count())
}

/// Everything that is fixed while derivatives are taken: what is looked at and what is varied.
struct Question {
    /// The objective is the sum of `x · by_x + v · by_v` at the end.
    seed: ObservationCotangent,
    /// Direction of change: positions [cell widths], then velocities [m/s].
    direction: Vec<Vec3<f64>>,
}

impl Question {
    /// About so many particles at the end.
    fn random(model: &Model, end_count: usize) -> Self {
        let count = model.initial.particle_count();
        let mut random = ChaCha8Rng::seed_from_u64(14);
        let mut field = |scale: f64, count: usize| -> Vec<[f64; 3]> {
            let mut vector = || std::array::from_fn(|_| scale * random.random_range(-1.0..1.0));
            (0..count).map(|_| vector()).collect()
        };
        let seed = ObservationCotangent {
            x: field(1.0, end_count),
            v: field(0.01, end_count),
            ..ObservationCotangent::default()
        };
        let direction = field(1.0, 2 * count).into_iter().map(Vec3).collect();
        Self { seed, direction }
    }

    /// Turns the direction towards a gradient, so that the derivative along it is no small
    /// difference of large numbers.
    fn towards(mut self, gradient: &[Vec3<f64>]) -> Self {
        let scale = norm(&self.direction) / norm(gradient);
        for (along, by) in self.direction.iter_mut().zip(gradient) {
            *along += *by * scale;
        }
        self
    }

    /// Gradient of the objective by positions [1/cell width], then by velocities [s/m].
    fn gradient(
        &self,
        make: MakeSimulator,
        model: &Arc<Model>,
        substeps: usize,
    ) -> Result<Vec<Vec3<f64>>, SimulationError> {
        let mut simulator = make(model)?;
        simulator.reserve(1, substeps)?;
        simulator.load(&model.initial)?;
        simulator.drive(&motion(model, substeps))?;
        simulator.forward_recorded(0..substeps)?;
        simulator.begin_reverse()?;
        simulator.seed(&self.seed)?;
        simulator.reverse(0..substeps)?;
        Ok(by_state(model, &simulator.gradient()?))
    }

    /// The same in f64, along the path that a backend takes.
    fn gradient_along_path(
        &self,
        make: MakeSimulator,
        model: &Arc<Model>,
        substeps: usize,
    ) -> Result<Vec<Vec3<f64>>, SimulationError> {
        let drive = motion(model, substeps);
        let mut simulator = make(model)?;
        simulator.load(&model.initial)?;
        simulator.drive(&drive)?;
        let mut path = vec![simulator.read()?];
        for substep in 0..substeps {
            simulator.forward(substep..substep + 1)?;
            path.push(simulator.read()?);
        }
        Ok(by_state(model, &gradient_along(model, &drive, &path, &self.seed)?))
    }

    /// The derivative along the direction by differences of the f64 twin.
    fn by_differences(
        &self,
        model: &Arc<Model>,
        substeps: usize,
    ) -> Result<Differences, SimulationError> {
        let mut twin = Twin::<f64>::new(model)?;
        twin.drive(&motion(model, substeps))?;
        Differences::of(&STEPS, |step| self.objective(&mut twin, model, step, substeps))
    }

    /// The objective after a run from an initial state displaced by `step` times the direction.
    fn objective(
        &self,
        twin: &mut Twin<f64>,
        model: &Model,
        step: f64,
        substeps: usize,
    ) -> Result<f64, SimulationError> {
        let mut state = model.initial.clone();
        let count = state.particle_count();
        for p in 0..count {
            displace(&mut state, p, self.direction[p] * step);
            state.v[p] += self.direction[count + p] * step;
        }
        twin.load(&state)?;
        twin.forward(0..substeps)?;
        twin.observe(0)?;
        let end = twin.observation(0)?;
        if end.x.len() != self.seed.x.len() {
            // So far away others are split or merged: nothing to compare with. Smaller steps count.
            return Ok(f64::NAN);
        }
        let dot = |a: &[[f64; 3]], b: &[[f64; 3]]| {
            a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| a * b).sum::<f64>()
        };
        Ok(dot(&end.x, &self.seed.x) + dot(&end.v, &self.seed.v))
    }
}

/// By positions [1/cell width], then by velocities [s/m].
fn by_state(model: &Model, gradient: &Gradient) -> Vec<Vec3<f64>> {
    let by_cells = gradient.initial.x.iter().map(|x| *x * model.cell_width);
    by_cells.chain(gradient.initial.v.iter().copied()).collect()
}

/// Moves a particle by a number of cells.
fn displace(state: &mut State<f64>, p: usize, cells: Vec3<f64>) {
    for a in 0..3 {
        let (carry, offset) = split_position(state.offset[p][a] + cells[a]);
        state.cell[p][a] += carry;
        state.offset[p][a] = offset;
    }
}

fn dot(a: &[Vec3<f64>], b: &[Vec3<f64>]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a.dot(*b)).sum()
}

fn norm(a: &[Vec3<f64>]) -> f64 {
    dot(a, a).sqrt()
}

/// Relative distance of two gradients.
fn distance(a: &[Vec3<f64>], b: &[Vec3<f64>]) -> f64 {
    let difference: Vec<Vec3<f64>> = a.iter().zip(b).map(|(a, b)| *a - *b).collect();
    norm(&difference) / norm(b)
}

/// Errors of one model, by substeps.
#[derive(Default)]
struct Curves {
    /// The f64 twin against differences.
    twin: Vec<[f64; 2]>,
    /// The backend against the f64 derivative along its own path.
    backend: Vec<[f64; 2]>,
    /// The backend against the f64 twin.
    apart: Vec<[f64; 2]>,
}

impl Curves {
    fn measure(lab: &Lab, model: &Arc<Model>, horizons: &[usize]) -> Result<Self, SimulationError> {
        let mut curves = Self::default();
        for &substeps in horizons {
            let n = substeps as f64;
            let question = Question::random(model, count_after(model, substeps)?);
            let exact = question.gradient(TWIN, model, substeps)?;
            let backend = question.gradient(lab.make, model, substeps)?;
            let along = question.gradient_along_path(lab.make, model, substeps)?;
            let question = question.towards(&exact);
            let differences = question.by_differences(model, substeps)?;
            let derivative = dot(&exact, &question.direction);
            curves.twin.push([n, differences.relative_error(derivative)]);
            curves.backend.push([n, distance(&backend, &along)]);
            curves.apart.push([n, distance(&backend, &exact)]);
        }
        Ok(curves)
    }
}

const TWIN: MakeSimulator = &|model| Ok(Box::new(Twin::<f64>::new(model)?) as Box<dyn Simulator>);

pub fn run(lab: &Lab) -> Result<Report, SimulationError> {
    let horizons: &[usize] = if lab.quick { &[100] } else { &[100, 500, 1000] };
    let mut report = Report::default();
    let mut plot = Plot::new("Error of the gradient", "substeps", "relative error").logarithmic();
    let one_level = LawKind::ALL.iter().map(|&kind| (kind.name().to_owned(), Law::typical(kind)));
    let mut cases: Vec<_> = one_level.map(|(name, law)| (name, uniform(law, 0.4))).collect();
    // What returns to its shape, and what flows, whose children are put on their lattice.
    for kind in [LawKind::Elastic, LawKind::Sand] {
        let model = followed(Law::typical(kind));
        check_split_and_merged(TWIN, &model, horizons[0])?;
        cases.push((format!("{}, three levels", kind.name()), model));
    }
    for (name, model) in &cases {
        let curves = Curves::measure(lab, model, horizons)?;
        report.checks.push(twin_check(name, curves.twin[0][1]));
        report.checks.push(backend_check(name, curves.apart[0][1]));
        report.checks.push(path_check(name, curves.backend[0][1]));
        let list = |curve: &[[f64; 2]]| -> String {
            curve.iter().map(|[n, e]| format!("  {n}: {e:.1e}")).collect()
        };
        report.remarks.push(format!(
            "{name}, error by substeps: twin{}; backend along its path{}; backend against the twin{}",
            list(&curves.twin),
            list(&curves.backend),
            list(&curves.apart)
        ));
        plot = plot.line(&format!("{name}, twin"), curves.twin);
        plot = plot.line(&format!("{name}, backend"), curves.backend);
    }
    let law = Law::typical(LawKind::Elastic);
    let name = law.kind().name();
    let (right, wrong) = (uniform(law, 0.4), uniform(law, 0.3));
    let question = Question::random(&right, right.initial.particle_count());
    let gradient = question.gradient(TWIN, &wrong, 100)?;
    let along = question.gradient_along_path(lab.make, &right, 100)?;
    let apart = distance(&gradient, &along);
    let question = question.towards(&gradient);
    let differences = question.by_differences(&right, 100)?;
    let error = differences.relative_error(dot(&gradient, &question.direction));
    let control = "the gradient of friction 0.3, not 0.4";
    report.checks.push(twin_check(name, error).control(control));
    report.checks.push(path_check(name, apart).control(control));
    report.plot = Some(plot);
    Ok(report)
}

fn twin_check(name: &str, error: f64) -> Check {
    let what = format!("twin against differences, {name}, 100 substeps, relative");
    Check::at_most(&what, error, DIFFERENCES_TOLERANCE)
}

fn backend_check(name: &str, error: f64) -> Check {
    let what = format!("backend against the f64 twin, {name}, 100 substeps, relative");
    Check::at_most(&what, error, BACKEND_TOLERANCE)
}

fn path_check(name: &str, error: f64) -> Check {
    let what = format!("backend against f64 along its path, {name}, 100 substeps, relative");
    Check::at_most(&what, error, PATH_TOLERANCE)
}
