//! Every mistake in a scene gives one error that says where, what was found and what is allowed.

use miette::Diagnostic;
use ndarray::{Array1, Array2, Array3};
use ndarray_npy::NpzWriter;
use softscape::model::{Law, LawKind, Model, compile};
use softscape::scene::{Fidelity, Scene, SceneError, cube_scene};
use std::path::Path;

/// A scene without mistakes; each test makes one.
const GOOD: &str = r#"format = 1

[world]
cell_width = 0.05
substep_secs = 5e-4
origin_cells = [0, 0, 0]

[fidelity]
fine = { cell_width = 0.025 }

[[material]]
name = "steel"
density = 1000.0
law = { type = "elastic", young_modulus = 1e5, poisson_ratio = 0.2 }

[[body]]
name = "cube"
material = "steel"
shape = { type = "box", size = [0.2, 0.2, 0.2] } # body
position = [0.0, 0.0, 0.2] # body

[[collider]]
name = "floor"
shape = { type = "half_space", normal = [0.0, 0.0, 1.0] }
contact = { type = "separate", friction = 0.3 }

[[effector]]
collider = "floor"
vx = { min = -1.0, max = 1.0 }

[[muscle]]
name = "flexor"
body = "cube"
region = { type = "box", size = [0.1, 0.2, 0.2] }
position = [0.0, 0.0, 0.2]
fibre = [1.0, 0.0, 0.0]
activation = { min = 0.0, max = 1e4 }

[task]
horizon = 10

[[task.objective]]
type = "center_of_mass"
body = "cube"
goal = [1.0, 0.0, 0.2]

[task.score]
type = "distance_to_goal"
body = "cube"
goal = [1.0, 0.0, 0.2]
"#;

fn compiled(path: &Path, text: &str, fidelity: Fidelity) -> Result<Model, SceneError> {
    Scene::parse(path, text).and_then(|scene| compile(&scene, fidelity))
}

/// A scene with a mistake in it, and the error that it gave.
struct Mistake {
    text: String,
    error: SceneError,
}

impl Mistake {
    fn of(text: String, fidelity: Fidelity) -> Mistake {
        match compiled(Path::new("scene.toml"), &text, fidelity) {
            Ok(_) => panic!("accepted: {text}"),
            Err(error) => Mistake { text, error },
        }
    }

    /// Asserts the error's words and its place: line and column of the `^` in a piece of the text.
    fn says(&self, place: &str, words: &[&str]) {
        let shown = self.error.to_string();
        let (before, after) = place.split_once('^').expect("a ^ in the place");
        let piece = format!("{before}{after}");
        assert_eq!(self.text.matches(&piece).count(), 1, "`{piece}` must stand in one place");
        let up_to = &self.text[..self.text.find(&piece).unwrap() + before.len()];
        let line = 1 + up_to.matches('\n').count();
        let column =
            1 + up_to.lines().last().map_or(0, str::len) * usize::from(!up_to.ends_with('\n'));
        assert!(
            shown.starts_with(&format!("scene.toml:{line}:{column}: ")),
            "{line}:{column}? {shown}"
        );
        assert_eq!(self.error.line_column(), Some((line, column)));
        for word in words {
            assert!(shown.contains(word), "no `{word}` in: {shown}");
        }
    }
}

/// The good scene with one part replaced.
fn with(found: &str, replacement: &str) -> Mistake {
    assert_eq!(GOOD.matches(found).count(), 1, "`{found}` must name one place");
    Mistake::of(GOOD.replace(found, replacement), Fidelity::Standard)
}

#[test]
fn the_scene_without_mistakes_compiles() {
    for fidelity in [Fidelity::Standard, Fidelity::Fine] {
        compiled(Path::new("scene.toml"), GOOD, fidelity).unwrap_or_else(|e| panic!("{e}"));
    }
}

#[test]
fn a_missing_file_is_named() {
    let error = Scene::load(Path::new("no/such/scene.toml")).unwrap_err().to_string();
    assert!(error.starts_with("no/such/scene.toml: cannot read the scene"), "{error}");
}

#[test]
fn broken_toml_is_placed() {
    with("horizon = 10", "horizon = =").says("horizon = ^=", &["not valid TOML"]);
    with("[fidelity]", "[task.score]\nbody = \"a\"\n[fidelity]")
        .says("goal = [1.0, 0.0, 0.2]\n\n[task.^score]", &["not valid TOML", "duplicate key"]);
}

