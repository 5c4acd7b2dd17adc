//! What scene files compile to: the shipped ones, and what each part of the format means.

use approx::assert_abs_diff_eq;
use ndarray::{Array1, Array2, Array3};
use ndarray_npy::NpzWriter;
use softscape::agents::drive;
use softscape::math::{Mat3, Vec3};
use softscape::model::{ActionTarget, Law, LawKind, Model, compile, summary};
use softscape::mpm::state::{NO_MUSCLE, Particles, State};
use softscape::mpm::twin::{Precision, simulator};
use softscape::scene::{Fidelity, Scene, cube_scene, json_schema};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Sums of thousands of f64 products of order one.
const ROUND_OFF: f64 = 1e-12;

fn shipped_scenes() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenes");
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|e| e == "toml")).collect()
}

fn model_of(text: &str) -> Model {
    let scene = Scene::parse(Path::new("test.toml"), text).unwrap_or_else(|e| panic!("{e}"));
    compile(&scene, Fidelity::Standard).unwrap_or_else(|e| panic!("{e}"))
}

/// A scene of one jelly body, with more lines for the body and more sections.
fn one_body(body_lines: &str, sections: &str) -> String {
    format!(
        "format = 1\n[world]\ncell_width = 0.1\n{}\n[[body]]\nname = \"a\"\nmaterial = \"jelly\"\n\
         {body_lines}\n{sections}",
        "origin_cells = [0, 0, 0]"
    )
}

#[test]
fn every_shipped_scene_compiles_at_every_fidelity_within_its_stable_substep() {
    let scenes = shipped_scenes();
    assert!(scenes.len() >= 5, "{scenes:?}");
    for path in scenes {
        let scene = Scene::load(&path).unwrap_or_else(|e| panic!("{e}"));
        assert!(!scene.description.is_empty(), "{} says nothing about itself", path.display());
        for fidelity in Fidelity::ALL {
            let model = compile(&scene, fidelity).unwrap_or_else(|e| panic!("{e}"));
            let summary = summary(&scene, &model);
            assert!(summary.substep_ratio <= 1.0 && summary.substep_ratio > 0.5, "{summary:?}");
            assert!(summary.particle_count > 0 && summary.total_mass > 0.0);
            assert_abs_diff_eq!(
                summary.control_secs,
                scene.world.control_secs,
                epsilon = ROUND_OFF
            );
        }
    }
}

#[test]
fn push_cube_and_soft_crawler_are_tasks_with_actions_that_exist() {
    for name in ["push-cube", "soft-crawler"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenes/{name}.toml"));
        let scene = Scene::load(&path).unwrap();
        let model = compile(&scene, Fidelity::Preview).unwrap();
        let task = scene.task.as_ref().expect("a task");
        assert!(!model.actions.is_empty());
        for start in &task.start {
            let exists = model.actions.iter().any(|action| action.name == start.channel);
            assert!(exists, "{name}: no channel {}", start.channel);
        }
    }
}

/// A shipped scene's preview after some control steps, and what its particles are then. All of it is finite,
/// and nothing turned inside out.
fn after(name: &str, control_steps: usize) -> (Arc<Model>, State<f64>, Arc<Particles>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenes/{name}.toml"));
    let scene = Scene::load(&path).unwrap();
    let model = Arc::new(compile(&scene, Fidelity::Preview).unwrap());
    let mut twin = simulator(&model, Precision::F32).unwrap();
    twin.drive(&drive(&model, &[], control_steps)).unwrap();
    twin.forward(0..control_steps * model.substeps_per_control).unwrap();
    let state = twin.read().unwrap();
    let particles = state.particles.clone().expect("particles are split and merged");
    for p in 0..state.particle_count() {
        let speed = state.v[p].norm_squared().sqrt();
        assert!(speed < scene.world.max_speed.unwrap(), "{name}: particle {p} at {speed} m/s");
        assert!(state.f[p].determinant() > 0.0 && state.history[p].is_finite());
    }
    (model, state, particles)
}

