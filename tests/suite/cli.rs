//! The program as a user meets it: outputs, exit codes, and one clear error for each bad input.

use crate::common::npz;
use ndarray::{Array0, Array1, Array2, Array3};
use ndarray_npy::NpzWriter;
use serde_json::Value;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A jelly cube of 64 particles falls on a floor; a paddle can be driven along x.
const SCENE: &str = r#"
format = 1
[world]
cell_width = 0.05
control_secs = 0.01
duration_secs = 0.05
[[body]]
name = "cube"
material = "jelly"
shape = { type = "box", size = [0.1, 0.1, 0.1] }
position = [0.0, 0.0, 0.1]
[[collider]]
name = "floor"
shape = { type = "half_space" }
contact = { type = "separate", friction = 0.4 }
[[collider]]
name = "paddle"
shape = { type = "sphere", radius = 0.05 }
position = [-0.2, 0.0, 0.1]
contact = { type = "separate" }
softness = 0.05
[[effector]]
collider = "paddle"
vx = { min = -1.0, max = 1.0 }
"#;

/// The same as a task.
const TASK: &str = r#"
[task]
horizon = 4
[[task.objective]]
type = "center_of_mass"
body = "cube"
goal = [0.1, 0.0, 0.05]
weight = 1.0
[task.score]
type = "distance_to_goal"
body = "cube"
goal = [0.1, 0.0, 0.05]
"#;