#[test]
fn another_format_is_refused_before_anything_else() {
    with("format = 1", "format = 7\nnonsense = 1")
        .says("format = ^7", &["unknown format 7", "reads format 1"]);
    with("format = 1\n", "").says("^\n[world]", &["no `format`", "`format = 1`"]);
    with("format = 1", "format = \"1\"").says("format = ^\"1\"", &["unknown format \"1\""]);
}

#[test]
fn an_unknown_key_names_the_nearest_one() {
    let mistake = with("density = 1000.0", "densty = 1000.0");
    mistake.says("^densty", &["unknown key `densty`", "did you mean `density`?", "`law`"]);
    assert_eq!(mistake.error.help(), Some("did you mean `density`?"));
    // Inside a closed choice, where the place is easily lost.
    with("young_modulus", "young_modulu")
        .says("^young_modulu", &["`young_modulu`", "did you mean `young_modulus`?"]);
    // At the root, and where nothing is near.
    with("[world]", "[wrld]").says("[^wrld]", &["`wrld`", "did you mean `world`?"]);
    with("friction = 0.3", "colour = 3").says("^colour", &["`colour`", "allowed: `friction`"]);
    with("\"separate\", friction", "\"slip\", friction")
        .says("^friction", &["unknown key `friction`", "nothing is allowed"]);
}

#[test]
fn an_unknown_choice_names_the_nearest_one() {
    with("\"half_space\"", "\"halfspace\"")
        .says("^\"halfspace\"", &["unknown choice `halfspace`", "did you mean `half_space`?"]);
    with("type = \"center_of_mass\"", "type = \"center_of_mass\"\nwhen = \"allways\"")
        .says("^\"allways\"", &["`allways`", "did you mean `always`?"]);
    with("type = \"separate\", ", "")
        .says("contact = ^{", &["missing key `type`", "`sticky`, `slip`, `separate`"]);
    with("{ type = \"separate\", friction = 0.3 }", "\"separate\"")
        .says("contact = ^\"separate\"", &["expected a table", "type = \"separate\""]);
    with("type = \"separate\"", "type = 3").says("type = ^3", &["`type` is one of `sticky`"]);
}

#[test]
fn a_missing_key_is_named_at_its_table() {
    with("density = 1000.0", "").says("^[[material]]", &["missing key `density`"]);
    with(", poisson_ratio = 0.2", "").says("law = ^{", &["missing key `poisson_ratio`"]);
}

#[test]
fn a_preset_is_changed_by_keys_of_its_law_alone() {
    with("density = 1000.0", "preset = \"jely\"")
        .says("^\"jely\"", &["unknown preset `jely`", "did you mean `jelly`?"]);
    with("type = \"elastic\", ", "")
        .says("law = ^{", &["missing key `type`", "`elastic`, `neo_hookean`"]);
    // No muscle: mud has none.
    let (plain, _) = GOOD.split_once("[[effector]]").unwrap();
    let law = "law = { type = \"elastic\", young_modulus = 1e5, poisson_ratio = 0.2 }";
    let mud = |keys: &str| plain.replace("density = 1000.0", "preset = \"mud\"").replace(law, keys);
    let file = Path::new("scene.toml");
    let compile = |keys| compiled(file, &mud(keys), Fidelity::Standard);
    let plain_mud = compile("").unwrap().materials[0].clone();
    let thin =
        compile("density = 1200.0\nlaw = { yield_stress = 10.0 }").unwrap().materials[0].clone();
    assert_eq!((plain_mud.density, thin.density), (1500.0, 1200.0));
    assert_eq!(plain_mud.law.with_parameter("yield_stress", 10.0), Some(thin.law));
    let mistake = |keys: &str| Mistake::of(mud(keys), Fidelity::Standard);
    mistake("law = { yeild_stress = 10.0 }")
        .says("yeild_stress = ^10.0", &["`herschel_bulkley`", "did you mean `yield_stress`?"]);
    mistake("law = { flow_index = 1.5 }").says("^1.5", &["`flow_index` is 1.5", "at most 1"]);
    mistake("law = { flow_index = \"thin\" }").says("^\"thin\"", &["a number, true or false"]);
}