#[test]
fn both_blades_of_two_agents_keep_fine_sand_around_them() {
    let control_steps = 8;
    let (model, state, particles) = after("two-agents", control_steps);
    assert_eq!(model.levels.agents.len(), 2);
    let secs = model.substep_secs * (control_steps * model.substeps_per_control) as f64;
    let coarsest = particles.level.iter().max();
    assert_eq!(coarsest, Some(&2), "no coarse sand anywhere");
    for agent in &model.levels.agents {
        let blade = &model.colliders[agent.collider];
        let middle = blade.pose.position + blade.velocity * secs;
        let mut near = 0;
        for p in 0..state.particle_count() {
            let x = state.world_position(p, model.cell_width, model.origin);
            let gap = |a: usize| ((x[a] - middle[a]).abs() - agent.half_extents[a]).max(0.0);
            let distance = (0..3).map(|a| gap(a).powi(2)).sum::<f64>().sqrt();
            // The default's first band begins at two cells, whatever is below counting double at most.
            if distance < model.cell_width {
                near += 1;
                assert_eq!(particles.level[p], 0, "{}: coarse at {distance} m", blade.name);
            }
        }
        assert!(near > 100, "{}: {near} particles around it", blade.name);
    }
}

#[test]
fn snow_lies_over_sand_under_the_runner() {
    let (model, state, particles) = after("snow-over-sand", 4);
    let names: Vec<_> = model.bodies.iter().map(|body| body.name.as_str()).collect();
    assert_eq!(names, ["cover", "ground"]);
    // Within ten centimetres of its way, where the ground is level to some centimetres: the lowest and the
    // highest of each layer [m].
    let mut heights = [[f64::INFINITY, f64::NEG_INFINITY]; 2];
    let mut counts = [0usize; 2];
    for p in 0..state.particle_count() {
        let body = particles.body[p] as usize;
        assert_eq!(particles.material[p], model.bodies[body].material);
        let [x, y, z] = state.world_position(p, model.cell_width, model.origin);
        if x.abs() < 0.1 && y.abs() < 0.1 {
            counts[body] += 1;
            heights[body] = [heights[body][0].min(z), heights[body][1].max(z)];
        }
    }
    let [snow, sand] = heights;
    assert!(counts.iter().all(|&n| n > 100), "{counts:?} particles of snow and sand");
    let kinds = model.bodies.iter().map(|body| model.materials[body.material as usize].law.kind());
    assert_eq!(kinds.collect::<Vec<_>>(), [LawKind::Snow, LawKind::Sand]);
    // The snow is twelve centimetres thick.
    assert!(snow[1] > sand[1] + 0.05 && snow[0] > sand[0] + 0.05, "snow {snow:?}, sand {sand:?}");
}

#[test]
fn finer_fidelity_keeps_mass_and_multiplies_particles() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenes/push-cube.toml");
    let scene = Scene::load(&path).unwrap();
    let [preview, standard, _] = Fidelity::ALL.map(|f| compile(&scene, f).unwrap());
    let mass = |model: &Model| model.particles.mass.iter().sum::<f64>();
    assert_abs_diff_eq!(mass(&preview), mass(&standard), epsilon = ROUND_OFF);
    assert_eq!(8 * preview.initial.particle_count(), standard.initial.particle_count());
}

#[test]
fn the_reference_cube_has_the_particles_of_the_reference() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/reference-cube.toml");
    let scene = Scene::load(&path).unwrap();
    let model = compile(&scene, Fidelity::Standard).unwrap();
    let (dx, side) = (1.0 / 64.0, 22);
    assert_eq!(model.initial.particle_count(), side * side * side);
    assert_eq!((model.substep_secs, model.substeps_per_control), (1e-4, 10));
    let low = [0.5 - 5.5 * dx, 3.5 * dx, 0.5 - 5.5 * dx];
    for place in [[0, 0, 0], [3, 21, 7], [21, 21, 21]] {
        let expected: [f64; 3] =
            std::array::from_fn(|axis| low[axis] + (place[axis] as f64 + 0.5) * dx / 2.0);
        let position = |p| model.initial.world_position(p, model.cell_width, model.origin);
        let is_there = |&p: &usize| {
            let x = position(p);
            (0..3).all(|axis| (x[axis] - expected[axis]).abs() < ROUND_OFF)
        };
        let there: Vec<usize> = (0..model.initial.particle_count()).filter(is_there).collect();
        assert_eq!(there.len(), 1, "particles at {expected:?}");
        let (p, x) = (there[0], position(there[0]));
        assert_abs_diff_eq!(model.particles.mass[p], 4.76837158203125e-4, epsilon = 1e-18);
        let b = Mat3([[-2.0, 3.0, 1.0], [-3.0, -4.0, 2.0], [1.0, -2.0, 2.0]]);
        let centre = Vec3([0.5, 3.5 * dx + 5.5 * dx, 0.5]);
        let v = Vec3([0.5, -3.0, 0.25]) + b * (Vec3(x) - centre);
        for axis in 0..3 {
            assert_abs_diff_eq!(model.initial.v[p][axis], v[axis], epsilon = ROUND_OFF);
        }
    }
}

