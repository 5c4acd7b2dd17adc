//! `softscape run --observe` and `softscape identify` as a user runs them, on scenes of a second.

use crate::common::npz;
use ndarray::{Array1, Array3};
use ndarray_npy::NpzWriter;
use serde_json::Value;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Output};

/// 64 particles that are thrown with spin onto a floor, which they reach after a few control steps.
const SCENE: &str = r#"
format = 1
[world]
cell_width = 0.1
control_secs = 0.01
substep_secs = 1e-3
duration_secs = 0.2
[[material]]
name = "flesh"
density = 1000.0
law = { type = "elastic", young_modulus = 1e5, poisson_ratio = 0.3 }
[[body]]
name = "cube"
material = "flesh"
shape = { type = "box", size = [0.2, 0.2, 0.2] }
position = [0.0, 0.0, 0.25]
velocity = [0.5, 0.0, -2.0]
angular_velocity = [1.0, 2.0, 0.0]
[[collider]]
name = "floor"
shape = { type = "half_space" }
contact = { type = "separate", friction = 0.3 }
[identify]
noise = 1e-4
held_out = { velocity = [0.0, 0.5, -2.5], angular_velocity = [0.0, -2.0, 1.0] }
[[identify.parameter]]
name = "flesh.young_modulus"
guess = 3e5
"#;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::write(folder.path("scene.toml"), SCENE).unwrap();
        folder
    }

    /// With the observed motion of the scene.
    fn observed(options: &str) -> Self {
        let folder = Self::new();
        folder.run(&format!(
            "run scene.toml --device cpu --precision f64 --observe obs.npz {options}"
        ));
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, words: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_softscape"))
            .current_dir(self.0.path())
            .args(words.split_whitespace())
            .output()
            .unwrap()
    }

    /// The one JSON line of a command that succeeds.
    fn run(&self, words: &str) -> Value {
        let output = self.command(&format!("--json {words}"));
        assert!(output.status.success(), "{words}: {}", text(&output.stderr));
        serde_json::from_str(text(&output.stdout).trim()).unwrap()
    }

    /// The error of a command that fails, on one line.
    fn fail(&self, words: &str) -> String {
        let output = self.command(words);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{words}: {message}");
        assert!(!message.contains("panicked"), "{message}");
        message.split_whitespace().filter(|w| !"│".contains(w)).collect::<Vec<_>>().join(" ")
    }

    /// Replaces arrays of the observation.
    fn write(&self, time: &Array1<f64>, x: &Array3<f64>) {
        let mut npz = NpzWriter::new(File::create(self.path("obs.npz")).unwrap());
        npz.add_array("time", time).unwrap();
        npz.add_array("x", x).unwrap();
        npz.finish().unwrap();
    }

    fn read(&self) -> (Array1<f64>, Array3<f64>) {
        let mut npz = npz(self.path("obs.npz"));
        (npz.by_name("time").unwrap(), npz.by_name("x").unwrap())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const IDENTIFY: &str = "identify scene.toml --observed obs.npz";

#[test]
fn an_observed_motion_gives_its_parameters_back_and_the_run_can_be_repeated() {
    let folder = Folder::observed("");
    let words = "--parameters flesh.young_modulus,poisson_ratio \
                 --guess flesh.young_modulus=3e4,poisson_ratio=0.1 --out first";
    let found = folder.run(&format!("{IDENTIFY} {words}"));
    // Without noise, nothing but the tolerance of the search stands between fit and truth.
    for (name, truth) in [("flesh.young_modulus", 1e5), ("flesh.poisson_ratio", 0.3)] {
        let value = found["parameters"][name]["value"].as_f64().unwrap();
        assert!((value / truth - 1.0).abs() < 1e-4, "{name}: {value}");
    }
    assert_eq!(found["converged"], true);
    assert!(found["rms"].as_f64().unwrap() < 1e-5);
    for file in ["run.toml", "log.jsonl", "result.json", "curve.png"] {
        assert!(folder.path("first").join(file).metadata().unwrap().len() > 0, "{file}");
    }
    let again = folder.run("identify first/run.toml --out second");
    assert_eq!(found["parameters"], again["parameters"]);
}

#[test]
fn every_fourth_particle_is_enough() {
    let folder = Folder::observed("--observe-every 4");
    let (time, x) = folder.read();
    assert_eq!((time.len(), x.dim()), (21, (21, 16, 3)));
    let words = "--parameters young_modulus --guess young_modulus=3e5";
    let found = folder.run(&format!("{IDENTIFY} {words}"));
    let value = found["parameters"]["flesh.young_modulus"]["value"].as_f64().unwrap();
    assert!((value / 1e5 - 1.0).abs() < 1e-4, "{value}");
}

const MAP: &str = r#"
[[sensor]]
name = "camera"
quantity = { type = "height_map", origin = [-0.15, -0.2], cell_width = 0.1, counts = [6, 5] }
"#;

#[test]
fn a_height_map_alone_tells_the_stiffness() {
    let folder = Folder::new();
    fs::write(folder.path("scene.toml"), format!("{SCENE}{MAP}")).unwrap();
    folder
        .run("run scene.toml --device cpu --precision f64 --observe obs.npz --observe-map camera");
    let words = "--parameters young_modulus --guess young_modulus=3e5";
    let found = folder.run(&format!("{IDENTIFY} {words}"));
    assert_eq!(found["observed"], "a height map of 6 x 5 nodes");
    let value = found["parameters"]["flesh.young_modulus"]["value"].as_f64().unwrap();
    assert!((value / 1e5 - 1.0).abs() < 1e-3, "{value}");

    let seen = SCENE.replace("noise = 1e-4", "noise = 1e-4\nsensor = \"camera\"");
    fs::write(folder.path("scene.toml"), format!("{seen}{MAP}")).unwrap();
    let found = folder.run("identify scene.toml --check --out check");
    assert_eq!(
        (&found["passed"], &found["observed"]),
        (&true.into(), &"a height map of 6 x 5 nodes".into())
    );
    let message = folder.fail("run scene.toml --observe obs.npz --observe-map eye");
    assert!(message.contains("`eye` is no height_map sensor"), "{message}");
}

#[test]
fn a_check_recovers_the_scenes_own_parameters_from_noise_and_predicts_another_throw() {
    let folder = Folder::new();
    let found = folder.run("identify scene.toml --check --out check");
    let entry = &found["parameters"]["flesh.young_modulus"];
    let number = |name: &str| entry[name].as_f64().unwrap();
    assert_eq!(found["passed"], true);
    assert!(number("relative_error") < 0.02);
    // Four standard deviations: once in ten thousand seeds, and the seed is fixed.
    assert!((number("value") - number("truth")).abs() < 4.0 * number("std"), "{entry}");
    let held_out = &found["held_out"];
    assert!(held_out["rms"].as_f64().unwrap() < 0.01 * held_out["rms_of_guess"].as_f64().unwrap());
}

#[test]
fn a_check_whose_tolerance_is_missed_ends_with_exit_code_1() {
    let folder = Folder::new();
    let strict = SCENE.replace("noise = 1e-4", "noise = 1e-2\ntolerance = 1e-9");
    fs::write(folder.path("scene.toml"), strict).unwrap();
    let output = folder.command("--json identify scene.toml --check --out check");
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_str(text(&output.stdout).trim()).unwrap();
    assert_eq!(found["passed"], false);
}

#[test]
fn names_that_are_not_parameters_are_refused_with_the_nearest_one() {
    let folder = Folder::observed("");
    let message = folder.fail(&format!("{IDENTIFY} --parameters flesh.youngs_modulus"));
    assert!(message.contains("did you mean `flesh.young_modulus`?"), "{message}");
    let message = folder.fail(&format!("{IDENTIFY} --parameters young_modulus --guess nu=1"));
    assert!(message.contains("`nu` is not among --parameters (`young_modulus`)"), "{message}");
    let message = folder.fail(IDENTIFY);
    assert!(message.contains("no parameter is named") && message.contains("`flesh.poisson_ratio`"));
    let message =
        folder.fail(&format!("{IDENTIFY} --parameters poisson_ratio,flesh.poisson_ratio"));
    assert!(message.contains("named twice"), "{message}");
}

#[test]
fn guesses_and_bounds_that_make_no_sense_are_refused() {
    let folder = Folder::observed("");
    let words = format!("{IDENTIFY} --parameters young_modulus");
    let message = folder.fail(&format!("{words} --guess young_modulus=-3"));
    assert!(message.contains("`flesh.young_modulus` starts at -3"), "{message}");
    let message = folder.fail(&format!("{words} --bounds young_modulus=2e5:9e5"));
    assert!(message.contains("they must hold the guess 100000"), "{message}");
    let message = folder.fail(&format!("{words} --guess young_modulus=soft"));
    assert!(message.contains("`soft` is no number"), "{message}");
    let message = folder.fail(&format!("{words} --noise 0"));
    assert!(message.contains("--noise"), "{message}");
    let message = folder.fail(&format!("{words} --guess young_modulus=1e9"));
    assert!(
        message.contains("substep is not stable at flesh.young_modulus = 1000000000"),
        "{message}"
    );
}

#[test]
fn an_observation_that_does_not_fit_the_scene_is_refused() {
    let folder = Folder::observed("");
    let (time, x) = folder.read();
    let words = format!("{IDENTIFY} --parameters young_modulus");

    folder.write(&time, &x.slice(ndarray::s![.., ..60, ..]).to_owned());
    let message = folder.fail(&words);
    assert!(message.contains("`x` has 60 particles but the scene has 64"), "{message}");

    folder.write(&(time.clone() + 0.003), &x);
    let message = folder.fail(&words);
    assert!(message.contains("`time[0]` is 0.003 s, not the end of a control step of 0.01 s"));

    folder.write(&time.slice(ndarray::s![..20]).to_owned(), &x);
    let message = folder.fail(&words);
    assert!(message.contains("`x` has 21 looks but `time` 20"), "{message}");

    let mut broken = x.clone();
    broken[(3, 7, 1)] = f64::NAN;
    folder.write(&time, &broken);
    let message = folder.fail(&words);
    assert!(message.contains("NaN at index [3, 7, 1]"), "{message}");

    let message = folder.fail("identify scene.toml --observed none.npz --parameters young_modulus");
    assert!(message.contains("none.npz"), "{message}");
}

#[test]
fn a_parameter_that_the_observation_does_not_depend_on_is_named() {
    let folder = Folder::new();
    // Thrown without spin and observed before it lands: it moves like a stone.
    let short = SCENE
        .replace("duration_secs = 0.2", "duration_secs = 0.04")
        .replace("angular_velocity = [1.0, 2.0, 0.0]", "")
        .replace("position = [0.0, 0.0, 0.25]", "position = [0.0, 0.0, 0.9]");
    fs::write(folder.path("scene.toml"), short).unwrap();
    folder.run("run scene.toml --observe obs.npz");
    let message = folder.fail(&format!("{IDENTIFY} --parameters young_modulus"));
    assert!(message.contains("does not depend on `flesh.young_modulus`"), "{message}");
}

#[test]
fn a_body_that_starts_under_its_own_weight_is_refused() {
    let folder = Folder::new();
    let resting = SCENE
        .replace("position = [0.0, 0.0, 0.25]", "position = [0.0, 0.0, 0.1]\nat_rest = true")
        .replace("velocity = [0.5, 0.0, -2.0]\nangular_velocity = [1.0, 2.0, 0.0]\n", "");
    fs::write(folder.path("scene.toml"), resting).unwrap();
    folder.run("run scene.toml --observe obs.npz");
    let message = folder.fail(&format!("{IDENTIFY} --parameters young_modulus"));
    assert!(message.contains("body `cube` starts at rest under its own weight"), "{message}");
}

#[test]
fn a_run_directory_is_not_overwritten_and_a_check_needs_its_section() {
    let folder = Folder::new();
    fs::create_dir(folder.path("used")).unwrap();
    fs::write(folder.path("used/run.toml"), "").unwrap();
    let message = folder.fail("identify scene.toml --check --out used");
    assert!(message.contains("holds a run already"), "{message}");
    let bare = &SCENE[..SCENE.find("[identify]").unwrap()];
    fs::write(folder.path("scene.toml"), bare).unwrap();
    let message = folder.fail("identify scene.toml --check --out new");
    assert!(message.contains("has no [identify] section"), "{message}");
}