#[test]
fn every_key_of_every_law_is_known_by_name_and_checked() {
    let elastic = "{ type = \"elastic\", young_modulus = 1e5, poisson_ratio = 0.2 }";
    let (plain, _) = GOOD.split_once("[[effector]]").unwrap();
    for &kind in LawKind::ALL {
        let keys: Vec<(&str, String)> = kind
            .spec()
            .parameters
            .iter()
            .map(|p| match p.is_switch {
                true => (p.key, "true".to_owned()),
                false => (p.key, format!("{:?}", p.typical)),
            })
            .collect();
        let scene = |keys: &[(&str, String)]| {
            let keys: Vec<String> = keys.iter().map(|(k, v)| format!("{k} = {v}")).collect();
            let law = format!("{{ type = \"{}\", {} }}", kind.name(), keys.join(", "));
            plain.replace(elastic, &law)
        };
        let file = Path::new("scene.toml");
        let model = compiled(file, &scene(&keys), Fidelity::Standard);
        let model = model.unwrap_or_else(|error| panic!("{}: {error}", kind.name()));
        assert_eq!(model.materials[0].law, Law::typical(kind));
        for (place, parameter) in kind.spec().parameters.iter().enumerate() {
            if parameter.is_switch {
                continue;
            }
            let mut wrong = keys.clone();
            wrong[place].1 = "-1e9".into();
            Mistake::of(scene(&wrong), Fidelity::Standard)
                .says("^-1e9", &[&format!("`{}` is -1000000000", parameter.key), "it must be"]);
        }
    }
}

#[test]
fn a_wrong_type_says_what_was_expected_and_found() {
    with("density = 1000.0", "density = \"heavy\"")
        .says("^\"heavy\"", &["expected a number", "\"heavy\""]);
    with("position = [0.0, 0.0, 0.2] # body", "position = [0.0, 0.2]")
        .says("position = ^[0.0, 0.2]", &["array of length 3", "2 elements"]);
    with("horizon = 10", "horizon = -4").says("horizon = ^-4", &["whole number", "-4"]);
    with("horizon = 10", "horizon = 1.5").says("^1.5", &["whole number", "1.5"]);
    with("position = [0.0, 0.0, 0.2] # body", "position = 1979-05-27")
        .says("^1979-05-27", &["date 1979-05-27"]);
    with("[0, 0, 0]", "[0, 0, 9999999999]").says("^9999999999", &["32 bits", "9999999999"]);
    with("[0, 0, 0]", "[0, 0, 99999999999999999999]").says("^99999999999999999999", &["64 bits"]);
}

#[test]
fn materials_out_of_range_are_refused() {
    with("density = 1000.0", "density = -1000.0")
        .says("^-1000.0", &["`density` is -1000 kg/m³", "greater than zero"]);
    for bad in ["0.5", "0.7", "-1.0", "nan"] {
        with("poisson_ratio = 0.2", &format!("poisson_ratio = {bad}"))
            .says(&format!("poisson_ratio = ^{bad}"), &["`poisson_ratio` is ", "less than 0.5"]);
    }
    with("young_modulus = 1e5", "young_modulus = 0")
        .says("young_modulus = ^0", &["`young_modulus` is 0 Pa"]);
    let elastic = "\"elastic\", young_modulus = 1e5, poisson_ratio = 0.2 }";
    let sand = "\"sand\", young_modulus = 1e5, poisson_ratio = 0.2, friction_angle_deg = 90 }";
    with(elastic, sand).says("^90", &["`friction_angle_deg` is 90", "less than 90"]);
    with("friction = 0.3", "friction = -0.1")
        .says("^-0.1", &["`friction` is -0.1", "0 or greater"]);
    with("name = \"floor\"", "name = \"floor\"\nsoftness = -0.1")
        .says("^-0.1", &["`softness` is -0.1", "0 or greater"]);
}

#[test]
fn numbers_that_are_not_finite_are_refused_wherever_they_stand() {
    for (found, replacement, place) in [
        ("cell_width = 0.05", "cell_width = nan", "^nan"),
        ("substep_secs = 5e-4", "substep_secs = inf", "^inf"),
        ("density = 1000.0", "density = inf", "^inf"),
        ("[0.2, 0.2, 0.2] } # body", "[0.2, nan, 0.2] }", "^[0.2, nan"),
        ("[0.0, 0.0, 0.2] # body", "[0.0, 0.0, inf]", "^[0.0, 0.0, inf]"),
        ("[0.0, 0.0, 0.2] # body", "[0, 0, 1]\nvelocity = [nan, 0, 0]", "^[nan"),
        ("normal = [0.0, 0.0, 1.0]", "normal = [0.0, 0.0, nan]", "^[0.0, 0.0, nan]"),
        ("friction = 0.3", "friction = nan", "^nan"),
        ("min = -1.0", "min = -inf", "^-inf"),
        ("fibre = [1.0, 0.0, 0.0]", "fibre = [nan, 0.0, 0.0]", "^[nan"),
        ("max = 1e4", "max = nan", "^nan"),
    ] {
        with(found, replacement).says(place, &[" is "]);
    }
}

