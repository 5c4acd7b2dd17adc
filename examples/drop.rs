//! A scene as text, a run on the CPU, a state to look at: a jelly cube drops on a floor.

use softscape::agents::drive;
use softscape::model::compile;
use softscape::mpm::diagnostics::totals;
use softscape::mpm::simulator::Simulator;
use softscape::mpm::twin::Twin;
use softscape::scene::{Fidelity, Scene};
use std::path::Path;
use std::sync::Arc;

const SCENE: &str = r#"
format = 1
[world]
cell_width = 0.04
[[body]]
name = "cube"
material = "jelly"
shape = { type = "box", size = [0.2, 0.2, 0.2] }
position = [0.0, 0.0, 0.3]
[[collider]]
name = "floor"
shape = { type = "half_space" }
contact = { type = "separate", friction = 0.4 }
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scene = Scene::parse(Path::new("drop.toml"), SCENE)?;
    let model = Arc::new(compile(&scene, Fidelity::Standard)?);
    let substeps = (1.0 / model.substep_secs) as usize;

    let mut simulator = Twin::<f32>::new(&model)?;
    // Nothing is driven here: no action, but the floor has a pose at every substep.
    let control_steps = substeps.div_ceil(model.substeps_per_control);
    simulator.drive(&drive(&model, &[], control_steps))?;

    let start = totals(&model, &simulator.read()?);
    simulator.forward(0..substeps)?;
    let state = simulator.read()?;
    let end = totals(&model, &state);

    let count = state.particle_count();
    let height = |p| state.world_position(p, model.cell_width, model.origin)[2];
    let mean = (0..count).map(height).sum::<f64>() / count as f64;
    let lowest = (0..count).map(height).fold(f64::INFINITY, f64::min);
    println!("{count} particles, {substeps} substeps: centre at {mean:.3} m, lowest {lowest:.3} m");
    println!("energy {:.3} J at the start, {:.3} J at the end", start.energy(), end.energy());

    assert_eq!(start.mass, end.mass);
    assert!(end.energy() < start.energy(), "a bounce costs energy");
    assert!(lowest > -0.02, "the floor holds");
    assert!(mean < 0.25, "the cube has dropped");
    Ok(())
}
