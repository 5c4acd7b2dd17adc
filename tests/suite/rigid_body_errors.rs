//! Every mistake about rigid bodies gives one error with its place, what was found, what is allowed.

use softscape::model::compile;
use softscape::scene::{Fidelity, Scene};
use std::path::Path;

const GOOD: &str = r#"format = 1
[world]
cell_width = 0.05
[[body]]
name = "cube"
material = "jelly"
shape = { type = "box", size = [0.2, 0.2, 0.2] }
position = [0.0, 0.0, 0.1]
[[collider]]
name = "floor"
shape = { type = "half_space" }
contact = { type = "separate" }
[[rigid_body]]
name = "stone"
density = 2500.0
shape = { type = "box", size = [0.15, 0.15, 0.15] }
position = [0.0, 0.0, 0.3]
contact = { type = "separate", friction = 0.5 }
[[rigid_body]]
name = "ball"
mass = 3.0
shape = { type = "sphere", radius = 0.1 }
position = [0.0, 0.0, 0.6]
contact = { type = "separate" }
"#;

fn compiled(text: &str) -> Result<(), String> {
    let scene = Scene::parse(Path::new("scene.toml"), text).map_err(|e| e.to_string())?;
    compile(&scene, Fidelity::Standard).map(drop).map_err(|e| e.to_string())
}

/// The message about the good scene with one part replaced.
fn mistake(found: &str, replacement: &str) -> String {
    assert_eq!(GOOD.matches(found).count(), 1, "`{found}` must name one place");
    compiled(&GOOD.replace(found, replacement)).expect_err(replacement)
}

#[test]
fn the_scene_without_mistakes_compiles() {
    compiled(GOOD).unwrap();
}

#[test]
fn each_mistake_is_told_with_its_place_and_its_number() {
    let stone = "position = [0.0, 0.0, 0.3]";
    for (found, replacement, line, words) in [
        ("density = 2500.0\n", "", 13, "the rigid body `stone` has no mass"),
        ("density = 2500.0", "density = 2500.0\nmass = 1.0", 16, "only one may be"),
        ("density = 2500.0", "density = -3.0", 15, "`density` is -3 kg/m³"),
        ("mass = 3.0", "mass = 0.0", 21, "`mass` is 0 kg; it must be greater than zero"),
        ("size = [0.15, 0.15, 0.15]", "size = [0.15, 0.0, 0.15]", 16, "without volume"),
        ("radius = 0.1 }", "radius = -0.1 }", 22, "`radius` is -0.1 m"),
        (stone, "position = [0.0, 0.0, 0.24]", 13, "inside, the first of them of the body `cube`"),
        (stone, "position = [0.4, 0.0, 0.07]", 13, "5.0000e-3 m inside the collider `floor`"),
        (stone, "position = [0.0, 0.0, 0.45]", 13, "2.5000e-2 m inside the rigid body `ball`"),
        (stone, "position = [0.0, 0.0, 1e9]", 17, "cells from the origin"),
        ("name = \"ball\"", "name = \"stone\"", 20, "duplicate name `stone`"),
        ("name = \"ball\"", "name = \"cube\"", 20, "a `[[body]]` has it already"),
        ("mass = 3.0", "mass = 0.01", 19, "is too light for the cell width 0.05 m"),
        ("mass = 3.0", "mass = 3.0\ninertia = [1.0, 1.0, 3.0]", 22, "sum of the other two"),
        ("mass = 3.0", "mass = 3.0\ninertia = [0.0, 1.0, 1.0]", 22, "greater than zero"),
        ("mass = 3.0", "mass = 3.0\ncenter_of_mass = [0.0, 0.0, 0.2]", 22, "outside the shape"),
        ("mass = 3.0", "mass = 3.0\nspin = 1.0", 22, "unknown key `spin`"),
    ] {
        let message = mistake(found, replacement);
        assert!(message.starts_with(&format!("scene.toml:{line}:")), "line {line}? {message}");
        assert!(message.contains(words), "no `{words}` in: {message}");
    }
}