#[test]
fn a_body_without_volume_or_particles_is_refused() {
    with("[0.2, 0.2, 0.2] } # body", "[0.2, 0.0, 0.2] }")
        .says("^[0.2, 0.0, 0.2]", &["[0.2, 0.0, 0.2] m", "without volume"]);
    with("[0.2, 0.2, 0.2] } # body", "[0.2, 0.001, 0.2] }")
        .says("^{ type = \"box\", size = [0.2, 0.001", &["`cube` has no particles", "0.025 m"]);
    let bare = "format = 1\n[world]\ncell_width = 0.1\n".to_string();
    let error = Mistake::of(bare, Fidelity::Standard).error;
    assert!(error.to_string().contains("no particles: it has no `[[body]]`"), "{error}");
}

#[test]
fn an_absurd_number_of_particles_is_refused_before_it_is_made() {
    let place = "shape = ^{ type = \"box\", size = [0.2";
    with("cell_width = 0.05", "cell_width = 1e-5")
        .says(place, &["6.400e13 particles", "cell width 0.00001 m", "33554432"]);
    with("cell_width = 0.05", "cell_width = 1e-300").says(place, &["particles"]);
    with("position = [0.0, 0.0, 0.2] # body", "position = [0.0, 1e9, 0.2]")
        .says("^[0.0, 1e9, 0.2]", &["cells from the origin", "at most"]);
    let error = with("[0, 0, 0]", "[0, 2000000000, 0]").error;
    assert!(error.to_string().contains("cells from the origin"), "{error}");
}

#[test]
fn a_long_thin_body_across_the_lattice_is_sampled_or_refused_but_never_exhausts_memory() {
    // A rod 10 cm thick and 2 km long: few particles in a box of very many lattice points.
    let rod = "shape = { type = \"cylinder\", radius = 0.05, length = 2000.0 } #";
    let turned = "rotation = { axis = [0.577, 0.577, 0.577], angle_deg = 40 }\n[[collider]]";
    let text = GOOD.replace("shape = { type = \"box\", size = [0.2, 0.2, 0.2] } #", rod);
    let text = text.replacen("[[collider]]", turned, 1);
    Mistake::of(text, Fidelity::Standard).says("^{ type = \"cylinder\"", &["particles"]);
}

#[test]
fn particles_in_a_cell_come_in_cubes() {
    with("name = \"cube\"", "name = \"cube\"\nparticles_per_cell = 9")
        .says("= ^9", &["`particles_per_cell` is 9", "1, 8, 27 or 64"]);
    with("name = \"cube\"", "name = \"cube\"\njitter = 1.5")
        .says("= ^1.5", &["`jitter` is 1.5", "between 0 and 1"]);
}

#[test]
fn an_unstable_substep_is_refused_with_its_numbers() {
    let words =
        ["substep 5e-3 s exceeds the stable 1.49e-3 s", "material \"steel\"", "cell width 0.05 m"];
    with("substep_secs = 5e-4", "substep_secs = 5e-3").says("^5e-3", &words);
    with("substep_secs = 5e-4", "substep_secs = 3e-4")
        .says("^3e-4", &["control step of 0.02 s", "whole number"]);
    // What is stable at one cell width is not at a quarter of it.
    Mistake::of(GOOD.replace("0.025", "0.0125"), Fidelity::Fine)
        .says("substep_secs = ^5e-4", &["exceeds the stable", "cell width 0.0125 m"]);
}

#[test]
fn a_body_inside_a_collider_is_counted_and_placed() {
    let words = ["128 of 512 particles", "`cube`", "collider `floor`", "-0.0375"];
    with("position = [0.0, 0.0, 0.2] # body", "position = [0.0, 0.0, 0.05]")
        .says("^[[body]]", &words);
}

#[test]
fn an_unknown_name_suggests_the_nearest_one() {
    with("material = \"steel\"", "material = \"steal\"")
        .says("^\"steal\"", &["unknown material `steal`", "did you mean `steel`?", "`water`"]);
    with("collider = \"floor\"", "collider = \"flor\"")
        .says("^\"flor\"", &["unknown collider `flor`", "did you mean `floor`?"]);
    with("name = \"flexor\"\nbody = \"cube\"", "name = \"flexor\"\nbody = \"kube\"")
        .says("^\"kube\"", &["unknown body `kube`", "did you mean `cube`?"]);
}

