//! `softscape run` over ground that sleeps: what cannot be observed, and a disk that is not there.

use ndarray::{Array1, Array2};
use ndarray_npy::NpzReader;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};

/// Ground that is driven over, all that sleeps on disk.
const GROUND: &str = r#"
format = 1
[world]
cell_width = 0.04
control_secs = 0.01
max_speed = 20.0
[[material]]
name = "ground"
density = 1600.0
law = { type = "elastic", young_modulus = 2e5, poisson_ratio = 0.3 }
[terrain]
bottom = -0.24
particles_per_cell = 1
[[terrain.layer]]
name = "ground"
material = "ground"
[[collider]]
name = "box"
shape = { type = "box", size = [0.1, 0.1, 0.1] }
position = [0.0, 0.0, 0.2]
velocity = [16.0, 0.0, 0.0]
contact = { type = "sticky" }
[[collider]]
name = "floor"
shape = { type = "half_space" }
position = [0.0, 0.0, -0.12]
contact = { type = "sticky" }
[levels]
count = 2
agents = ["box"]
ahead = 0.0
sleep = { quiet_secs = 0.01, archive_bytes = 0 }
[[sensor]]
name = "load"
quantity = { type = "wrench", collider = "box" }
"#;

fn run(folder: &Path, words: &str, temporary: &str) -> Output {
    fs::write(folder.join("ground.toml"), GROUND).expect("the scene");
    Command::new(env!("CARGO_BIN_EXE_softscape"))
        .current_dir(folder)
        .args(words.split_whitespace())
        .env("TMPDIR", temporary)
        .output()
        .expect("the program starts")
}

fn npz(path: &Path) -> NpzReader<File> {
    NpzReader::new(File::open(path).expect("the file is there")).expect("an npz file")
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
    let x: Array2<f64> = npz(&folder.join("end-before-failure.npz")).by_name("x").expect("x");
    assert!(x.nrows() > 0);
    let time: Array1<f64> = npz(&folder.join("load.npz")).by_name("time").expect("times");
    let load: Array2<f64> = npz(&folder.join("load.npz")).by_name("load").expect("loads");
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
