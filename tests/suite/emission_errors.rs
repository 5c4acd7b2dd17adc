//! Every mistake in an emitter, a sink or what drives one gives one error with its place.

use crate::common::pour::SCENE;
use softscape::model::compile;
use softscape::scene::{Fidelity, Scene};
use std::path::Path;

/// The error that the scene gives with `from` replaced by `to`, and the line of `at` in the new text.
fn mistake(from: &str, to: &str, at: &str) -> (String, usize) {
    assert!(SCENE.contains(from), "{from}");
    let text = SCENE.replacen(from, to, 1);
    let result = Scene::parse(Path::new("scene.toml"), &text)
        .and_then(|scene| compile(&scene, Fidelity::Standard));
    let Err(error) = result else { panic!("accepted: {text}") };
    let line = text[..text.find(at).expect(at)].matches('\n').count() + 1;
    (error.to_string(), line)
}

/// Checks that the error is at the line where `at` stands and says all of `words`.
fn says(from: &str, to: &str, at: &str, words: &[&str]) {
    let (message, line) = mistake(from, to, at);
    assert!(message.starts_with(&format!("scene.toml:{line}:")), "{message}\nnot at line {line}");
    for word in words {
        assert!(message.contains(word), "{message}\ndoes not say {word}");
    }
}

#[test]
fn how_fast_is_said_once() {
    says(
        "speed = 1.5",
        "speed = 1.5\nmass_rate = 1.0",
        "[[emitter]]",
        &["2 of `speed`", "exactly one"],
    );
    says("speed = 1.5\n", "", "[[emitter]]", &["0 of `speed`", "`mass_rate`"]);
    says("speed = 1.5", "speed = -1.5", "speed = -1.5", &["-1.5 m/s", "greater than zero"]);
    says("speed = 1.5", "volume_rate = 0", "volume_rate", &["0 m³/s", "greater than zero"]);
    says("speed = 1.5", "rate = 1", "rate = 1", &["unknown key `rate`", "volume_rate"]);
}

#[test]
fn the_opening_holds_particles() {
    says("size = [0.04, 0.06]", "size = [0.04, 0.0]", "size = [0.04, 0.0]", &["without area"]);
    says("size = [0.04, 0.06]", "size = [0.004, 0.06]", "opening", &["too narrow", "0.01 m"]);
    says(
        "{ type = \"rectangle\", size = [0.04, 0.06] }",
        "{ type = \"disc\", radius = inf }",
        "radius = inf",
        &["finite"],
    );
    says(
        "size = [0.04, 0.06]",
        "size = [400.0, 600.0]",
        "[[emitter]]",
        &["e9 particles", "33554432"],
    );
    says("speed = 1.5", "speed = 1.5e7", "[[emitter]]", &["particles", "33554432"]);
}

#[test]
fn it_begins_before_it_ends_and_emits_something() {
    says(
        "stop_secs = 0.06",
        "start_secs = 0.1\nstop_secs = 0.06",
        "stop_secs",
        &["after `start_secs`"],
    );
    says("stop_secs = 0.06", "start_secs = -1.0", "start_secs", &["-1", "0 or greater"]);
    says("stop_secs = 0.06", "start_secs = 2.0", "start_secs", &["the scene ends before that"]);
    says("stop_secs = 0.06", "stop_secs = 0.001", "[[emitter]]", &["emits nothing"]);
    says("jitter = 0.3", "jitter = 3", "jitter", &["between 0 and 1"]);
    says("jitter = 0.3", "particles_per_cell = 9", "particles_per_cell", &["1, 8, 27 or 64"]);
}

#[test]
fn names_are_known_and_unique() {
    says(
        "name = \"nozzle\"",
        "name = \"block\"",
        "name = \"block\"\nmaterial = \"paste\"\nopening",
        &["a body has it"],
    );
    says(
        "name = \"nozzle\"\nmaterial = \"paste\"",
        "name = \"nozzle\"\nmaterial = \"past\"",
        "material = \"past\"\n",
        &["unknown material `past`", "did you mean `paste`?"],
    );
    says(
        "emitter = \"nozzle\"",
        "emitter = \"nozle\"",
        "emitter = \"nozle\"",
        &["did you mean `nozzle`?"],
    );
    says("emitter = \"nozzle\"\n", "", "[[effector]]", &["neither a `collider` nor an `emitter`"]);
    says(
        "emitter = \"nozzle\"",
        "emitter = \"nozzle\"\ncollider = \"pusher\"",
        "emitter = \"nozzle\"",
        &["one thing"],
    );
    says(
        "name = \"ball\"",
        "name = \"drain\"",
        "name = \"drain\"\nregion = { type = \"sphere\"",
        &["duplicate name `drain`"],
    );
    says("radius = 0.02 }", "radius = 0.0 }", "radius = 0.0 }", &["greater than zero"]);
    says(
        "direction = [0.28, 0.0, -0.96]",
        "direction = [0.0, 0.0, 2.0]",
        "direction",
        &["of length one"],
    );
}

#[test]
fn nothing_comes_inside_a_collider_and_nothing_is_started_that_is_nowhere() {
    says(
        "position = [0.0, 0.0, 0.1]",
        "position = [0.0, 0.0, -0.1]",
        "[[emitter]]",
        &["opens inside the collider `floor`"],
    );
    let task = "[task]\nhorizon = 3\n[[task.objective]]\ntype = \"displacement\"\nbody = \"nozzle\"\n\
                direction = [1.0, 0.0, 0.0]\nweight = 1.0\n[task.score]\ntype = \"displacement\"\n\
                body = \"block\"\ndirection = [1.0, 0.0, 0.0]\nreference = 0.1\n";
    let text = format!("{SCENE}{task}");
    let scene = Scene::parse(Path::new("scene.toml"), &text).unwrap();
    let model = compile(&scene, Fidelity::Standard).unwrap();
    let error = softscape::task::Task::compile(&scene, &model).unwrap_err().to_string();
    assert!(error.contains("nowhere at the start"), "{error}");
}

#[test]
fn levels_of_resolution_and_what_comes_and_goes_do_not_go_together() {
    let levels = "[levels]\ncount = 2\nagents = [\"pusher\"]\n";
    let text = SCENE.replacen("[[material]]", &format!("{levels}[[material]]"), 1);
    let scene = Scene::parse(Path::new("scene.toml"), &text).unwrap();
    let error = compile(&scene, Fidelity::Standard).unwrap_err().to_string();
    assert!(error.contains("`levels` cannot have a `[[emitter]]`"), "{error}");
}