#[test]
fn names_are_unique_and_plain() {
    let twice = "[[collider]]\nname = \"floor\" # again\nshape = { type = \"sphere\", radius = 1 }\n\
                 contact = { type = \"slip\" }\n\n[[effector]]";
    with("[[effector]]", twice)
        .says("^\"floor\" # again", &["duplicate name `floor`", "collider 1"]);
    let again = "[[effector]]\ncollider = \"floor\" # again\nvy = { min = 0, max = 1 }\n[[muscle]]";
    with("[[muscle]]", again).says("^\"floor\" # again", &["duplicate effector", "`floor`"]);
    with("name = \"flexor\"", "name = \"my flexor\"")
        .says("^\"my flexor\"", &["`my flexor`", "letters, digits"]);
    with("name = \"steel\"", "name = \"water\"")
        .says("name = ^\"water\"", &["`water` is a built-in material"]);
}

#[test]
fn directions_have_length_one() {
    with("fibre = [1.0, 0.0, 0.0]", "fibre = [0.0, 0.0, 0.0]")
        .says("fibre = ^[", &["length 0", "must be of length one"]);
    let mistake = with("normal = [0.0, 0.0, 1.0]", "normal = [0.0, 3.0, 4.0]");
    mistake.says("normal = ^[", &["length 5"]);
    assert_eq!(mistake.error.help(), Some("`normal = [0.0000, 0.6000, 0.8000]`"));
    with("name = \"cube\"", "name = \"cube\"\nrotation = { axis = [0, 0, 0], angle_deg = 3 }")
        .says("axis = ^[", &["`axis` is [0.0, 0.0, 0.0]"]);
}

#[test]
fn actions_need_bounds_and_something_to_act_on() {
    with("min = -1.0, max = 1.0", "min = 1.0, max = -1.0")
        .says("vx = ^{", &["`min` is 1 and `max` is -1", "less than"]);
    with("vx = { min = -1.0, max = 1.0 }", "")
        .says("^[[effector]]", &["`floor` drives nothing", "`wz`"]);
    with("size = [0.1, 0.2, 0.2]", "size = [0.001, 0.2, 0.2]")
        .says("region = ^{", &["holds no particle of the body `cube`"]);
    let second = "[[muscle]]\nname = \"extensor\"\nbody = \"cube\"\nfibre = [1, 0, 0]\n\
                  region = { type = \"sphere\", radius = 0.5 }\nposition = [0, 0, 0.2]\n\
                  activation = { min = 0, max = 1 }\n[task]";
    with("[task]", second).says("^{ type = \"sphere\"", &["overlaps", "muscle `flexor`"]);
    with("material = \"steel\"", "material = \"dry-sand\"")
        .says("name = \"flexor\"\nbody = ^\"cube\"", &["`dry-sand`, which is not elastic"]);
}

#[test]
fn a_bed_at_rest_needs_a_level_box_that_can_bear_itself() {
    let bed = GOOD.replace("name = \"cube\"", "name = \"cube\"\nat_rest = true");
    let compiled = |text: &str| compiled(Path::new("scene.toml"), text, Fidelity::Standard);
    assert!(compiled(&bed).is_ok());
    let place = "at_rest = ^true";
    let wrong = |found: &str, replacement: &str| {
        Mistake::of(bed.replace(found, replacement), Fidelity::Standard)
    };
    wrong("at_rest", "rotation = { axis = [0, 0, 1], angle_deg = 9 }\nat_rest")
        .says(place, &["`at_rest`", "not rotated"]);
    wrong("[0.2, 0.2, 0.2] } # body", "[0.2, 0.2, 30.0] }")
        .says(place, &["`steel`", "below the surface", "crush"]);
    wrong("[0, 0, 0]", "[0, 0, 0]\ngravity = [1, 0, -9]").says(place, &["gravity", "along -z"]);
    // It may reach two cells into the floor, and no more.
    let lowered = |z: &str| {
        bed.replace("0.2] # body", &format!("{z}]")).replace("0.0, 0.2]\nfib", "0.0, 0.0]\nfib")
    };
    assert!(compiled(&lowered("0.0")).is_ok());
    let error = compiled(&lowered("-0.05")).unwrap_err().to_string();
    assert!(error.contains("inside the collider `floor`"), "{error}");
}

