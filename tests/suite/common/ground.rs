//! Ground that sleeps under a box that is dragged over it, there and back.

#[path = "sleeping.rs"]
mod sleeping;

use sleeping::{BED, TERRAIN, WORLD};
pub use sleeping::{ELASTIC, SAND, to_and_fro};
use softscape::agents::{Drive, drive};
use softscape::model::{ContactMode, Model, compile};
use softscape::scene::{Fidelity, Scene};
use std::path::Path;

const BLOCK: &str = r#"
[[body]]
name = "block"
material = "ground"
shape = { type = "box", size = [0.08, 0.08, 0.08] }
position = [-0.8, 0.8, 0.4]
velocity = [8.0, 0.0, 1.0]
"#;

pub fn bed(law: &str) -> Model {
    compiled(&(WORLD.replace("LAW", law) + BED))
}

/// A bed in eighty chunks.
pub fn long_bed(law: &str) -> Model {
    compiled(&(WORLD.replace("LAW", law) + &BED.replace("[3.2,", "[12.8,")))
}

/// A bed, and a block that flies from chunk to chunk beside it.
pub fn bed_and_block(law: &str) -> Model {
    compiled(&(WORLD.replace("LAW", law) + BED + BLOCK))
}

/// With a box that holds what it touches, which has no branches.
pub fn sticky(mut model: Model) -> Model {
    model.colliders[0].contact.mode = ContactMode::Sticky;
    model.colliders[0].contact.softness = 0.04;
    model
}

/// With a box that passes above the ground, which is fine below it as if it were there.
pub fn looked_at_from_above(mut model: Model) -> Model {
    model.levels.agents[0].half_extents[2] = 0.4;
    model
}

/// The same, with gradients through where it is.
pub fn followed(model: Model) -> Model {
    let mut model = looked_at_from_above(model);
    model.levels.through_agents = true;
    model
}

pub fn terrain(law: &str) -> Model {
    compiled(&terrain_text(law))
}

/// The scene of [`terrain`].
pub fn terrain_text(law: &str) -> String {
    WORLD.replace("LAW", law) + TERRAIN
}

fn compiled(text: &str) -> Model {
    let scene = Scene::parse(Path::new("ground.toml"), text).unwrap();
    let mut model = compile(&scene, Fidelity::Standard).unwrap();
    model.colliders[0].contact.softness = 0.02;
    model
}