#[test]
fn a_world_moved_by_whole_cells_has_the_same_bits() {
    let text = one_body("shape = { type = \"sphere\", radius = 0.33 }\njitter = 0.7", "");
    let here = model_of(&text);
    let there = model_of(&text.replace("[0, 0, 0]", "[1048576, -7, 3]"));
    assert_eq!(here.initial.offset, there.initial.offset);
    for (a, b) in here.initial.cell.iter().zip(&there.initial.cell) {
        assert_eq!([a[0] + 1_048_576, a[1] - 7, a[2] + 3], *b);
    }
    assert_eq!(there.origin, [1_048_576, -7, 3]);
}

#[test]
fn shapes_are_filled_to_their_volume() {
    let pi = std::f64::consts::PI;
    for (shape, volume) in [
        ("{ type = \"box\", size = [1.0, 2.0, 1.5] }", 3.0),
        ("{ type = \"sphere\", radius = 1.0 }", 4.0 / 3.0 * pi),
        ("{ type = \"capsule\", radius = 0.5, length = 1.5 }", (1.5 / 4.0 + 1.0 / 6.0) * pi),
        ("{ type = \"cylinder\", radius = 1.0, length = 1.5 }", 1.5 * pi),
    ] {
        let model = model_of(&one_body(&format!("shape = {shape}"), ""));
        let filled: f64 = model.particles.volume.iter().sum();
        // A surface of order ten m² cuts particles of 5 cm: their errors average to a few per mille.
        assert_abs_diff_eq!(filled, volume, epsilon = 0.01 * volume);
    }
}

#[test]
fn a_box_between_lattice_points_counts_each_face_once() {
    // Faces through lattice points on both sides: 3 and not 4 layers.
    let text = one_body("shape = { type = \"box\", size = [0.15, 0.15, 0.15] }", "");
    assert_eq!(model_of(&text).initial.particle_count(), 27);
}

#[test]
fn angular_velocity_and_velocity_gradient_make_an_affine_field() {
    let model = model_of(&one_body(
        "shape = { type = \"box\", size = [0.4, 0.4, 0.4] }\nposition = [1.0, 0.0, 0.0]\n\
         velocity = [0.0, 0.0, 3.0]\nangular_velocity = [0.0, 0.0, 2.0]\n\
         velocity_gradient = [[0.5, 0, 0], [0, 0, 0], [0, 0, 0]]",
        "",
    ));
    for p in 0..model.initial.particle_count() {
        let x = model.initial.world_position(p, model.cell_width, model.origin);
        let expected = [-2.0 * x[1] + 0.5 * (x[0] - 1.0), 2.0 * (x[0] - 1.0), 3.0];
        for axis in 0..3 {
            assert_abs_diff_eq!(model.initial.v[p][axis], expected[axis], epsilon = ROUND_OFF);
        }
        let c = Mat3([[0.5, -2.0, 0.0], [2.0, 0.0, 0.0], [0.0; 3]]);
        assert_eq!(model.initial.c[p], c);
    }
}

