//! Tasks of scenes: what they resolve to, and what is refused with its place.

use ndarray_npy::NpzWriter;
use softscape::model::{Model, compile};
use softscape::mpm::simulator::Observation;
use softscape::rollout::{Controls, Measure, TermKind, When};
use softscape::scene::{Fidelity, Scene};
use softscape::task::{SearchSpace, Task};
use std::fs::File;
use std::path::{Path, PathBuf};

const WORLD: &str = r#"
format = 1
name = "test"
[world]
cell_width = 0.02
control_secs = 0.02
[[body]]
name = "cube"
material = "jelly"
shape = { type = "box", size = [0.04, 0.04, 0.04] }
position = [0.1, 0.0, 0.5]
[[collider]]
name = "pusher"
shape = { type = "sphere", radius = 0.04 }
position = [-0.2, 0.0, 0.06]
contact = { type = "sticky" }
[[effector]]
collider = "pusher"
vx = { min = -1.0, max = 2.0 }
wz = { min = 0.5, max = 3.0 }
"#;

const TASK: &str = r#"
[task]
horizon = 4
[[task.objective]]
type = "center_of_mass"
body = "cube"
goal = [0.4, 0.0, 0.5]
weight = 3.0
[[task.objective]]
type = "velocity"
body = "cube"
direction = [0.0, 0.6, 0.8]
when = "always"
[[task.objective]]
type = "action_energy"
[task.score]
type = "distance_to_goal"
body = "cube"
goal = [0.4, 0.0, 0.5]
"#;

fn scene(path: &Path, task: &str) -> (Scene, Model) {
    let scene = Scene::parse(path, &format!("{WORLD}{task}")).unwrap();
    let model = compile(&scene, Fidelity::Standard).unwrap();
    (scene, model)
}

fn task(text: &str) -> Result<(Task, Model), String> {
    let (scene, model) = scene(Path::new("test.toml"), text);
    Task::compile(&scene, &model).map(|task| (task, model)).map_err(|error| error.to_string())
}

/// The error of the task after a change of its text, which starts with its place.
fn refused(from: &str, to: &str) -> String {
    assert!(TASK.contains(from), "the test's own text has no {from}");
    let Err(error) = task(&TASK.replace(from, to)) else { panic!("`{to}` was accepted") };
    assert!(error.starts_with("test.toml:"), "no place: {error}");
    error
}

/// Everything moved by a vector.
fn moved(model: &Model, by: [f64; 3]) -> Observation {
    let place = |p| model.initial.world_position(p, model.cell_width, model.origin);
    let count = model.initial.particle_count();
    let x = (0..count).map(|p| std::array::from_fn(|a| place(p)[a] + by[a])).collect();
    Observation { x, v: vec![[0.0; 3]; count], ..Observation::default() }
}

#[test]
fn a_task_resolves_to_terms_bounds_and_a_start_within_them() {
    let start = "[[task.start]]\nchannel = \"pusher.vx\"\nmean = 1.5\namplitude = 1.0\n\
                 period_secs = 0.08\n";
    let (task, model) = task(&format!("{TASK}{start}")).unwrap();
    assert_eq!(task.horizon, 4);
    assert_eq!(task.objective.terms.len(), 3);
    let TermKind::State { measure, particles, when } = &task.objective.terms[1].kind else {
        panic!("a velocity is a state term");
    };
    assert_eq!(*particles, 0..model.initial.particle_count());
    assert_eq!(*when, When::Along);
    assert!(matches!(measure, Measure::CentreVelocity { .. }));
    // A sine at 45, 135, .. degrees around 1.5, cut at 2; the other channel at its nearest to rest.
    let half = 0.5f64.sqrt();
    let expected = [2.0, 2.0, 1.5 - half, 1.5 - half];
    for (step, vx) in expected.into_iter().enumerate() {
        assert!((task.start.action(step)[0] - vx).abs() < 1e-12);
        assert_eq!(task.start.action(step)[1], 0.5);
    }
    assert_eq!(task.search_space(&model).bounds().dimension(), 8);
    task.start.check(&model.actions, Some(4)).unwrap();
}

/// A task of six control steps whose controls repeat after two.
fn cyclic() -> (Task, Model) {
    let start = "[[task.start]]\nchannel = \"pusher.vx\"\nmean = 0.5\namplitude = 0.3\n\
                 period_secs = 0.05\n";
    let text = TASK.replace("horizon = 4", "horizon = 6\ncycle_secs = 0.04");
    task(&format!("{text}{start}")).unwrap()
}

#[test]
fn controls_that_repeat_are_chosen_for_one_cycle() {
    let (task, model) = cyclic();
    assert_eq!(task.cycle, Some(2));
    for step in 2..6 {
        assert_eq!(task.start.action(step), task.start.action(step % 2));
    }
    let space = task.search_space(&model);
    assert_eq!(space.start(), task.start.values()[..4]);
    assert_eq!(space.bounds().dimension(), 4);
    let controls = space.controls(&[0.1, 0.6, 0.2, 0.7]);
    assert_eq!(controls.values(), [0.1, 0.6, 0.2, 0.7].repeat(3));
    // A shorter rollout needs no whole number of cycles.
    let short = space.clone().within(0..3);
    assert_eq!(short.rollout_controls(&[0.1, 0.6, 0.2, 0.7]).values(), &controls.values()[..6]);
    assert_eq!(short.controls(&[0.1, 0.6, 0.2, 0.7]), controls);
}

