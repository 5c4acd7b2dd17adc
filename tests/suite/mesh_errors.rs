//! What is wrong with a mesh or a ground: one message that says where, what and how much.

use crate::common::meshes::{ball, block, obj};
use softscape::model::compile;
use softscape::scene::{Fidelity, MeshFault, Scene, Triangles};
use std::fs;
use std::path::Path;

/// Lines that the mistakes below are told at: the shape of the rock at 17, of the ground at 23.
const GOOD: &str = r#"format = 1
[world]
cell_width = 0.05
[[body]]
name = "cube"
material = "jelly"
shape = { type = "box", size = [0.2, 0.2, 0.2] }
position = [0.0, 0.0, 0.8]
[[rigid_body]]
name = "rock"
density = 2500.0
contact = { type = "separate", friction = 0.4 }
position = [0.0, 0.0, 0.5]
[rigid_body.shape]
type = "mesh"
scale = 0.5
file = "rock.obj"
[[collider]]
name = "ground"
contact = { type = "separate" }
[collider.shape]
type = "height_field"
size = [2.0, 2.0]
heights = { type = "rows", rows = [[0.0, 0.1], [0.1, 0.0], [0.0, 0.0]] }
"#;

const FILE_LINE: usize = 17;
const SIZE_LINE: usize = 23;
const HEIGHTS_LINE: usize = 24;

/// A folder with files that are good and files that are not.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write =
        |name: &str, contents: &[u8]| fs::write(folder.path().join(name), contents).unwrap();
    let rock = ball([0.0; 3], 0.2, 2);
    let with = |change: &dyn Fn(&mut Vec<[u32; 3]>)| {
        let mut changed = rock.clone();
        change(&mut changed.triangles);
        obj(&changed)
    };
    write("rock.obj", obj(&rock).as_bytes());
    write("rock.ply", b"ply");
    write("open.obj", with(&|t| t.truncate(t.len() - 1)).as_bytes());
    write("turned.obj", with(&|t| t[5].swap(0, 1)).as_bytes());
    write("inside-out.obj", with(&|t| t.iter_mut().for_each(|c| c.swap(0, 1))).as_bytes());
    let leaf = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\nf 3 2 1\n";
    write("leaf.obj", leaf.as_bytes());
    write("huge.obj", obj(&rock).replacen("v 0.2 0 0", "v 1e39 0 0", 1).as_bytes());
    write("no-vertex.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n");
    write("points.obj", b"v 0 0 0\nv 1 0 0\n");
    write("words.obj", b"v a b c\nf 1 2 3\n");
    write("short.stl", b"not a mesh at all");
    image::RgbImage::new(4, 4).save(folder.path().join("colour.png")).unwrap();
    image::GrayImage::new(1, 4).save(folder.path().join("line.png")).unwrap();
    write("text.png", b"not a picture");
    folder
}

fn message(folder: &Path, text: &str) -> Result<(), String> {
    let scene = Scene::parse(&folder.join("scene.toml"), text).map_err(|e| e.to_string())?;
    compile(&scene, Fidelity::Standard).map(drop).map_err(|e| e.to_string())
}

#[test]
fn the_scene_without_mistakes_compiles() {
    message(folder().path(), GOOD).unwrap();
}

