//! The rollout driver on a simulator small enough to be obviously right: point masses on springs.

use softscape::agents::{ColliderPose, Drive, DriveCotangent, PoseCotangent};
use softscape::math::{Mat3, Vec3};
use softscape::model::*;
use softscape::mpm::simulator::*;
use softscape::mpm::state::{Cotangent, NO_MUSCLE, Particles, State, split_position};
use softscape::rollout::*;
use std::ops::Range;
use std::sync::atomic::AtomicBool;

const STIFFNESS: f64 = 9.0;
const SWIRL: f64 = 0.8;

type Point = [Vec3<f64>; 2];

/// Point masses pulled to collider 0 by springs, swirled by its rotation, lifted by activation 0.
struct PointMasses {
    dt: f64,
    cell_width: f64,
    origin: [i32; 3],
    drive: Option<Drive>,
    present: Vec<Point>,
    slots: Vec<Option<Vec<Point>>>,
    segment: usize,
    recorded: Vec<(usize, Vec<Point>)>,
    observations: Vec<Option<Observation>>,
    bar: Vec<Point>,
    drive_bar: DriveCotangent,
    /// Makes every replay differ, to see that it is noticed.
    drifts: bool,
}

impl PointMasses {
    fn new(model: &Model) -> Self {
        Self {
            dt: model.substep_secs,
            cell_width: model.cell_width,
            origin: model.origin,
            drive: None,
            present: vec![],
            slots: vec![],
            segment: 0,
            recorded: vec![],
            observations: vec![],
            bar: vec![],
            drive_bar: DriveCotangent::default(),
            drifts: false,
        }
    }

    fn motion(&self) -> &Drive {
        self.drive.as_ref().expect("driven")
    }

    fn centre(&self, pose: &ColliderPose) -> Vec3<f64> {
        Vec3::from_fn(|a| {
            f64::from(pose.cell[a] - self.origin[a]) * self.cell_width + pose.offset[a]
        })
    }

    fn step(&mut self, substep: usize) {
        let (pose, dt) = (self.motion().poses_at(substep)[0], self.dt);
        let (centre, lift) = (self.centre(&pose), self.motion().activations_at(substep)[0]);
        for [x, v] in &mut self.present {
            let arm = *x - centre;
            let spring = arm * (-STIFFNESS * (1.0 + arm.norm_squared()));
            let swirl = pose.rotation * pose.angular_velocity.cross(arm) * SWIRL;
            let drag = pose.velocity * 0.3;
            *v += (spring + swirl + drag + Vec3([0.0, 0.0, lift * x[0]])) * dt;
            *x += *v * dt;
        }
    }

    fn step_adj(&mut self, substep: usize, before: &[Point]) {
        let (pose, dt) = (self.motion().poses_at(substep)[0], self.dt);
        let (centre, lift) = (self.centre(&pose), self.motion().activations_at(substep)[0]);
        let mut pose_bar = zero_pose();
        let mut lift_bar = 0.0;
        for ([x_bar, v_bar], [x, _]) in self.bar.iter_mut().zip(before) {
            *v_bar += *x_bar * dt;
            let a_bar = *v_bar * dt;
            let arm = *x - centre;
            let mut arm_bar = a_bar * (-STIFFNESS * (1.0 + arm.norm_squared()))
                + arm * (-2.0 * STIFFNESS * arm.dot(a_bar));
            let turned = pose.rotation * pose.angular_velocity.cross(arm) * SWIRL;
            pose_bar.rotation += turned.cross(a_bar);
            let cross_bar = pose.rotation.transpose() * a_bar * SWIRL;
            pose_bar.angular_velocity += arm.cross(cross_bar);
            arm_bar += cross_bar.cross(pose.angular_velocity);
            pose_bar.velocity += a_bar * 0.3;
            lift_bar += a_bar[2] * x[0];
            *x_bar += arm_bar + Vec3([a_bar[2] * lift, 0.0, 0.0]);
            pose_bar.position += -arm_bar;
        }
        let step = substep / self.motion().substeps_per_control;
        self.drive_bar.poses[substep] = pose_bar;
        self.drive_bar.activations[step] += lift_bar;
    }
}

fn zero_pose() -> PoseCotangent {
    let zero = Vec3::zero();
    PoseCotangent { position: zero, rotation: zero, velocity: zero, angular_velocity: zero }
}

type Done = Result<(), SimulationError>;

