//! `softscape gradient` and `softscape optimize` as a user runs them, on a task of a second.

use crate::common::npz;
use ndarray::Array2;
use ndarray_npy::NpzWriter;
use serde_json::Value;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};

const TASK: &str = r#"
format = 1
[world]
cell_width = 0.02
control_secs = 0.01
gravity = [0.0, 0.0, 0.0]
[[body]]
name = "cube"
material = "jelly"
shape = { type = "box", size = [0.06, 0.06, 0.06] }
position = [0.0, 0.0, 0.05]
[[collider]]
name = "pusher"
shape = { type = "sphere", radius = 0.04 }
position = [-0.075, 0.0, 0.05]
contact = { type = "separate", friction = 0.5 }
softness = 0.02
[[effector]]
collider = "pusher"
vx = { min = -1.0, max = 1.0 }
vy = { min = -1.0, max = 1.0 }
[task]
horizon = 8
[[task.objective]]
type = "center_of_mass"
body = "cube"
goal = [0.03, 0.005, 0.05]
weight = 1000.0
[[task.objective]]
type = "action_energy"
weight = 0.01
[[task.start]]
channel = "pusher.vx"
mean = 0.2
[task.score]
type = "distance_to_goal"
body = "cube"
goal = [0.03, 0.005, 0.05]
"#;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("task.toml"), TASK).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, words: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_softscape"))
            .current_dir(self.0.path())
            .args(words.split_whitespace())
            .output()
            .unwrap()
    }

    /// The JSON lines of a command that succeeds.
    fn run(&self, words: &str) -> Vec<Value> {
        let output = self.command(&format!("--json {words}"));
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{words}: {err}");
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The error of a command that fails, on one line.
    fn fail(&self, words: &str) -> String {
        let output = self.command(words);
        assert_eq!(output.status.code(), Some(1), "{words}");
        let words: Vec<_> = text(&output.stderr).split_whitespace().map(str::to_owned).collect();
        words.join(" ").replace("│ ", "")
    }

    /// The log of a run without its times.
    fn log(&self, run: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path(run).join("log.jsonl")).unwrap();
        let mut lines: Vec<Value> =
            text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        for line in &mut lines {
            line.as_object_mut().unwrap().retain(|key, _| !key.starts_with("secs"));
        }
        lines
    }

    fn controls(&self, run: &str) -> Array2<f64> {
        npz(self.path(run).join("best-controls.npz")).by_name("controls").unwrap()
    }

    fn best(&self, run: &str) -> Vec<u8> {
        fs::read(self.path(run).join("best-controls.npz")).unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn write_controls(path: &Path, controls: &Array2<f64>) {
    let mut npz = NpzWriter::new(File::create(path).unwrap());
    npz.add_array("controls", controls).unwrap();
    npz.finish().unwrap();
}

#[test]
fn a_run_that_was_cut_and_resumed_or_repeated_from_its_file_gives_the_same_log_and_the_same_best() {
    let folder = Folder::new();
    for (optimizer, more) in
        [("adam", ""), ("cma-es", ""), ("adam", "--spread 0.3"), ("cma-es", "--stages 3 --freeze")]
    {
        let options = format!("--device cpu --optimizer {optimizer} {more} --seed 3 --iterations");
        let optimizer = format!("{optimizer}{}", more.replace(' ', ""));
        let whole = folder.run(&format!("optimize task.toml {options} 6 --out {optimizer}-whole"));
        assert_eq!(whole[0]["iterations"], 6);
        // Interrupted by time before the first iteration could be its last.
        folder
            .run(&format!("optimize task.toml {options} 6 --wall-secs 1e-9 --out {optimizer}-cut"));
        assert_eq!(folder.log(&format!("{optimizer}-cut")).len(), 1);
        folder.run(&format!("optimize --resume {optimizer}-cut --wall-secs 1000"));
        assert_eq!(
            folder.log(&format!("{optimizer}-cut")),
            folder.log(&format!("{optimizer}-whole"))
        );
        assert_eq!(
            folder.best(&format!("{optimizer}-cut")),
            folder.best(&format!("{optimizer}-whole"))
        );
        folder.run(&format!("optimize {optimizer}-whole/run.toml --out {optimizer}-again"));
        assert_eq!(
            folder.log(&format!("{optimizer}-again")),
            folder.log(&format!("{optimizer}-whole"))
        );
        let picture = image::open(folder.path(&format!("{optimizer}-whole")).join("curve.png"));
        assert!(picture.unwrap().width() > 100);
    }
}

#[test]
fn a_spread_moves_the_start_by_the_seed_within_the_bounds() {
    let folder = Folder::new();
    let start = |more: &str, name: &str| -> Array2<f64> {
        folder.run(&format!("optimize task.toml --device cpu --iterations 1 {more} --out {name}"));
        npz(folder.path(name).join("start-controls.npz")).by_name("controls").unwrap()
    };
    let plain = start("", "plain");
    let spread = start("--spread 0.2 --seed 1", "spread");
    assert_eq!(spread, start("--spread 0.2 --seed 1", "again"));
    assert_ne!(spread, start("--spread 0.2 --seed 2", "other"));
    assert_ne!(spread, plain);
    let refused = folder.fail("optimize task.toml --device cpu --spread=-1 --out refused");
    assert!(refused.contains("--spread"), "{refused}");
}

#[test]
fn a_horizon_grows_by_stages_and_frozen_actions_stay_as_an_earlier_stage_left_them() {
    let folder = Folder::new();
    let optimize = "optimize task.toml --device cpu --iterations 6 --stages 2";
    let record = folder.run(&format!("{optimize} --freeze --out frozen")).remove(0);
    folder.run(&format!("{optimize} --out free"));
    let steps: Vec<_> =
        folder.log("frozen").iter().map(|line| line["control_steps"].as_u64().unwrap()).collect();
    assert_eq!(steps, [4, 4, 4, 8, 8, 8]);
    assert_eq!(record["control_steps"], 8);
    // What was best in the last stage: that of shorter horizons does not compare.
    assert!(record["best_iteration"].as_u64().unwrap() >= 3, "{record}");

    // The task may say it instead.
    fs::write(folder.path("staged.toml"), TASK.replace("horizon = 8", "horizon = 8\nstages = 2"))
        .unwrap();
    folder.run("optimize staged.toml --device cpu --iterations 6 --out staged");
    assert_eq!(folder.log("staged"), folder.log("free"));

    // The first stage alone, as a whole run, chooses what the frozen one keeps.
    let text = TASK.replace("horizon = 8", "horizon = 4");
    fs::write(folder.path("short.toml"), text).unwrap();
    folder.run("optimize short.toml --device cpu --iterations 3 --out short");
    let (short, frozen) = (folder.controls("short"), folder.controls("frozen"));
    assert_eq!(short, frozen.slice(ndarray::s![..4, ..]));
    assert_ne!(short, folder.controls("free").slice(ndarray::s![..4, ..]));
}

#[test]
fn a_cycle_is_optimised_as_one_and_its_controls_repeat() {
    let folder = Folder::new();
    let text = TASK.replace("horizon = 8", "horizon = 8\ncycle_secs = 0.03");
    fs::write(folder.path("task.toml"), text).unwrap();
    let record = folder.run("optimize task.toml --device cpu --iterations 8 --out run").remove(0);
    let log = folder.log("run");
    assert!(record["objective"].as_f64().unwrap() < log[0]["value"].as_f64().unwrap());
    let controls = folder.controls("run");
    assert_eq!(controls.dim(), (8, 2));
    for step in 3..8 {
        assert_eq!(controls.row(step), controls.row(step % 3));
    }
    assert_ne!(controls.row(0), controls.row(1));

    let error = folder.fail("optimize task.toml --stages 2 --freeze --out other");
    assert!(error.contains("--freeze: given, but the task's controls repeat"), "{error}");
    let mut other = controls.clone();
    other[[5, 0]] += 0.01;
    write_controls(&folder.path("c.npz"), &other);
    let error = folder.fail("optimize task.toml --controls c.npz --out other");
    assert!(error.contains("c.npz: controls[5, 0] (`pusher.vx`)"), "{error}");
    assert!(error.contains("repeat every 3 control steps"), "{error}");
}

#[test]
fn the_highest_score_is_kept_beside_the_best_objective() {
    let folder = Folder::new();
    // Energy counts for more than the goal: the least objective is to do nothing.
    let text = TASK.replace("weight = 0.01", "weight = 1000.0");
    fs::write(folder.path("task.toml"), text).unwrap();
    let record = folder.run("optimize task.toml --device cpu --iterations 5 --out run").remove(0);
    let log = folder.log("run");
    let scores: Vec<_> = log.iter().map(|line| line["score_unclamped"].as_f64().unwrap()).collect();
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    assert_eq!(record["highest_score_unclamped"], highest);
    let iteration = record["highest_score_iteration"].as_u64().unwrap() as usize;
    assert_eq!(scores[iteration], highest);
    let score = record["score_unclamped"].as_f64().unwrap();
    assert!(score < highest, "the best objective, {score}, has the highest score");
    let again = folder
        .run("gradient task.toml --device cpu --controls run/highest-score-controls.npz")
        .remove(0);
    assert_eq!(again["score"].as_f64().unwrap(), highest.clamp(0.0, 1.0));
}

#[test]
fn an_optimisation_lowers_the_objective_and_says_how_far_it_came() {
    let folder = Folder::new();
    let record = folder
        .run("optimize task.toml --device cpu --iterations 12 --learning-rate 0.2 --out run")
        .remove(0);
    let log = folder.log("run");
    let (first, last) = (log[0]["value"].as_f64().unwrap(), record["objective"].as_f64().unwrap());
    assert!(last < 0.5 * first, "{first} to {last}");
    assert_eq!(record["objective"], log.last().unwrap()["best"]);
    let best = record["best_iteration"].as_u64().unwrap() as usize;
    assert_eq!(log[best]["value"], record["objective"]);
    assert_eq!(log[best]["score"], record["score"]);
    // What was best is what its controls give.
    let again =
        folder.run("gradient task.toml --device cpu --controls run/best-controls.npz").remove(0);
    assert_eq!(again["objective"], record["objective"]);
    assert_eq!(again["score"], record["score"]);
}

#[test]
fn a_step_that_breaks_the_simulation_is_taken_back_and_the_search_goes_on() {
    let folder = Folder::new();
    // The pusher may be faster than the substep was made for.
    let text = TASK
        .replace("vx = { min = -1.0, max = 1.0 }", "vx = { min = -300.0, max = 300.0 }")
        .replace("control_secs = 0.01", "control_secs = 0.01\nmax_speed = 1.0");
    fs::write(folder.path("task.toml"), text).unwrap();
    let record = folder.run("optimize task.toml --device cpu --iterations 12 --out run").remove(0);
    let log = folder.log("run");
    assert_eq!(log.len(), 12);
    let broke = |line: &Value| line["broke"].as_str().is_some_and(|b| b.contains("diverged"));
    let first = log.iter().position(broke).expect("a step that breaks the simulation");
    assert!(log[first]["value"].is_null() && log[first]["score"].is_null());
    assert!(log[first..].iter().any(|line| line["value"].is_f64()), "it never came back");
    assert_eq!(record["objective"], log.last().unwrap()["best"]);
    folder.run("gradient task.toml --device cpu --controls run/best-controls.npz");
}

#[test]
fn a_task_that_breaks_at_its_start_says_how() {
    let folder = Folder::new();
    let text = TASK
        .replace("vx = { min = -1.0, max = 1.0 }", "vx = { min = -300.0, max = 300.0 }")
        .replace("control_secs = 0.01", "control_secs = 0.01\nmax_speed = 1.0")
        .replace("mean = 0.2", "mean = 250.0");
    fs::write(folder.path("task.toml"), text).unwrap();
    let error = folder.fail("optimize task.toml --device cpu --iterations 12 --out run");
    assert!(error.contains("iteration 0: particle") && error.contains("diverged"), "{error}");
}

#[test]
fn the_gradient_is_written_and_holds_against_differences() {
    // f64 against differences of f64 (numerics.md 4).
    const TOLERANCE: f64 = 1e-6;
    let folder = Folder::new();
    let mut moving = Array2::zeros((8, 2));
    moving.column_mut(0).fill(0.4);
    moving[[3, 1]] = -0.2;
    write_controls(&folder.path("c.npz"), &moving);
    let records = folder.run(
        "gradient task.toml --device cpu --precision f64 --controls c.npz --out g.npz --check 2",
    );
    assert_eq!(records.len(), 1 + 3 * 2);
    for record in &records[1..] {
        let error = record["relative_error"].as_f64().unwrap();
        assert!(error < TOLERANCE, "{record}");
    }
    let mut npz = npz(folder.path("g.npz"));
    let by_controls: Array2<f64> = npz.by_name("by_controls").unwrap();
    let norm = by_controls.iter().map(|g| g * g).sum::<f64>().sqrt();
    assert_eq!(records[0]["norm_by_controls"].as_f64().unwrap(), norm);
    let by_x: Array2<f64> = npz.by_name("by_initial_x").unwrap();
    assert_eq!(by_x.dim(), (records[0]["particles"].as_u64().unwrap() as usize, 3));
    let names = npz.names().unwrap();
    assert!(names.iter().any(|n| n == "by_jelly_young_modulus"), "{names:?}");
}

#[test]
fn bad_input_is_one_error_that_says_where_and_what_is_allowed() {
    let folder = Folder::new();
    let controls = folder.path("c.npz");
    let gradient = "gradient task.toml --device cpu --controls c.npz";
    assert!(folder.fail(gradient).contains("c.npz"));
    write_controls(&controls, &Array2::zeros((5, 2)));
    let error = folder.fail(gradient);
    assert!(error.contains("controls are 5 x 2, but 8 x 2"), "{error}");
    let mut bad = Array2::zeros((8, 2));
    bad[[2, 1]] = f64::NAN;
    write_controls(&controls, &bad);
    let error = folder.fail(gradient);
    assert!(error.contains("controls[2, 1] (`pusher.vy`) is NaN"), "{error}");
    bad[[2, 1]] = 4.0;
    write_controls(&controls, &bad);
    let error = folder.fail(gradient);
    assert!(error.contains("is 4, outside [-1, 1]"), "{error}");

    folder.run("optimize task.toml --device cpu --iterations 1 --out run");
    let error = folder.fail("optimize task.toml --device cpu --out run");
    assert!(error.contains("holds a run already"), "{error}");
    let error = folder.fail("optimize task.toml --iterations 3 --stages 4 --out other");
    assert!(error.contains("--iterations: 3 given for 4 stages"), "{error}");
    let error = folder.fail("optimize task.toml --freeze --out other");
    assert!(error.contains("--freeze: given, but there is one stage"), "{error}");
    let error = folder.fail("optimize task.toml --stages 9 --out other");
    assert!(error.contains("for a horizon of 8 control steps"), "{error}");
    let error = folder.fail("optimize --resume nowhere");
    assert!(error.contains("nowhere/run.toml"), "{error}");
    let error = folder.fail("optimize task.toml --learning-rate=-1 --out other");
    assert!(error.contains("learning_rate is -1"), "{error}");
    assert!(!folder.path("other").exists(), "a run that cannot begin leaves nothing");
    fs::write(folder.path("task.toml"), TASK.replace("horizon = 8", "horizon = 9")).unwrap();
    let error = folder.fail("optimize --resume run");
    assert!(error.contains("has changed since"), "{error}");
}