#[test]
fn each_mistake_is_told_with_its_place_and_its_numbers() {
    let folder = folder();
    let file = |name: &str| GOOD.replace("rock.obj", name);
    let heights = |table: &str| {
        let line = GOOD.lines().nth(HEIGHTS_LINE - 1).unwrap();
        GOOD.replace(line, &format!("heights = {{ {table} }}"))
    };
    let picture =
        |name: &str| heights(&format!("type = \"picture\", file = \"{name}\", white = 1.0"));
    let cases = [
        (file("absent.obj"), FILE_LINE, "No such file"),
        (file("rock.ply"), FILE_LINE, "must end in `.obj` or `.stl`"),
        (
            file("open.obj"),
            FILE_LINE,
            "3 of 192 edges border one triangle only, the first between [",
        ),
        (
            file("turned.obj"),
            FILE_LINE,
            "3 of 192 edges border more than two triangles, or two that",
        ),
        (file("inside-out.obj"), FILE_LINE, "inside out: its volume is -3."),
        (
            file("leaf.obj"),
            FILE_LINE,
            "no volume: 0.0e0 cubic units within a box of diagonal 1.4142",
        ),
        (file("huge.obj"), FILE_LINE, "has a corner at [inf, 0.0, 0.0]"),
        (file("no-vertex.obj"), FILE_LINE, "cannot read the mesh"),
        (file("points.obj"), FILE_LINE, "it has no triangles"),
        (file("words.obj"), FILE_LINE, "cannot read the mesh"),
        (file("short.stl"), FILE_LINE, "cannot read the mesh"),
        (GOOD.replace("scale = 0.5", "scale = 0.0"), 16, "`scale` is 0 m per unit"),
        (GOOD.replace("scale = 0.5", "spacing = -1.0"), 16, "`spacing` is -1 m"),
        (
            GOOD.replace("scale = 0.5", "spacing = 0.0005"),
            14,
            "samples at spacing 0.0005 m; at most",
        ),
        (GOOD.replace("scale = 0.5", "scale = 100.0"), 14, "m from corner to corner, needs"),
        (GOOD.replace("scale = 0.5", "spacings = 1.0"), 16, "unknown key `spacings`"),
        (GOOD.replace("density = 2500.0\n", ""), 9, "the rigid body `rock` has no mass"),
        (
            GOOD.replace("density = 2500.0", "density = 2500.0\ncenter_of_mass = [0.0, 0.0, 0.3]"),
            12,
            "outside the shape",
        ),
        (GOOD.replace("position = [0.0, 0.0, 0.5]", "position = [0.0, 0.0, 0.1]"), 9, "inside"),
        (GOOD.replace("[2.0, 2.0]", "[2.0, 0.0]"), SIZE_LINE, "both must be greater than zero"),
        (picture("absent.png"), HEIGHTS_LINE, "cannot read the picture"),
        (picture("text.png"), HEIGHTS_LINE, "cannot read the picture"),
        (picture("colour.png"), HEIGHTS_LINE, "it must be grey"),
        (picture("line.png"), HEIGHTS_LINE, "1 x 4 heights; there must be two or more each way"),
        (heights("type = \"picture\", file = \"line.png\""), HEIGHTS_LINE, "missing key `white`"),
        (heights("type = \"array\", file = \"absent.npz\""), HEIGHTS_LINE, "cannot read"),
        (heights("type = \"rows\", rows = []"), HEIGHTS_LINE, "0 x 0 heights"),
        (
            heights("type = \"rows\", rows = [[0.0, 1.0], [0.0]]"),
            HEIGHTS_LINE,
            "row 2 has 1 heights and the first has 2",
        ),
        (
            heights("type = \"rows\", rows = [[0.0, 1.0], [0.0, nan]]"),
            HEIGHTS_LINE,
            "the height at [1, 1] is NaN m",
        ),
    ];
    for (text, line, words) in cases {
        let message = message(folder.path(), &text).expect_err(words);
        let place = format!("scene.toml:{line}:");
        assert!(message.contains(&place), "line {line}? {message}");
        assert!(message.contains(words), "no `{words}` in: {message}");
    }
}

#[test]
fn a_body_of_a_bad_mesh_and_one_too_small_for_the_lattice_are_refused() {
    let folder = folder();
    let body = |shape: &str| {
        GOOD.replace(
            "shape = { type = \"box\", size = [0.2, 0.2, 0.2] }",
            &format!("shape = {shape}"),
        )
    };
    for (shape, words) in [
        ("{ type = \"mesh\", file = \"open.obj\" }", "it is not closed"),
        ("{ type = \"mesh\", file = \"rock.obj\", scale = 0.01 }", "has no particles"),
        ("{ type = \"mesh\", file = \"rock.obj\", scale = 1e4 }", "particles at cell width"),
    ] {
        let message = message(folder.path(), &body(shape)).expect_err(words);
        assert!(message.contains("scene.toml:7:"), "{message}");
        assert!(message.contains(words), "no `{words}` in: {message}");
    }
}

#[test]
fn vertices_that_files_repeat_are_merged_and_slivers_left_out() {
    let good = block([0.0; 3], [1.0; 3]);
    // Every triangle with corners of its own, -0 in place of 0, and one triangle that is a line.
    let mut vertices: Vec<[f64; 3]> = Vec::new();
    for corners in &good.triangles {
        vertices.extend(
            corners.map(|c| good.vertices[c as usize].map(|x| if x == 0.0 { -x } else { x })),
        );
    }
    vertices.extend(good.vertices.iter().copied());
    let soup: Vec<[u32; 3]> = (0..12).map(|t| [3 * t, 3 * t + 1, 3 * t + 2]).collect();
    let mut with_line = soup.clone();
    with_line.push([0, 1, 1]);
    let merged = Triangles::new(vertices.clone(), with_line).unwrap();
    assert_eq!((merged.vertices.len(), merged.triangles.len()), (8, 12));
    let doubled: Vec<[u32; 3]> = soup.iter().chain(&soup[..1]).copied().collect();
    let fault = Triangles::new(vertices, doubled).unwrap_err();
    assert!(matches!(fault, MeshFault::Tangled { wrong: 3, all: 18, .. }), "{fault}");
}
