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

fn run(folder: &Path, words: &str, temporary: &str) -> Output {
    // All that sleeps goes to disk.
    let ground =
        terrain_text(ELASTIC).replace("[levels.sleep]", "[levels.sleep]\narchive_bytes = 0");
    fs::write(folder.join("ground.toml"), ground + SENSOR).expect("the scene");
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
    let output = run(folder, words, "/nowhere");
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
    assert!(run(folder, words, &folder.display().to_string()).status.success());
}

#[test]
fn particles_that_do_not_stay_the_same_are_not_observed_as_points() {
    let folder = tempfile::tempdir().expect("a folder");
    let words = "run ground.toml --device cpu --secs 0.02 --observe seen.npz";
    let output = run(folder.path(), words, &folder.path().display().to_string());
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("the scene has levels") && error.contains("(--observe-map)"), "{error}");
}