#[test]
fn the_derivative_by_a_cycle_is_the_adjoint_of_its_repetition() {
    let (task, model) = cyclic();
    for steps in [2, 3, 6] {
        let space = task.search_space(&model).within(0..steps);
        let x_dot: Vec<f64> = (0..4).map(|i| (1.7 * i as f64 + 0.3).sin()).collect();
        let bar: Vec<f64> = (0..2 * steps).map(|i| (0.9 * i as f64 - 1.1).cos()).collect();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        // The map is linear: its tangent is itself.
        let forward = dot(space.rollout_controls(&x_dot).values(), &bar);
        let backward = dot(&x_dot, &space.controls_adj(&bar));
        // Round-off of a dozen products of numbers below one.
        assert!((forward - backward).abs() < 1e-14, "{forward} against {backward}");
    }
}

#[test]
fn held_actions_stay_and_the_rest_is_chosen() {
    let (task, model) = task(TASK).unwrap();
    let base = Controls::new(4, 2, [0.1, 0.5, 0.2, 0.6, 0.3, 0.7, 0.4, 0.8].to_vec()).unwrap();
    let space = SearchSpace::new(&task, &model, &base).unwrap().within(1..3);
    assert_eq!(space.start(), [0.2, 0.6, 0.3, 0.7]);
    assert_eq!(space.bounds().dimension(), 4);
    let x = [1.0, 1.5, -1.0, 2.0];
    let expected = [0.1, 0.5, 1.0, 1.5, -1.0, 2.0, 0.4, 0.8];
    assert_eq!(space.controls(&x).values(), expected);
    assert_eq!(space.rollout_controls(&x).values(), &expected[..6]);
    assert_eq!(space.controls_adj(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), [3.0, 4.0, 5.0, 6.0]);
}

#[test]
fn controls_that_do_not_repeat_are_refused_where_they_have_to() {
    let (task, model) = cyclic();
    let mut base = task.start.clone();
    base.values_mut()[9] = 1.25;
    let error = SearchSpace::new(&task, &model, &base).unwrap_err().to_string();
    assert!(error.contains("controls[4, 1] (`pusher.wz`) is 1.25, but 0.5"), "{error}");
    assert!(error.contains("every 2 control steps"), "{error}");
}

#[test]
fn a_cycle_is_a_whole_number_of_control_steps_within_the_horizon() {
    for secs in ["0.03", "0.0", "-0.04", "0.1", "nan", "inf"] {
        let error = refused("horizon = 4", &format!("horizon = 4\ncycle_secs = {secs}"));
        assert!(error.contains("a whole number of control steps of 0.02 s"), "{error}");
        assert!(error.contains("1 to 4 of them"), "{error}");
    }
}

#[test]
fn a_displacement_term_starts_at_zero_and_falls_along_its_direction() {
    let (from, to) = ("type = \"velocity\"", "type = \"displacement\"");
    let (task, model) = task(&TASK.replace(from, to)).unwrap();
    let mut objective = task.objective.clone();
    objective.terms = vec![objective.terms.swap_remove(1)];
    let value = |by| objective.state_value(&model, &moved(&model, by));
    // Positions of 0.5 m in f64.
    assert!(value([0.0; 3]).abs() < 1e-15);
    assert!((value([0.7, 0.1, 0.2]) + 0.6 * 0.1 + 0.8 * 0.2).abs() < 1e-15);
}

#[test]
fn the_score_is_zero_for_nothing_and_one_at_the_goal() {
    let (task, model) = task(TASK).unwrap();
    let score = |by| task.score.value(&model, &moved(&model, by));
    assert_eq!(score([0.0; 3]), 0.0);
    assert!((score([0.15, 0.0, 0.0]) - 0.5).abs() < 1e-12);
    assert!((score([0.3, 0.0, 0.0]) - 1.0).abs() < 1e-12);
    assert_eq!(score([-0.2, 0.0, 0.0]), 0.0);
}

#[test]
fn a_displacement_scores_as_a_fraction_of_its_reference_and_not_above_one() {
    let objective = &TASK[..TASK.find("[task.score]").unwrap()];
    let score = "[task.score]\ntype = \"displacement\"\nbody = \"cube\"\n\
                 direction = [1.0, 0.0, 0.0]\nreference = 0.2\n";
    let (task, model) = task(&format!("{objective}{score}")).unwrap();
    let score = |by| task.score.value(&model, &moved(&model, by));
    assert!((score([0.05, 3.0, 1.0]) - 0.25).abs() < 1e-12);
    assert_eq!(score([0.7, 0.0, 0.0]), 1.0);
    assert!((task.score.raw(&model, &moved(&model, [0.7, 0.0, 0.0])) - 3.5).abs() < 1e-12);
}

