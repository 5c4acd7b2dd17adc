//! `softscape run --sensors` as a user runs it.

use crate::common::npz;
use ndarray::{Array1, Array2, Array3};
use serde_json::Value;
use std::fs;
use std::process::{Command, Output};

const SCENE: &str = r#"
format = 1
[world]
cell_width = 0.02
control_secs = 0.01
[[body]]
name = "cube"
material = "jelly"
shape = { type = "box", size = [0.06, 0.06, 0.06] }
position = [0.0, 0.0, 0.1]
velocity = [0.0, 0.0, -1.0]
[[collider]]
name = "floor"
shape = { type = "half_space" }
contact = { type = "separate", friction = 0.5 }
[[sensor]]
name = "load"
quantity = { type = "wrench", collider = "floor" }
[[sensor]]
name = "area"
quantity = { type = "contact_area", collider = "floor" }
[[sensor]]
name = "map"
quantity = { type = "height_map", origin = [-0.02, -0.02], cell_width = 0.02, counts = [3, 2] }
"#;

fn run(folder: &tempfile::TempDir, words: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_softscape"))
        .current_dir(folder.path())
        .args(words.split_whitespace())
        .output()
        .unwrap()
}

fn folder(scene: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("scene.toml"), scene).unwrap();
    folder
}

#[test]
fn readings_are_written_as_arrays_and_as_json_and_say_the_same() {
    let folder = folder(SCENE);
    for file in ["out.npz", "out.json"] {
        let words = format!("--json run scene.toml --device cpu --secs 0.05 --sensors {file}");
        let output = run(&folder, &words);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let record: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(record["sensors"]["load"].as_array().unwrap().len(), 6);
        assert!(record["sensors"]["map"].as_array().is_some_and(|map| map.len() == 6));
    }
    let mut npz = npz(folder.path().join("out.npz"));
    let time: Array1<f64> = npz.by_name("time").unwrap();
    let load: Array2<f64> = npz.by_name("load").unwrap();
    let area: Array1<f64> = npz.by_name("area").unwrap();
    let map: Array3<f64> = npz.by_name("map").unwrap();
    assert_eq!((time.len(), load.dim(), area.len(), map.dim()), (5, (5, 6), 5, (5, 3, 2)));
    assert!((time[4] - 0.05).abs() < 1e-12);
    // It starts three cells and a half above the floor and lands.
    assert_eq!(load[(0, 2)], 0.0);
    assert!(load[(4, 2)] < 0.0 && area[4] > 1e-3, "{load} {area}");

    let text = fs::read_to_string(folder.path().join("out.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["sensors"]["load"]["unit"], "N, N m");
    assert_eq!(json["sensors"]["load"]["values"][4][2].as_f64(), Some(load[(4, 2)]));
    assert_eq!(json["sensors"]["map"]["values"][2][5].as_f64(), Some(map[(2, 2, 1)]));
}

#[test]
fn a_rigid_body_feels_nothing_in_free_flight_and_its_weight_at_rest() {
    let body = r#"
[[rigid_body]]
name = "stone"
mass = 2.0
shape = { type = "box", size = [0.1, 0.1, 0.1] }
position = [0.4, 0.0, 0.062]
contact = { type = "separate", friction = 0.5 }
[[sensor]]
name = "felt"
quantity = { type = "body_wrench", body = "stone" }
"#;
    let folder = folder(&format!("{SCENE}{body}"));
    let output = run(&folder, "--json run scene.toml --device cpu --secs 0.6 --sensors out.json");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(folder.path().join("out.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let felt =
        |step: usize, axis: usize| json["sensors"]["felt"]["values"][step][axis].as_f64().unwrap();
    assert!(felt(0, 2).abs() < 1e-3, "in flight: {} N", felt(0, 2));
    // The mean over its last half of a second of rocking to rest.
    let last = json["time"].as_array().unwrap().len() - 1;
    let weight = 2.0 * 9.81;
    assert!((felt(last, 2) - weight).abs() < 0.01 * weight, "at rest: {} N", felt(last, 2));

    let wrong = format!("{SCENE}{}", body.replace("body = \"stone\"", "body = \"rock\""));
    fs::write(folder.path().join("scene.toml"), wrong).unwrap();
    let output = run(&folder, "run scene.toml --device cpu --sensors out.json");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("rock") && message.contains("stone"), "{message}");
}

#[test]
fn a_scene_without_sensors_has_none_to_write() {
    let folder = folder(&SCENE[..SCENE.find("[[sensor]]").unwrap()]);
    let output = run(&folder, "run scene.toml --sensors out.npz");
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("--sensors") && message.contains("no [[sensor]]"), "{message}");
    assert!(!folder.path().join("out.npz").exists());
}