#[test]
fn points_of_a_file_arrive_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let mut npz = NpzWriter::new(std::fs::File::create(folder.path().join("points.npz")).unwrap());
    let x = Array2::from_shape_fn((4, 3), |(p, a)| p as f64 * 0.03 + a as f64 * 0.5);
    let v = Array2::from_shape_fn((4, 3), |(p, a)| p as f32 - a as f32);
    let f = Array3::from_shape_fn((4, 3, 3), |(p, a, b)| {
        if a == b { 1.0 + 0.01 * p as f64 } else { 0.001 * (a as f64 - 2.0 * b as f64) }
    });
    npz.add_array("x", &x).unwrap();
    npz.add_array("v", &v).unwrap();
    npz.add_array("F", &f).unwrap();
    npz.add_array("volume", &Array1::from_elem(4, 2e-3)).unwrap();
    npz.finish().unwrap();
    let text = one_body(
        "shape = { type = \"points\", file = \"points.npz\" }\nposition = [0.0, 0.0, 10.0]\n\
         velocity = [1.0, 0.0, 0.0]",
        "",
    );
    let scene = Scene::parse(&folder.path().join("scene.toml"), &text).unwrap();
    let model = compile(&scene, Fidelity::Standard).unwrap();
    assert_eq!(model.initial.particle_count(), 4);
    for p in 0..4 {
        let position = model.initial.world_position(p, model.cell_width, model.origin);
        for a in 0..3 {
            let shift = if a == 2 { 10.0 } else { 0.0 };
            assert_abs_diff_eq!(position[a], x[[p, a]] + shift, epsilon = ROUND_OFF);
            let velocity = f64::from(v[[p, a]]) + if a == 0 { 1.0 } else { 0.0 };
            assert_eq!(model.initial.v[p][a], velocity);
            for b in 0..3 {
                assert_eq!(model.initial.f[p][(a, b)], f[[p, a, b]]);
            }
        }
        assert_eq!(model.initial.c[p], Mat3::zero());
        assert_eq!(model.particles.mass[p], 2.0);
    }
}

#[test]
fn a_half_space_has_its_normal_along_body_z_and_angles_become_radians() {
    let model = model_of(&one_body(
        "shape = { type = \"sphere\", radius = 0.2 }",
        "[[collider]]\nname = \"slope\"\nposition = [0.0, 0.0, -2.0]\n\
         shape = { type = \"half_space\", normal = [0.6, 0.0, 0.8] }\n\
         contact = { type = \"separate\", friction = 0.25 }\n\
         rotation = { axis = [0.0, 0.0, 1.0], angle_deg = 90.0 }\n",
    ));
    let slope = &model.colliders[0];
    let normal = slope.pose.rotation * glam::DVec3::Z;
    for (found, expected) in normal.to_array().into_iter().zip([0.0, 0.6, 0.8]) {
        assert_abs_diff_eq!(found, expected, epsilon = ROUND_OFF);
    }
    assert_eq!(slope.contact.friction, 0.25);
}

#[test]
fn effectors_and_muscles_become_action_channels_in_the_order_of_the_file() {
    let model = model_of(&one_body(
        "shape = { type = \"box\", size = [0.8, 0.4, 0.4] }",
        "[[collider]]\nname = \"tool\"\nposition = [2.0, 0.0, 0.0]\n\
         shape = { type = \"sphere\", radius = 0.1 }\ncontact = { type = \"sticky\" }\n\
         [[effector]]\ncollider = \"tool\"\nwz = { min = -2, max = 3 }\nvy = { min = -1, max = 1 }\n\
         [[muscle]]\nname = \"left\"\nbody = \"a\"\nposition = [-0.2, 0.0, 0.0]\n\
         region = { type = \"box\", size = [0.4, 0.4, 0.2] }\nfibre = [1, 0, 0]\n\
         activation = { min = 0, max = 5e3 }\n",
    ));
    let names: Vec<_> = model.actions.iter().map(|action| action.name.as_str()).collect();
    assert_eq!(names, ["tool.vy", "tool.wz", "left.activation"]);
    assert_eq!(model.actions[1].target, ActionTarget::AngularVelocity { collider: 0, axis: 2 });
    assert_eq!((model.actions[1].lower, model.actions[1].upper), (-2.0, 3.0));
    // Half of the length times half of the height, in cells of eight particles.
    let pulled = model.particles.muscle.iter().filter(|&&m| m != NO_MUSCLE).count();
    assert_eq!(pulled, 4 * 4 * 2 * 8);
}