impl Simulator for PointMasses {
    fn sense_wrenches(&mut self, _on: bool) -> Result<(), SimulationError> {
        Ok(())
    }
    fn wrenches(&mut self) -> Result<Vec<Wrench>, SimulationError> {
        Err(SimulationError::Device("point masses touch nothing".into()))
    }
    fn seed_wrenches(&mut self, _bars: &[Wrench]) -> Result<(), SimulationError> {
        Err(SimulationError::Device("point masses touch nothing".into()))
    }

    fn describe(&self) -> String {
        "point masses".into()
    }
    fn particle_count(&self) -> usize {
        self.present.len()
    }
    fn load(&mut self, state: &State<f64>) -> Done {
        let place = |p| Vec3(state.world_position(p, self.cell_width, self.origin));
        self.present = (0..state.particle_count()).map(|p| [place(p), state.v[p]]).collect();
        Ok(())
    }
    fn read(&mut self) -> Result<State<f64>, SimulationError> {
        unreachable!("the driver observes")
    }
    fn drive(&mut self, drive: &Drive) -> Done {
        self.drive_bar = DriveCotangent {
            poses: vec![zero_pose(); drive.poses.len()],
            births: vec![],
            activations: vec![0.0; drive.activations.len()],
        };
        self.drive = Some(drive.clone());
        Ok(())
    }
    fn forward(&mut self, substeps: Range<usize>) -> Done {
        substeps.for_each(|n| self.step(n));
        Ok(())
    }
    fn reserve(&mut self, checkpoints: usize, segment: usize) -> Done {
        (self.slots, self.segment) = (vec![None; checkpoints], segment);
        Ok(())
    }
    fn state_bytes(&self) -> u64 {
        48 * 5
    }
    fn save(&mut self, slot: usize) -> Done {
        self.slots[slot] = Some(self.present.clone());
        Ok(())
    }
    fn restore(&mut self, slot: usize) -> Done {
        self.present = self.slots[slot].clone().expect("stored");
        if self.drifts {
            self.present[0][0][0] += 1e-15;
        }
        Ok(())
    }
    fn observe(&mut self, index: usize) -> Done {
        let (x, v) = self.present.iter().map(|[x, v]| (x.0, v.0)).unzip();
        self.observations.resize(self.observations.len().max(index + 1), None);
        self.observations[index] = Some(Observation { x, v, ..Observation::default() });
        Ok(())
    }
    fn observation(&mut self, index: usize) -> Result<Observation, SimulationError> {
        // A backend may give an observation away, so that each can be read once.
        Ok(self.observations[index].take().expect("observed, and not yet read"))
    }
    fn forward_recorded(&mut self, substeps: Range<usize>) -> Done {
        for n in substeps {
            self.recorded.push((n, self.present.clone()));
            assert!(self.recorded.len() <= self.segment, "more recorded than reserved");
            self.step(n);
        }
        Ok(())
    }
    fn begin_reverse(&mut self) -> Done {
        self.bar = vec![[Vec3::zero(); 2]; self.present.len()];
        Ok(())
    }
    fn seed(&mut self, seed: &ObservationCotangent) -> Done {
        for (p, [x_bar, v_bar]) in self.bar.iter_mut().enumerate() {
            *x_bar += Vec3(seed.x[p]);
            *v_bar += Vec3(seed.v[p]);
        }
        Ok(())
    }
    fn reverse(&mut self, substeps: Range<usize>) -> Done {
        for n in substeps.rev() {
            let (substep, before) = self.recorded.pop().expect("recorded");
            assert_eq!(substep, n);
            self.step_adj(n, &before);
        }
        Ok(())
    }
    fn gradient(&mut self) -> Result<Gradient, SimulationError> {
        let mut initial = Cotangent::zeros(self.bar.len());
        for (p, [x_bar, v_bar]) in self.bar.iter().enumerate() {
            (initial.x[p], initial.v[p]) = (*x_bar, *v_bar);
        }
        Ok(Gradient {
            initial,
            constants: vec![[0.0; 8]],
            drive: self.drive_bar.clone(),
            rigid: vec![],
        })
    }
    fn fingerprint(&mut self) -> Result<u64, SimulationError> {
        let bits = self.present.iter().flatten().flat_map(|v| v.0.map(f64::to_bits));
        Ok(bits
            .fold(0, |hash: u64, b| (hash.rotate_left(5) ^ b).wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }
    fn peak_bytes(&self) -> u64 {
        0
    }

    fn costs(&mut self) -> Result<Costs, SimulationError> {
        Ok(Costs::default())
    }
}

fn noise(index: usize) -> f64 {
    ((index as f64 + 1.0) * 12.9898).sin()
}

fn model() -> Model {
    const COUNT: usize = 5;
    let h = 0.05;
    let mut initial = State::<f64>::default();
    for p in 0..COUNT {
        let split: [(i32, f64); 3] =
            std::array::from_fn(|a| split_position(0.6 * noise(3 * p + a) / h));
        initial.cell.push(split.map(|s| s.0));
        initial.offset.push(Vec3(split.map(|s| s.1)));
        initial.v.push(Vec3::from_fn(|a| 0.4 * noise(40 + 3 * p + a)));
        initial.c.push(Mat3::zero());
        initial.f.push(Mat3::identity());
        initial.history.push(0.0);
    }
    let channel = |target| ActionChannel { name: "a".into(), target, lower: -3.0, upper: 3.0 };
    Model {
        name: "springs".into(),
        cell_width: h,
        substep_secs: 0.01,
        substeps_per_control: 4,
        gravity: Vec3::zero(),
        origin: [0; 3],
        materials: vec![Material {
            name: "mass".into(),
            density: 1.0,
            law: Law::Liquid { bulk_modulus: 1.0, tension: true },
        }],
        bodies: vec![],
        colliders: vec![Collider {
            name: "hub".into(),
            shape: Shape::Sphere { radius: 0.1 },
            contact: Contact { mode: ContactMode::Sticky, friction: 0.0, softness: 0.0 },
            pose: Pose { position: Vec3([0.1, 0.0, -0.1]), rotation: glam::DQuat::IDENTITY },
            velocity: Vec3::zero(),
            angular_velocity: Vec3([0.2, -0.3, 0.4]),
        }],
        rigid_bodies: vec![],
        emitters: vec![],
        sinks: vec![],
        muscles: vec![Muscle { name: "lift".into(), fibre: Vec3([1.0, 0.0, 0.0]) }],
        actions: vec![
            channel(ActionTarget::LinearVelocity { collider: 0, axis: 0 }),
            channel(ActionTarget::AngularVelocity { collider: 0, axis: 2 }),
            channel(ActionTarget::AngularVelocity { collider: 0, axis: 0 }),
            channel(ActionTarget::Activation { muscle: 0 }),
        ],
        particles: Particles {
            mass: (0..COUNT).map(|p| 1.0 + 0.3 * noise(p)).collect(),
            volume: vec![1.0; COUNT],
            material: vec![0; COUNT],
            body: vec![0; COUNT],
            muscle: vec![NO_MUSCLE; COUNT],
            level: vec![0; COUNT],
            held: vec![],
        },
        initial,
        levels: Levels::uniform(),
    }
}

fn objective() -> Objective {
    let state = |name: &str, weight, measure, when| Term {
        name: name.into(),
        weight,
        kind: TermKind::State { measure, particles: 0..5, when },
    };
    let centre = Measure::CentreToPoint { point: [0.5, 0.2, 0.1], axes: [true; 3] };
    let velocity = Measure::CentreVelocity { direction: [0.0, 0.6, 0.8] };
    let targets = (0..5).map(|p| std::array::from_fn(|a| noise(70 + 3 * p + a))).collect();
    let scale = vec![3.0; 4];
    Objective {
        terms: vec![
            state("centre", 2.0, centre, When::End),
            state("velocity", 0.7, velocity, When::Along),
            state("targets", 0.5, Measure::ParticlesToTargets { targets }, When::Along),
            Term {
                name: "smoothness".into(),
                weight: 0.1,
                kind: TermKind::Controls(ControlMeasure::Smoothness { scale }),
            },
        ],
    }
}

struct Case {
    model: Model,
    controls: Controls,
    objective: Objective,
}

impl Case {
    fn new() -> Self {
        let values = (0..48).map(|i| 2.5 * noise(200 + i)).collect();
        Self {
            model: model(),
            controls: Controls::new(12, 4, values).unwrap(),
            objective: objective(),
        }
    }
    fn rollout(&self) -> Rollout<'_> {
        Rollout {
            model: &self.model,
            initial: &self.model.initial,
            controls: &self.controls,
            objective: &self.objective,
        }
    }
    fn value(&self) -> f64 {
        let mut simulator = PointMasses::new(&self.model);
        evaluate(&mut simulator, self.rollout(), &mut Settings::default()).unwrap().value
    }
    fn gradient(&self, memory_bytes: u64) -> (Outcome, Derivative) {
        let mut simulator = PointMasses::new(&self.model);
        let mut settings = Settings { memory_bytes, check_replay: true, ..Settings::default() };
        differentiate(&mut simulator, self.rollout(), &mut settings).unwrap()
    }
}

#[test]
fn the_gradient_agrees_with_central_differences_in_every_input() {
    const STEP: f64 = 1e-5;
    const TOLERANCE: f64 = 1e-8;
    let case = Case::new();
    let (outcome, derivative) = case.gradient(u64::MAX);
    assert_eq!(outcome.value.to_bits(), case.value().to_bits());
    let scale = derivative.controls.iter().fold(0.0f64, |m, g| m.max(g.abs()));
    let difference = |change: &dyn Fn(&mut Case, f64)| {
        let moved = |by: f64| {
            let mut case = Case::new();
            change(&mut case, by);
            case.value()
        };
        (moved(STEP) - moved(-STEP)) / (2.0 * STEP)
    };
    for i in 0..case.controls.values().len() {
        let d = difference(&|case, by| case.controls.values_mut()[i] += by);
        assert!((d - derivative.controls[i]).abs() < TOLERANCE * scale.max(1.0), "control {i}");
    }
    for (p, a) in (0..5).flat_map(|p| (0..3).map(move |a| (p, a))) {
        let dx =
            difference(&|case, by| case.model.initial.offset[p][a] += by / case.model.cell_width);
        assert!((dx - derivative.initial_x[p][a]).abs() < TOLERANCE, "x of {p}");
        let dv = difference(&|case, by| case.model.initial.v[p][a] += by);
        assert!((dv - derivative.initial_v[p][a]).abs() < TOLERANCE, "v of {p}");
    }
}

#[test]
fn every_budget_gives_the_same_bits() {
    let case = Case::new();
    let (all, most) = case.gradient(u64::MAX);
    assert_eq!(most.replayed_substeps, 0);
    let observations = 9 * 5 * 48;
    let mut replays = Vec::new();
    for states in [2, 3, 5, 9, 20, 40] {
        let (outcome, derivative) = case.gradient(observations + states * 48 * 5);
        assert_eq!(outcome.value.to_bits(), all.value.to_bits());
        assert_eq!(outcome.last.x, all.last.x);
        assert_eq!(derivative.controls, most.controls);
        assert_eq!(derivative.initial_x, most.initial_x);
        assert_eq!(derivative.initial_v, most.initial_v);
        assert!(derivative.checkpoint_bytes <= observations + states * 48 * 5);
        replays.push(derivative.replayed_substeps);
    }
    assert!(replays.is_sorted_by(|a, b| a > b), "{replays:?}");
}

#[test]
fn a_replay_that_differs_is_an_error_with_its_substep() {
    let case = Case::new();
    let mut simulator = PointMasses::new(&case.model);
    simulator.drifts = true;
    let memory_bytes = 9 * 5 * 48 + 10 * 48 * 5;
    let mut settings = Settings { memory_bytes, check_replay: true, ..Settings::default() };
    let error = differentiate(&mut simulator, case.rollout(), &mut settings).unwrap_err();
    assert!(matches!(error, RolloutError::Replay { .. }), "{error}");
}

#[test]
fn progress_runs_from_start_to_end_and_back_and_a_flag_stops_it() {
    let case = Case::new();
    let mut seen = Vec::new();
    let mut note = |progress: Progress| seen.push(progress);
    let mut settings = Settings { progress: Some(&mut note), ..Settings::default() };
    differentiate(&mut PointMasses::new(&case.model), case.rollout(), &mut settings).unwrap();
    let forward: Vec<_> = seen.iter().filter(|p| p.phase == Phase::Forward).collect();
    assert_eq!(forward.last().unwrap().substeps_done, 48);
    assert_eq!(
        seen.last().unwrap(),
        &Progress { phase: Phase::Reverse, substeps_done: 48, substeps: 48 }
    );
    assert!(
        seen.windows(2)
            .all(|w| { w[0].phase != w[1].phase || w[0].substeps_done < w[1].substeps_done })
    );

    let stop = AtomicBool::new(true);
    let mut settings = Settings { cancel: Some(&stop), ..Settings::default() };
    let error =
        evaluate(&mut PointMasses::new(&case.model), case.rollout(), &mut settings).unwrap_err();
    assert!(matches!(error, RolloutError::Cancelled));
}

#[test]
fn too_little_memory_and_bad_controls_are_refused_before_anything_runs() {
    let mut case = Case::new();
    let mut settings = Settings { memory_bytes: 100, ..Settings::default() };
    let mut simulator = PointMasses::new(&case.model);
    let error = differentiate(&mut simulator, case.rollout(), &mut settings).unwrap_err();
    assert!(error.to_string().contains("100 are allowed"), "{error}");
    case.controls.values_mut()[5] = 7.0;
    let error = evaluate(&mut simulator, case.rollout(), &mut Settings::default()).unwrap_err();
    assert!(error.to_string().contains("controls[1, 1]"), "{error}");
    assert!(simulator.present.is_empty());
}