/// A folder with `scene.toml` and `task.toml`.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().expect("a temporary folder"));
        fs::write(desk.path("scene.toml"), SCENE).expect("a scene");
        fs::write(desk.path("task.toml"), format!("{SCENE}{TASK}")).expect("a task");
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_softscape"));
        command.current_dir(self.0.path()).args(words.split_whitespace());
        command
    }

    fn run(&self, words: &str) -> Output {
        self.command(words).output().expect("the program starts")
    }

    /// Runs to success and returns the JSON lines.
    fn json(&self, words: &str) -> Vec<Value> {
        let output = self.run(&format!("{words} --json"));
        assert!(output.status.success(), "{words}: {}", text(&output.stderr));
        let lines = text(&output.stdout);
        let parse = |line| serde_json::from_str(line).expect("standard output is JSON lines");
        lines.lines().map(parse).collect()
    }

    /// Runs to failure: exit code 1, no panic, nothing on standard output. The error.
    fn error(&self, words: &str) -> String {
        let output = self.run(words);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{words}: {error}");
        assert!(!error.contains("panicked"), "{words}: {error}");
        assert_eq!(text(&output.stdout), "", "{words}");
        plain(&error)
    }

    /// Files in the folder, but the two it began with.
    fn made(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).expect("the folder");
        let names =
            entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> =
            names.filter(|n| n != "scene.toml" && n != "task.toml").collect();
        names.sort();
        names
    }

    /// Writes a scene with one passage replaced.
    fn changed(&self, found: &str, replacement: &str) -> &'static str {
        assert!(SCENE.contains(found), "{found}");
        fs::write(self.path("changed.toml"), SCENE.replace(found, replacement)).expect("a scene");
        "changed.toml"
    }

    fn controls(&self, name: &str, controls: &Array2<f64>) {
        let mut npz = NpzWriter::new(File::create(self.path(name)).expect("a file"));
        npz.add_array("controls", controls).expect("an array");
        npz.finish().expect("an npz");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// An error without the frame and the line breaks that fit it to a terminal.
fn plain(error: &str) -> String {
    let words = error.split_whitespace().filter(|w| !matches!(*w, "│" | "×" | "╰─▶" | "├─▶"));
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn run_writes_a_state_that_numpy_reads_and_one_json_line() {
    let desk = Desk::new();
    let high = "position = [0.0, 0.0, 0.5]\n[[coll";
    let scene = desk.changed("position = [0.0, 0.0, 0.1]\n[[coll", high);
    let lines = desk.json(&format!("run {scene} --device cpu --substeps 20 --out state.npz"));
    let [record] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(record["particles"], 64);
    assert_eq!(record["substeps"], 20);
    assert_eq!(record["interrupted"], false);
    let finite = [
        "wall_secs",
        "particle_substeps_per_sec",
        "mass",
        "kinetic_energy",
        "potential_energy",
        "elastic_energy",
        "time_secs",
    ];
    for key in finite {
        assert!(record[key].as_f64().is_some_and(f64::is_finite), "{key}: {}", record[key]);
    }
    assert!(record["peak_bytes"].as_u64().is_some_and(|bytes| bytes > 0));
    assert_eq!(desk.made(), ["changed.toml", "state.npz"]);
    // A cube that falls freely stays at rest in itself.
    let [least, largest] = [0, 1].map(|n| record["stretches"]["cube"][n].as_f64().unwrap());
    assert!(least <= largest && least > 0.9999 && largest < 1.0001, "{least} {largest}");

    let mut state = npz(desk.path("state.npz"));
    let x: Array2<f64> = state.by_name("x").expect("x");
    let v: Array2<f64> = state.by_name("v").expect("v");
    let f: Array3<f64> = state.by_name("F").expect("F");
    let c: Array3<f64> = state.by_name("C").expect("C");
    let j: Array1<f64> = state.by_name("J").expect("J");
    let mass: Array1<f64> = state.by_name("mass").expect("mass");
    let volume: Array1<f64> = state.by_name("volume").expect("volume");
    let material: Array1<u32> = state.by_name("material").expect("material");
    let time: Array0<f64> = state.by_name("time").expect("time");
    assert_eq!((x.dim(), v.dim()), ((64, 3), (64, 3)));
    assert_eq!((f.dim(), c.dim()), ((64, 3, 3), (64, 3, 3)));
    assert_eq!((j.len(), volume.len(), material.len()), (64, 64, 64));
    assert!((mass.sum() - record["mass"].as_f64().unwrap_or(0.0)).abs() < 1e-9);
    // Far above the floor it falls freely: v = g t, and the centre has sunk by g t (t + dt)/2.
    let t = time.into_scalar();
    let sunk = 0.5 * 9.81 * t * (t + t / 20.0);
    assert!((v.column(2).mean().expect("particles") + 9.81 * t).abs() < 1e-4);
    assert!((x.column(2).mean().expect("particles") - (0.5 - sunk)).abs() < 1e-4);
}

#[test]
fn frames_are_written_for_every_control_step_and_the_start() {
    let desk = Desk::new();
    let lines = desk.json("run scene.toml --device cpu --secs 0.03 --frames frames");
    assert!((lines[0]["time_secs"].as_f64().unwrap_or(0.0) - 0.03).abs() < 1e-9);
    let times: Vec<f64> = (0..=3)
        .map(|i| {
            let time: Array0<f64> =
                npz(desk.path(&format!("frames/frame-{i:06}.npz"))).by_name("time").expect("time");
            time.into_scalar()
        })
        .collect();
    for (i, time) in times.iter().enumerate() {
        assert!((time - 0.01 * i as f64).abs() < 1e-9, "{times:?}");
    }
    assert!(!desk.path("frames/frame-000004.npz").exists());
}

#[test]
fn single_and_double_precision_agree_to_round_off() {
    let desk = Desk::new();
    let read = |name: &str| -> Array2<f64> { npz(desk.path(name)).by_name("x").expect("x") };
    desk.json("run scene.toml --device cpu --precision f32 --out a.npz");
    desk.json("run scene.toml --device cpu --precision f64 --out b.npz");
    let worst = (read("a.npz") - read("b.npz")).iter().fold(0.0f64, |m, d| m.max(d.abs()));
    assert!(worst > 0.0 && worst < 1e-5, "{worst} m");
}

#[test]
fn what_comes_and_goes_is_told_and_only_what_is_there_is_written() {
    let desk = Desk::new();
    // The cube falls into the drain while a nozzle still pours.
    let pour = "
[[emitter]]
name = \"nozzle\"
material = \"jelly\"
opening = { type = \"disc\", radius = 0.04 }
position = [0.3, 0.0, 0.3]
speed = 1.0
[[sink]]
name = \"drain\"
region = { type = \"sphere\", radius = 0.04 }
position = [0.0, 0.0, 0.1]
";
    fs::write(desk.path("pour.toml"), format!("{SCENE}{pour}")).expect("a scene");
    let report = &desk.json("run pour.toml --out end.npz --secs 0.07")[0];
    let mut npz = npz(desk.path("end.npz"));
    let mut integers =
        |name: &str| npz.by_name::<ndarray::OwnedRepr<i64>, ndarray::Ix1>(name).unwrap();
    let ids = integers("id");
    let x: Array2<f64> = npz.by_name("x").unwrap();
    let mass: Array1<f64> = npz.by_name("mass").unwrap();
    assert_eq!(x.shape(), [ids.len(), 3]);
    assert_eq!(report["particles"], ids.len());
    assert!(x.iter().all(|c| c.is_finite()));
    assert!((report["mass"].as_f64().unwrap() - mass.sum()).abs() < 1e-12);
    let drained = report["drained"][0].as_f64().unwrap();
    assert!(drained > 0.0, "{report}");
    let gone = (0..64).filter(|id| !ids.iter().any(|present| present == id)).count();
    // A jelly of 1000 kg/m³ in eighths of a cell.
    assert!((drained - gone as f64 * 0.05f64.powi(3) / 8.0 * 1000.0).abs() < 1e-9, "{report}");
    assert!(ids.iter().any(|&id| id >= 64), "nothing came");
    let output = desk.run("run pour.toml --secs 0.07");
    assert!(text(&output.stderr).contains("stop with the scene, after 0.05 s"));
    let error = desk.error("run pour.toml --observe seen.npz");
    assert!(error.contains("come") && error.contains("--observe-map"), "{error}");
}

#[test]
fn controls_move_the_effector() {
    let desk = Desk::new();
    desk.controls("push.npz", &Array2::from_elem((20, 1), 1.0));
    let momentum = |words: &str| desk.json(words)[0]["momentum"][0].as_f64().unwrap_or(f64::NAN);
    let idle = momentum("run scene.toml --device cpu --secs 0.2");
    let pushed = momentum("run scene.toml --device cpu --secs 0.2 --controls push.npz");
    assert!(idle.abs() < 1e-4 && pushed > 0.05, "{idle} without, {pushed} with");
}

#[test]
fn inspect_devices_and_schema_answer_in_json() {
    let desk = Desk::new();
    let summary = &desk.json("inspect scene.toml")[0];
    assert_eq!(summary["particle_count"], 64);
    assert!(summary["substep_secs"].as_f64().is_some_and(|dt| dt > 0.0));
    let devices = desk.json("devices");
    assert_eq!(devices[0]["device"], "cpu");
    assert!(devices.last().is_some_and(|line| line["auto"].is_string()));
    assert!(desk.json("schema")[0]["properties"]["body"].is_object());
}

#[test]
fn a_gradient_is_written_and_agrees_with_differences() {
    let desk = Desk::new();
    let record =
        &desk.json("gradient task.toml --device cpu --precision f64 --out g.npz --check 2")[0];
    assert!(record["forward_secs"].as_f64().is_some_and(|s| s > 0.0), "{record}");
    let by_controls: Array2<f64> =
        npz(desk.path("g.npz")).by_name("by_controls").expect("by_controls");
    assert_eq!(by_controls.dim(), (4, 1));
}

#[test]
fn an_optimisation_leaves_a_run_directory() {
    let desk = Desk::new();
    desk.json("optimize task.toml --device cpu --iterations 3 --out run");
    for file in ["run/best-controls.npz", "run/log.jsonl", "run/curve.png", "run/run.toml"] {
        assert!(desk.path(file).exists(), "{file}");
    }
    let log = fs::read_to_string(desk.path("run/log.jsonl")).expect("a log");
    assert!(log.lines().count() >= 3, "{log}");
}

#[test]
fn a_picture_is_made_without_a_window() {
    let desk = Desk::new();
    desk.json("render scene.toml --device cpu --substeps 5 --out a.png --size 160x120");
    let image = image::open(desk.path("a.png")).expect("a picture");
    assert_eq!((image.width(), image.height()), (160, 120));
}

#[test]
fn a_strip_shows_start_to_end_below_one_another() {
    let desk = Desk::new();
    let render = |more: &str| {
        desk.json(&format!("render scene.toml --device cpu --size 160x90 {more}"));
    };
    render("--substeps 40 --strip 3 --out strip.png");
    let strip = image::open(desk.path("strip.png")).expect("a picture").to_rgba8();
    assert_eq!(strip.dimensions(), (160, 270));
    let row = |k: u32| image::imageops::crop_imm(&strip, 0, 90 * k, 160, 90).to_image();
    assert_ne!(row(0), row(1));
    assert_ne!(row(1), row(2));
    assert!(desk.error("render scene.toml --strip 3 --out a.mp4").contains("a strip is a .png"));
    let error = desk.error("render scene.toml --strip 32 --size 100x1000 --out a.png");
    assert!(error.contains("together 8192 are allowed"), "{error}");
}

#[test]
fn one_law_is_validated_with_its_control() {
    let desk = Desk::new();
    let lines = desk.json("validate --quick --only 15 --report laws.html");
    let page = fs::read_to_string(desk.path("laws.html")).expect("a page");
    assert!(page.contains("1 of 1 laws hold") && page.contains("rejected, as it must be"));
    assert!(desk.error("validate --report missing/laws.html").contains("directory does not exist"));
    let controls = lines.iter().filter(|line| line["control"].is_string()).count();
    assert!(controls > 0 && lines.iter().all(|line| line["passed"] == true), "{lines:?}");
    assert!(desk.error("validate --only 17").contains("there is no law 17"));
}

#[test]
fn a_benchmark_row_has_speeds_and_memory_on_both_devices() {
    let desk = Desk::new();
    let mut cases = vec![("cpu", "elastic/1000/cpu/1")];
    cases.extend(crate::adapter::gpu().map(|_| ("gpu", "elastic/1000/gpu/0")));
    for (device, baseline) in cases {
        let rows = desk.json(&format!(
            "bench --device {device} --materials elastic --sizes 1000 --threads 1 --repeats 1 \
             --baseline {baseline}"
        ));
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!(row["ratio"], 1.0);
        for speed in ["forward", "backward"] {
            assert!(row[speed]["per_core_sec"].as_f64().is_some_and(|s| s > 0.0), "{row}");
        }
    }
}

#[test]
fn an_unknown_key_is_placed_and_the_nearest_one_named() {
    let desk = Desk::new();
    let scene = desk.changed("cell_width = 0.05", "cell_widht = 0.05");
    let error = desk.error(&format!("run {scene} --device cpu"));
    assert!(error.contains("changed.toml:4") && error.contains("cell_width"), "{error}");
}

#[test]
fn impossible_materials_and_substeps_are_refused_with_their_numbers() {
    let desk = Desk::new();
    let scene = desk.changed("duration_secs = 0.05", "substep_secs = 0.01");
    let error = desk.error(&format!("run {scene} --device cpu"));
    assert!(error.contains("0.01") && error.contains("substep"), "{error}");
    let scene = desk.changed("size = [0.1, 0.1, 0.1]", "size = [0.1, 0.1, -0.1]");
    let error = desk.error(&format!("inspect {scene}"));
    assert!(error.contains("-0.1"), "{error}");
    let scene =
        desk.changed("position = [0.0, 0.0, 0.1]\n[[coll", "position = [0.0, 0.0, -0.3]\n[[coll");
    let error = desk.error(&format!("run {scene} --device cpu"));
    assert!(error.contains("cube") && error.contains("floor"), "{error}");
}

#[test]
fn missing_files_are_named() {
    let desk = Desk::new();
    assert!(desk.error("run nowhere.toml").contains("nowhere.toml"));
    let error = desk.error("run scene.toml --device cpu --controls nowhere.npz");
    assert!(error.contains("nowhere.npz"), "{error}");
    assert!(desk.error("gradient scene.toml").contains("[task]"));
}

#[test]
fn controls_of_the_wrong_shape_or_value_are_refused_by_place() {
    let desk = Desk::new();
    desk.controls("wide.npz", &Array2::zeros((4, 3)));
    let error = desk.error("run scene.toml --device cpu --controls wide.npz");
    assert!(error.contains("4 x 3") && error.contains("4 x 1"), "{error}");
    let mut controls = Array2::zeros((4, 1));
    controls[[2, 0]] = f64::NAN;
    desk.controls("nan.npz", &controls);
    let error = desk.error("run scene.toml --device cpu --controls nan.npz");
    assert!(error.contains("[2, 0]") && error.contains("NaN"), "{error}");
    controls[[2, 0]] = 2.0;
    desk.controls("large.npz", &controls);
    let error = desk.error("run scene.toml --device cpu --controls large.npz");
    assert!(error.contains("is 2") && error.contains("[-1, 1]"), "{error}");
    desk.controls("short.npz", &Array2::zeros((3, 1)));
    let error = desk.error("gradient task.toml --device cpu --controls short.npz");
    assert!(error.contains("3 x 1") && error.contains("4 x 1"), "{error}");
}

#[test]
fn options_that_contradict_or_make_no_sense_are_refused() {
    let desk = Desk::new();
    let error = desk.error("run scene.toml --device gpu --precision f64");
    assert!(error.contains("--precision") && error.contains("--device cpu"), "{error}");
    for secs in ["0", "-1", "nan"] {
        let error = desk.error(&format!("run scene.toml --device cpu --secs={secs}"));
        assert!(error.contains("--secs"), "{error}");
    }
    let both = desk.run("run scene.toml --secs 1 --substeps 5");
    assert_eq!(both.status.code(), Some(2));
    assert_eq!(desk.run("simulate scene.toml").status.code(), Some(2));
}

#[test]
fn without_a_driver_the_gpu_is_missed_and_auto_takes_the_cpu() {
    let desk = Desk::new();
    let hidden = |words: &str| {
        let mut command = desk.command(words);
        let nowhere = desk.path("no-driver.json");
        command.env("VK_ICD_FILENAMES", &nowhere).env("VK_DRIVER_FILES", &nowhere);
        command.output().expect("the program starts")
    };
    let gpu = hidden("run scene.toml --device gpu");
    let error = plain(&text(&gpu.stderr));
    assert_eq!(gpu.status.code(), Some(1));
    assert!(error.contains("adapter") && error.contains("--device cpu"), "{error}");
    let auto = hidden("run scene.toml --substeps 3 --json");
    assert!(auto.status.success(), "{}", text(&auto.stderr));
    assert!(text(&auto.stderr).contains("no GPU and no Vulkan driver"));
}

#[test]
fn what_cannot_be_written_is_refused_before_anything_is_computed() {
    let desk = Desk::new();
    let error = desk.error("run scene.toml --device cpu --out nowhere/state.npz");
    assert!(error.contains("nowhere/state.npz") && error.contains("does not exist"), "{error}");
    fs::create_dir(desk.path("taken.npz")).expect("a folder");
    let error = desk.error("run scene.toml --device cpu --out taken.npz");
    assert!(error.contains("directory"), "{error}");
    assert_eq!(desk.made(), ["taken.npz"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_leaves_nothing_half_written() {
    let desk = Desk::new();
    // A file size limit of one block stands in for the disk.
    let program = env!("CARGO_BIN_EXE_softscape");
    let script = format!(
        "trap '' XFSZ; ulimit -f 1; exec {program} run scene.toml --device cpu --substeps 3 --out a.npz"
    );
    let output = Command::new("bash")
        .current_dir(desk.0.path())
        .args(["-c", &script])
        .output()
        .expect("bash");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("a.npz"), "{}", text(&output.stderr));
    assert_eq!(desk.made(), [""; 0]);
}

#[test]
fn a_divergence_names_its_particle_and_saves_the_state_before() {
    let desk = Desk::new();
    // A speed that was not expected when the substep was found stable.
    let scene = desk.changed(
        "material = \"jelly\"",
        "material = \"jelly\"\nvelocity_gradient = [[-4e6, 0, 0], [0, 1e6, 0], [0, 0, 2e6]]",
    );
    let text = fs::read_to_string(desk.path(scene)).expect("the scene");
    let text = text.replace("duration_secs = 0.05", "duration_secs = 0.05\nmax_speed = 1.0");
    fs::write(desk.path(scene), text).expect("the scene");
    let error = desk.error(&format!("run {scene} --device cpu --out state.npz"));
    assert!(error.contains("particle") && error.contains("substep"), "{error}");
    assert!(error.contains("state-before-divergence.npz"), "{error}");
    assert_eq!(desk.made(), ["changed.toml", "state-before-divergence.npz"]);
    let x: Array2<f64> = npz(desk.path("state-before-divergence.npz")).by_name("x").expect("x");
    assert!(x.iter().all(|x| x.is_finite()));
}

#[test]
#[cfg(unix)]
fn ctrl_c_writes_what_was_computed_and_exits_with_130() {
    let desk = Desk::new();
    let mut child = desk
        .command("run scene.toml --device cpu --secs 1000 --out state.npz --json")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    std::thread::sleep(Duration::from_millis(1500));
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill").success());
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130));
    let time: Array0<f64> = npz(desk.path("state.npz")).by_name("time").expect("time");
    let time = time.into_scalar();
    assert!(time > 0.0 && time < 1000.0, "{time} s");
}

#[test]
fn every_command_explains_itself_with_an_example() {
    let desk = Desk::new();
    let commands = ["run", "gradient", "optimize", "render", "bench", "validate", "inspect"];
    for command in commands {
        let help = desk.run(&format!("{command} --help"));
        assert!(help.status.success());
        let help = text(&help.stdout);
        assert!(help.contains(&format!("softscape {command}")), "{command}: {help}");
    }
}

#[test]
fn bench_tells_each_row_and_a_whole_rollout_within_its_memory() {
    let desk = Desk::new();
    let words = "bench --device cpu --materials elastic,liquid --sizes 500 --threads 1 --repeats 1";
    let rows = desk.json(&format!("{words} --forward-only --baseline elastic/500/cpu/1"));
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["ratio"], 1.0);
    assert!(rows[1]["ratio"].as_f64().expect("a ratio") > 0.0);

    let words = "bench --device cpu --materials elastic --sizes 500 --threads 1 --horizon 12";
    let rows = desk.json(words);
    assert_eq!(rows[0]["substeps"], 12);
    assert!(rows[0]["backward_secs"].as_f64().expect("a time") > 0.0);
    assert!(rows[0]["checkpoint_bytes"].as_u64().expect("bytes") > 500 * 112);
    assert!(desk.error("bench --horizon 0").contains("at least 1"));
}

#[test]
fn bench_of_levels_says_what_it_cannot_build_before_anything_runs() {
    let desk = Desk::new();
    let suite = "bench --suite adaptive --quick";
    for (options, said) in [
        ("--levels 3 --bands 0.04:0.04", "3 levels have 2"),
        ("--levels 2 --bands 0.04:0.001", "two cells of level 0"),
        ("--levels 0", "between 1 and 8"),
        ("--device cpu,gpu", "takes one"),
        ("--stroke 0.005 --levels 2", "control steps"),
        ("--stroke nan", "half the bed"),
    ] {
        let error = desk.error(&format!("{suite} {options}"));
        assert!(error.contains(said), "{options}: {error}");
    }
    let typed = desk.run(&format!("{suite} --bands 0.04"));
    assert_eq!(typed.status.code(), Some(2));
    assert!(text(&typed.stderr).contains("START:WIDTH"));
}
