//! The cube that throughput is measured on, made by a program at any size.

use super::{
    Body, BodyShape, Collider, ColliderShape, Contact, FORMAT, Fidelities, Law, Material, Scene,
    Source, StatedLaw, World,
};

/// Cells in a metre.
const CELLS_PER_UNIT: f64 = 64.0;

/// A cube of `side`³ particles, eight in a cell and jittered, that falls on a floor with a velocity
/// gradient in it: every part of a substep has work to do. Substep 1e-4 s.
pub fn cube_scene(name: &str, law: Law, side: usize) -> Scene {
    let cell = 1.0 / CELLS_PER_UNIT;
    let edge = 0.5 * cell * side as f64;
    let floor = 2.5 * cell;
    Scene {
        format: FORMAT,
        name: format!("cube-{name}"),
        description: String::new(),
        world: World {
            cell_width: cell,
            gravity: [0.0, 0.0, -9.81],
            control_secs: 1e-3,
            substep_secs: Some(1e-4),
            max_speed: Some(5.0),
            origin_cells: [0; 3],
            duration_secs: 1e-2,
        },
        fidelity: Fidelities::default(),
        material: vec![Material {
            name: name.to_string(),
            preset: None,
            density: Some(1000.0),
            law: Some(StatedLaw::Whole(law)),
        }],
        body: vec![Body {
            name: "cube".into(),
            material: name.to_string(),
            shape: BodyShape::Box { size: [edge; 3] },
            // One cell above the floor's nodes.
            position: [0.5, 0.5, floor + cell + 0.5 * edge],
            rotation: None,
            particles_per_cell: 8,
            jitter: 0.5,
            seed: 0,
            velocity: [0.5, 0.25, -3.0],
            angular_velocity: [0.0; 3],
            velocity_gradient: [[-0.2, 0.1, 0.3], [0.1, 0.2, -0.2], [-0.3, 0.2, -0.4]],
            at_rest: false,
            carve: Vec::new(),
        }],
        collider: vec![Collider {
            name: "floor".into(),
            shape: ColliderShape::HalfSpace { normal: [0.0, 0.0, 1.0] },
            contact: Contact::Separate { friction: 0.0 },
            softness: 0.0,
            position: [0.0, 0.0, floor],
            rotation: None,
            velocity: [0.0; 3],
            angular_velocity: [0.0; 3],
        }],
        rigid_body: vec![],
        emitter: Vec::new(),
        sink: Vec::new(),
        effector: Vec::new(),
        muscle: Vec::new(),
        sensor: Vec::new(),
        levels: None,
        terrain: None,
        task: None,
        identify: None,
        source: Source::default(),
    }
}