#[test]
fn without_a_substep_the_longest_stable_one_that_divides_a_control_step_is_taken() {
    let text = one_body("shape = { type = \"box\", size = [0.4, 0.4, 0.4] }", "");
    let scene = Scene::parse(Path::new("test.toml"), &text).unwrap();
    let model = compile(&scene, Fidelity::Standard).unwrap();
    let summary = summary(&scene, &model);
    // Jelly: M = 2e4 * 0.7/(1.3 * 0.4) Pa; falls from its top to its bottom particle.
    let wave = (2e4 * 0.7 / (1.3 * 0.4) / 1000.0f64).sqrt();
    let fall = (2.0 * 9.81 * 0.35f64).sqrt();
    let stable = 0.4 * 0.1 / (wave + fall);
    assert_abs_diff_eq!(summary.stability.stable_secs, stable, epsilon = ROUND_OFF);
    assert_eq!(model.substeps_per_control, (0.02 / stable).ceil() as usize);
    assert_eq!(model.substep_secs, 0.02 / model.substeps_per_control as f64);
}

#[test]
fn the_summary_counts_what_is_there() {
    let text = one_body(
        "shape = { type = \"box\", size = [0.4, 0.4, 0.4] }",
        "[[body]]\nname = \"b\"\nmaterial = \"water\"\nposition = [2.0, 0.0, 0.0]\n\
         shape = { type = \"box\", size = [0.2, 0.2, 0.2] }\n",
    );
    let scene = Scene::parse(Path::new("test.toml"), &text).unwrap();
    let summary = summary(&scene, &compile(&scene, Fidelity::Standard).unwrap());
    assert_eq!(summary.particle_count, 8 * (64 + 8));
    assert_eq!(summary.bodies[1].particle_count, 64);
    assert_abs_diff_eq!(summary.bodies[0].mass, 64.0, epsilon = ROUND_OFF * 64.0);
    assert_abs_diff_eq!(summary.total_mass, 72.0, epsilon = ROUND_OFF * 72.0);
    assert_eq!(summary.materials[1].name, "water");
    assert_eq!(summary.state_bytes, 112 * 8 * 72);
    assert_eq!((summary.horizon, summary.duration_secs), (None, 1.0));
    // Particles sit a quarter cell either side of a node: 5 nodes along 4 cells, and 3 along 2.
    assert_eq!(summary.occupied_cells, 125 + 27);
}

#[test]
fn the_measured_cube_has_the_asked_particles_and_a_stable_substep() {
    for &kind in LawKind::ALL {
        let scene = cube_scene(kind.name(), Law::typical(kind), 22);
        let model = compile(&scene, Fidelity::Standard).unwrap();
        assert_eq!(model.initial.particle_count(), 10_648);
        assert_eq!(model.substep_secs, 1e-4);
    }
    let odd = cube_scene("elastic", Law::typical(LawKind::Elastic), 15);
    assert_eq!(compile(&odd, Fidelity::Standard).unwrap().initial.particle_count(), 15 * 15 * 15);
}

#[test]
fn the_schema_names_sections_choices_and_refuses_unknown_keys() {
    let schema = json_schema();
    assert_eq!(schema["additionalProperties"], false);
    assert!(schema["properties"]["world"].is_object());
    let text = schema.to_string();
    for word in ["\"half_space\"", "\"friction_angle_deg\"", "\"center_of_mass\"", "\"const\""] {
        assert!(text.contains(word), "the schema lacks {word}");
    }
    // A closed choice is a table with a `type` beside its own keys, as in the file.
    let laws = schema["$defs"]["Law"]["oneOf"].as_array().unwrap();
    assert_eq!(laws[0]["properties"]["type"]["const"], "elastic");
    assert_eq!(laws.len(), LawKind::ALL.len() + 1, "a law, or changes to a preset's");
    assert!(laws[0]["properties"]["young_modulus"].is_object());
}