#[test]
fn what_a_task_cannot_mean_is_refused_with_its_place() {
    let unknown = refused(
        "body = \"cube\"\ngoal = [0.4, 0.0, 0.5]\nweight",
        "body = \"cub\"\ngoal = [0.4, 0.0, 0.5]\nweight",
    );
    assert!(unknown.contains("unknown body `cub`, did you mean `cube`?"), "{unknown}");
    let direction = refused("[0.0, 0.6, 0.8]", "[0.0, 2.0, 0.0]");
    assert!(direction.contains("of length 2; it must be of length one"), "{direction}");
    let weight = refused("weight = 3.0", "weight = nan");
    assert!(weight.contains("must be finite"), "{weight}");
    let goal = refused(
        "type = \"distance_to_goal\"\nbody = \"cube\"\ngoal = [0.4, 0.0, 0.5]",
        "type = \"distance_to_goal\"\nbody = \"cube\"\ngoal = [inf, 0.0, 0.5]",
    );
    assert!(goal.contains("must be finite"), "{goal}");
    let success = refused("horizon = 4", "horizon = 4\nsuccess = 1.5");
    assert!(success.contains("`success` is 1.5"), "{success}");
    let stages = refused("horizon = 4", "horizon = 4\nstages = 5");
    assert!(stages.contains("`stages` is 5; 1 to 4 are allowed"), "{stages}");
    let channel =
        refused("horizon = 4", "horizon = 4\nstart = [{ channel = \"pusher.vy\", mean = 0.0 }]");
    assert!(channel.contains("unknown action channel `pusher.vy`"), "{channel}");
}

#[test]
fn a_scene_without_a_task_says_so() {
    let (scene, model) = scene(Path::new("test.toml"), "");
    let error = Task::compile(&scene, &model).unwrap_err();
    assert!(error.to_string().contains("no `[task]`"), "{error}");
}

/// A scene beside a file `target.npz`, with one term that reads it.
fn with_target(
    folder: &Path,
    term: &str,
    fill: impl FnOnce(&mut NpzWriter<File>),
) -> (Scene, Model) {
    let mut npz = NpzWriter::new(File::create(folder.join("target.npz")).unwrap());
    fill(&mut npz);
    npz.finish().unwrap();
    let score = &TASK[TASK.find("[task.score]").unwrap()..];
    let text = format!(
        "[task]\nhorizon = 2\n[[task.objective]]\ntype = \"{term}\"\nbody = \"cube\"\n\
         file = \"target.npz\"\n{score}"
    );
    let path: PathBuf = folder.join("scene.toml");
    scene(&path, &text)
}

#[test]
fn targets_are_read_beside_the_scene_and_must_fit_the_body() {
    let folder = tempfile::tempdir().unwrap();
    let count = 64;
    let targets = ndarray::Array2::from_shape_fn((count, 3), |(p, a)| (3 * p + a) as f64);
    let (scene, model) = with_target(folder.path(), "target_positions", |npz| {
        npz.add_array("x", &targets).unwrap();
    });
    assert_eq!(model.initial.particle_count(), count);
    let task = Task::compile(&scene, &model).unwrap();
    let TermKind::State { measure: Measure::ParticlesToTargets { targets }, .. } =
        &task.objective.terms[0].kind
    else {
        panic!("targets expected");
    };
    assert_eq!(targets[2], [6.0, 7.0, 8.0]);

    let (scene, model) = with_target(folder.path(), "target_positions", |npz| {
        npz.add_array("x", &ndarray::Array2::<f64>::zeros((5, 3))).unwrap();
    });
    let error = Task::compile(&scene, &model).unwrap_err().to_string();
    assert!(error.contains("expected shape [64, 3], found [5, 3]"), "{error}");
    std::fs::remove_file(folder.path().join("target.npz")).unwrap();
    let error = Task::compile(&scene, &model).unwrap_err().to_string();
    assert!(error.contains("target.npz") && error.contains("cannot read"), "{error}");
}

#[test]
fn a_density_target_is_read_with_its_grid() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, model) = with_target(folder.path(), "density_grid", |npz| {
        let mass =
            ndarray::Array3::from_shape_fn((2, 3, 4), |(i, j, k)| (i + 10 * j + 100 * k) as f64);
        npz.add_array("mass", &mass).unwrap();
        npz.add_array("origin", &ndarray::arr1(&[0.1, 0.2, 0.3])).unwrap();
        npz.add_array("cell_width", &ndarray::arr0(0.05)).unwrap();
    });
    let task = Task::compile(&scene, &model).unwrap();
    let TermKind::State { measure: Measure::Density(target), .. } = &task.objective.terms[0].kind
    else {
        panic!("a density expected");
    };
    assert_eq!((target.grid.node_counts, target.grid.cell_width), ([2, 3, 4], 0.05));
    assert_eq!(target.node_mass[(3 + 2) * 4 + 1], 1.0 + 10.0 * 2.0 + 100.0);
}