#[test]
fn an_empty_horizon_is_refused() {
    with("horizon = 10", "horizon = 0").says("horizon = ^0", &["`horizon` is 0", "1 or greater"]);
}

#[test]
fn a_fidelity_that_the_scene_lacks_is_an_error() {
    let mistake = Mistake::of(GOOD.to_string(), Fidelity::Preview);
    mistake.says("^[fidelity]", &["no fidelity `preview`"]);
}

#[test]
fn an_error_of_a_scene_made_by_a_program_has_no_place_and_still_its_words() {
    let mut scene = cube_scene("elastic", Law::typical(LawKind::Elastic), 4);
    scene.body[0].velocity[2] = f64::NAN;
    let error = compile(&scene, Fidelity::Standard).unwrap_err();
    assert_eq!(error.line_column(), None);
    assert!(error.to_string().starts_with("`velocity` is [0.5, 0.25, NaN]"), "{error}");
}

#[test]
fn the_report_shows_the_line_of_the_file() {
    let error = with("density = 1000.0", "densty = 1000.0").error;
    let mut report = String::new();
    miette::NarratableReportHandler::new().render_report(&mut report, &error).unwrap();
    assert!(report.contains("densty = 1000.0") && report.contains("line 13"), "{report}");
    assert_eq!(error.labels().unwrap().next().unwrap().len(), "densty".len());
}

/// The error of a scene whose body is `p.npz`, written by `fill`.
fn points_error(fill: impl FnOnce(&mut NpzWriter<std::fs::File>)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut npz = NpzWriter::new(std::fs::File::create(folder.path().join("p.npz")).unwrap());
    fill(&mut npz);
    npz.finish().unwrap();
    points_error_in(folder.path())
}

fn points_error_in(folder: &Path) -> String {
    let text = "format = 1\n[world]\ncell_width = 0.1\n[[body]]\nname = \"a\"\n\
                material = \"jelly\"\nshape = { type = \"points\", file = \"p.npz\" }\n";
    let error = compiled(&folder.join("scene.toml"), text, Fidelity::Standard).unwrap_err();
    assert_eq!(error.line_column(), Some((7, 35)), "{error}");
    error.to_string()
}

#[test]
fn a_points_file_that_is_missing_or_no_npz_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = points_error_in(folder.path());
    assert!(error.contains("cannot read") && error.contains("p.npz"), "{error}");
    std::fs::write(folder.path().join("p.npz"), "x,y,z").unwrap();
    let error = points_error_in(folder.path());
    assert!(error.contains("not an npz"), "{error}");
}

#[test]
fn arrays_of_a_points_file_are_checked_by_name_shape_and_value() {
    let x = Array2::<f64>::zeros((3, 3));
    let error = points_error(|npz| npz.add_array("positions", &x).unwrap());
    assert!(error.contains("no array `x` (it has: positions)"), "{error}");
    let error = points_error(|npz| npz.add_array("x", &Array2::<f64>::zeros((3, 2))).unwrap());
    assert!(error.contains("expected shape [N, 3], found [3, 2]"), "{error}");
    let error = points_error(|npz| npz.add_array("x", &Array2::<i32>::zeros((3, 3))).unwrap());
    assert!(error.contains("expected f64 or f32"), "{error}");
    let error = points_error(|npz| npz.add_array("x", &Array2::<f64>::zeros((0, 3))).unwrap());
    assert!(error.contains("no particles"), "{error}");
    let mut nan = x.clone();
    nan[[2, 1]] = f64::NAN;
    let error = points_error(|npz| npz.add_array("x", &nan).unwrap());
    assert!(error.contains("`x`") && error.contains("NaN at index [2, 1]"), "{error}");
    let error = points_error(|npz| {
        npz.add_array("x", &x).unwrap();
        npz.add_array("v", &Array2::<f32>::zeros((2, 3))).unwrap();
    });
    assert!(error.contains("`v`") && error.contains("[3, 3], found [2, 3]"), "{error}");
    let error = points_error(|npz| {
        npz.add_array("x", &x).unwrap();
        npz.add_array("volume", &Array1::from_vec(vec![1.0, 0.0, 1.0])).unwrap();
    });
    assert!(error.contains("`volume` of particle 1") && error.contains("0 m³"), "{error}");
    let error = points_error(|npz| {
        npz.add_array("x", &x).unwrap();
        npz.add_array("F", &Array3::<f64>::zeros((3, 3, 3))).unwrap();
    });
    assert!(error.contains("`F` of particle 0") && error.contains("determinant 0"), "{error}");
}
