//! Ground under a box that is dragged over it, there and back, in chunks that sleep and wake; for tests inside
//! and outside of the crate. Needs `Drive`, `drive` and `Model` of its parent.

use super::{Drive, Model, drive};

pub const ELASTIC: &str = "{ type = \"elastic\", young_modulus = 2e5, poisson_ratio = 0.3 }";
pub const SAND: &str =
    "{ type = \"sand\", young_modulus = 2e5, poisson_ratio = 0.2, friction_angle_deg = 32.0 }";

/// In chunks of eight cells, fifty wide; the box is in the ground.
pub const WORLD: &str = r#"
format = 1
[world]
cell_width = 0.04
control_secs = 0.01
max_speed = 3.0
[[material]]
name = "ground"
density = 1600.0
law = LAW
[[collider]]
name = "box"
shape = { type = "box", size = [0.16, 0.2, 0.16] }
position = [-1.1, 0.0, 0.04]
velocity = [6.0, 0.0, 0.0]
contact = { type = "separate", friction = 0.3 }
[[collider]]
name = "floor"
shape = { type = "half_space" }
position = [0.0, 0.0, -0.24]
contact = { type = "sticky" }
[levels]
count = 2
agents = ["box"]
ahead = 0.0
bands = [{ start = 0.04, width = 0.08 }]
[levels.sleep]
radius = 0.2
quiet_speed = 0.3
wake_speed = 0.6
quiet_secs = 0.01
"#;

pub const BED: &str = r#"
[[body]]
name = "bed"
material = "ground"
shape = { type = "box", size = [3.2, 0.64, 0.32] }
position = [0.0, 0.0, -0.16]
particles_per_cell = 1
at_rest = true
carve = ["box"]
"#;

/// Without end, hilly and of two layers.
pub const TERRAIN: &str = r#"
[terrain]
bottom = -0.36
seed = 5
carve = ["box"]
particles_per_cell = 1
[[terrain.layer]]
name = "cover"
material = "ground"
thickness = 0.16
[[terrain.layer]]
name = "base"
material = "ground"
[[terrain.relief]]
type = "noise"
amplitude = 0.03
wavelength = 0.8
octaves = 2
"#;

/// There and back at a speed [m/s], `up` above its place [cells].
pub fn to_and_fro(model: &Model, control_steps: usize, speed: f64, up: i32) -> Drive {
    let mut drive = drive(model, &[], control_steps);
    let (substeps, colliders) = (drive.substeps(), drive.collider_count);
    let start = drive.poses[0];
    for n in 0..substeps {
        let forward = 2 * n < substeps;
        let steps = if forward { n } else { substeps - n };
        let way = speed * steps as f64 * model.substep_secs;
        let cells = (way / model.cell_width).round();
        let pose = &mut drive.poses[n * colliders];
        *pose = start;
        pose.cell[0] += cells as i32;
        pose.cell[2] += up;
        pose.offset[0] += way - cells * model.cell_width;
        pose.velocity[0] = if forward { speed } else { -speed };
    }
    drive
}
