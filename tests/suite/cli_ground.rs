//! `softscape run` over ground that sleeps: what cannot be observed, and a disk that is not there.

use crate::common::ground::{ELASTIC, terrain_text};
use crate::common::npz;
use ndarray::{Array1, Array2};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const SENSOR: &str = r#"
[[sensor]]
name = "load"
quantity = { type = "wrench", collider = "box" }
"#;

fn run(folder: &Path, more: &str, words: &str, temporary: &str) -> Output {
    // All that sleeps goes to disk.
    let ground =
        terrain_text(ELASTIC).replace("[levels.sleep]", "[levels.sleep]\narchive_bytes = 0");
    fs::write(folder.join("ground.toml"), ground + more).expect("the scene");
    Command::new(env!("CARGO_BIN_EXE_softscape"))
        .current_dir(folder)
        .args(words.split_whitespace())
        .env("TMPDIR", temporary)
        .output()
        .expect("the program starts")
}

#[test]
#[cfg(unix)]
fn a_disk_that_is_not_there_is_named_and_what_was_computed_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let words = "run ground.toml --device cpu --secs 0.4 --out end.npz --sensors load.npz";
    let output = run(folder, SENSOR, words, "/nowhere");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("/nowhere") && error.contains("archive_bytes"), "{error}");
    assert!(error.contains("end-before-failure.npz"), "{error}");
    assert!(!folder.join("end.npz").exists());
    let x: Array2<f64> = npz(folder.join("end-before-failure.npz")).by_name("x").expect("x");
    assert!(x.nrows() > 0);
    let time: Array1<f64> = npz(folder.join("load.npz")).by_name("time").expect("times");
    let load: Array2<f64> = npz(folder.join("load.npz")).by_name("load").expect("loads");
    assert!(!time.is_empty() && load.nrows() == time.len());
    // The control.
    assert!(run(folder, SENSOR, words, &folder.display().to_string()).status.success());
}

#[test]
fn particles_that_do_not_stay_the_same_are_not_observed_as_points() {
    let folder = tempfile::tempdir().expect("a folder");
    let words = "run ground.toml --device cpu --secs 0.02 --observe seen.npz";
    let output = run(folder.path(), SENSOR, words, &folder.path().display().to_string());
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("the scene has levels") && error.contains("(--observe-map)"), "{error}");
}

#[test]
fn means_over_what_may_sleep_are_refused_and_places_are_said_to_be_seen_in_part() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let sensor = |quantity: &str| format!("[[sensor]]\nname = \"s\"\nquantity = {quantity}\n");
    let sense = "run ground.toml --device cpu --substeps 1 --sensors out.npz";
    let run_with =
        |words: &str, more: &str| run(folder, more, words, &folder.display().to_string());
    let task = |score: &str, term: &str| {
        format!(
            "[[effector]]\ncollider = \"box\"\nvx = {{ min = -1.0, max = 1.0 }}\n[task]\nhorizon = 2\n\
             score = {{ {score} }}\n[[task.objective]]\n{term}\n{SENSOR}"
        )
    };
    let score =
        "type = \"displacement\", body = \"cover\", direction = [1.0, 0.0, 0.0], reference = 1.0";
    let velocity = "type = \"velocity\"\ndirection = [1.0, 0.0, 0.0]\nbody = \"cover\"";
    let goal = "type = \"center_of_mass\"\ngoal = [1.0, 0.0, 0.0]\nbody = \"cover\"";
    let (energy, differentiate) = ("type = \"action_energy\"", "gradient ground.toml --device cpu");
    // Each with the beginning of the line that is wrong.
    let means = [
        (sense, sensor("{ type = \"center_of_mass\" }"), "quantity"),
        (sense, sensor("{ type = \"center_of_mass\", body = \"cover\" }"), "quantity"),
        (differentiate, task(score, energy), "score"),
        (differentiate, task(score, velocity), "body = \"cover\""),
        (differentiate, task(score, goal), "body = \"cover\""),
    ];
    for (words, text, wrong) in means {
        let result = run_with(words, &text);
        let error = String::from_utf8_lossy(&result.stderr);
        assert_eq!(result.status.code(), Some(1), "{error}");
        assert!(error.contains("levels.sleep") && error.contains("jumps"), "{error}");
        let scene = fs::read_to_string(folder.join("ground.toml")).expect("the scene");
        let line = 1 + scene.lines().position(|line| line.starts_with(wrong)).expect("a line");
        assert!(error.contains(&format!("ground.toml:{line}:")), "line {line}: {error}");
    }
    let map = "{ type = \"height_map\", origin = [0.0, 0.0], cell_width = 0.1, counts = [2, 2], floor = -0.3 }";
    let result = run_with(sense, &sensor(map));
    let said = String::from_utf8_lossy(&result.stderr);
    assert!(result.status.success() && said.contains("not what sleeps"), "{said}");
}
