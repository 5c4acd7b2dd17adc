//! Pictures without a window: where things are, what colours say, what must not matter.

use crate::common::meshes::{ball as ball_mesh, hills, mesh_shape};
use glam::{DMat3, DVec3};
use image::RgbaImage;
use softscape::math::Vec3;
use softscape::model::Shape;
use softscape::render::{
    Ball, Bounds, Camera, Frame, MovieWriter, Paint, Quantity, Show, Solid, THREE_QUARTER, picture,
};
use softscape::scene::{Fidelity, Scene};
use std::sync::Arc;

const CELL_WIDTH: f64 = 0.02;
const SIZE: [u32; 2] = [160, 120];
const RED: [u8; 3] = [220, 40, 40];

/// A ball at a point [m] of a world whose origin is some grid node.
fn ball(origin: [i32; 3], position: [f64; 3], radius: f32, [r, g, b]: [u8; 3]) -> Ball {
    let nodes = position.map(|x| (x / CELL_WIDTH + 0.5).floor());
    Ball {
        cell: std::array::from_fn(|a| origin[a] + nodes[a] as i32),
        radius,
        offset: std::array::from_fn(|a| (position[a] / CELL_WIDTH - nodes[a]) as f32),
        colour: [r, g, b, 255],
    }
}

fn solid(origin: [i32; 3], shape: Shape, position: DVec3) -> Solid {
    let (cell, colour) = (origin, [120, 120, 130]);
    Solid { shape, cell, offset: position, rotation: DMat3::IDENTITY, colour }
}

/// A few balls on a floor, with one collider of each finite shape.
fn still_life(origin: [i32; 3]) -> Frame {
    let balls = (0..300)
        .map(|k| {
            let t = f64::from(k);
            let position = [0.2 * (t * 0.7).sin(), 0.2 * (t * 1.3).cos(), 0.01 + 0.0005 * t];
            ball(origin, position, 0.012, [200, (k % 256) as u8, 60])
        })
        .collect();
    let at = |x, y, z| DVec3::new(x, y, z);
    let solids = vec![
        solid(origin, Shape::HalfSpace, DVec3::ZERO),
        solid(origin, Shape::Sphere { radius: 0.05 }, at(0.3, 0.0, 0.05)),
        solid(origin, Shape::Box { half_extents: Vec3([0.04; 3]) }, at(-0.3, 0.0, 0.04)),
        solid(origin, Shape::Capsule { radius: 0.03, half_length: 0.05 }, at(0.0, 0.3, 0.08)),
        solid(origin, Shape::Cylinder { radius: 0.03, half_length: 0.05 }, at(0.0, -0.3, 0.05)),
        solid(origin, mesh_shape(&ball_mesh([0.0; 3], 0.05, 3), 0.02, 0.01), at(0.3, 0.3, 0.05)),
        solid(origin, hills(0.3), at(0.3, -0.35, 0.04)),
    ];
    Frame { cell_width: CELL_WIDTH, origin, balls, solids, lines: vec![] }
}

fn empty() -> Frame {
    Frame { balls: vec![], solids: vec![], ..still_life([0; 3]) }
}

fn framed(frame: &Frame) -> RgbaImage {
    let aspect = f64::from(SIZE[0]) / f64::from(SIZE[1]);
    let camera = Camera::framing(&Bounds::of(frame), THREE_QUARTER.0, THREE_QUARTER.1, aspect);
    picture(frame, &camera, SIZE)
}

/// Whether a pixel is of a red surface rather than of the grey background.
fn is_red(pixel: &image::Rgba<u8>) -> bool {
    i32::from(pixel[0]) > i32::from(pixel[1]) + 40
}

#[test]
fn a_ball_is_drawn_where_projection_says_and_as_large() {
    let position = [0.13, -0.21, 0.34];
    let radius = 0.05;
    let mut frame = empty();
    frame.balls.push(ball([0; 3], position, radius as f32, RED));
    let camera = Camera {
        anchor: [3, -2, 5],
        target: DVec3::new(0.05, -0.1, 0.15),
        distance: 1.3,
        azimuth: 0.4,
        elevation: 0.6,
        fov_y: 0.6,
    };
    let picture = picture(&frame, &camera, SIZE);

    let red: Vec<[f64; 2]> = picture
        .enumerate_pixels()
        .filter(|(_, _, pixel)| is_red(pixel))
        .map(|(x, y, _)| [f64::from(x) + 0.5, f64::from(y) + 0.5])
        .collect();
    assert!(!red.is_empty());
    let mean = |axis: usize| red.iter().map(|p| p[axis]).sum::<f64>() / red.len() as f64;

    let view = camera.view(f64::from(SIZE[0]) / f64::from(SIZE[1]));
    let anchor = DVec3::new(3.0, -2.0, 5.0) * CELL_WIDTH;
    let place = view.project(DVec3::from_array(position) - anchor);
    let [width, height] = SIZE.map(f64::from);
    let (x, y) = ((place.x + 1.0) * width / 2.0, (1.0 - place.y) * height / 2.0);
    // Perspective moves the centroid of a sphere's image off its centre by less than a pixel here.
    assert!(
        (mean(0) - x).abs() < 1.0 && (mean(1) - y).abs() < 1.0,
        "{} {} {x} {y}",
        mean(0),
        mean(1)
    );
    let pixels = radius / (place.z * view.half_height) * height / 2.0;
    let area = std::f64::consts::PI * pixels * pixels;
    // The rim: a pixel's width of it may count or not.
    let rim = 2.0 * std::f64::consts::PI * pixels;
    assert!((red.len() as f64 - area).abs() < rim, "{} of {area}", red.len());
}

#[test]
fn a_nearer_ball_hides_one_behind_it_in_whichever_order_they_come() {
    let camera = Camera {
        anchor: [0; 3],
        target: DVec3::ZERO,
        distance: 1.0,
        azimuth: 0.0,
        elevation: 0.0,
        fov_y: 0.6,
    };
    // The camera looks along -x.
    let near = ball([0; 3], [0.2, 0.0, 0.0], 0.05, RED);
    let far = ball([0; 3], [-0.2, 0.0, 0.0], 0.05, [40, 40, 220]);
    for balls in [vec![near, far], vec![far, near]] {
        let picture = picture(&Frame { balls, ..empty() }, &camera, SIZE);
        assert!(is_red(picture.get_pixel(SIZE[0] / 2, SIZE[1] / 2)));
    }
}

#[test]
fn an_empty_scene_is_a_picture_of_the_background() {
    let picture = framed(&empty());
    assert!(picture.pixels().all(|p| p[3] == 255));
    // A gradient from top to bottom: every row is of one colour.
    for row in picture.rows() {
        let pixels: Vec<_> = row.collect();
        assert!(pixels.iter().all(|p| *p == pixels[0]));
    }
    assert!(picture.get_pixel(0, 0) != picture.get_pixel(0, SIZE[1] - 1));
}

#[test]
fn every_collider_shape_shows() {
    let all = framed(&still_life([0; 3]));
    let aspect = f64::from(SIZE[0]) / f64::from(SIZE[1]);
    let whole = still_life([0; 3]);
    let camera = Camera::framing(&Bounds::of(&whole), THREE_QUARTER.0, THREE_QUARTER.1, aspect);
    for left_out in 0..whole.solids.len() {
        let mut frame = whole.clone();
        let gone = frame.solids.remove(left_out);
        let without = picture(&frame, &camera, SIZE);
        let differing = all.pixels().zip(without.pixels()).filter(|(a, b)| a != b).count();
        assert!(differing > 50, "{:?}: {differing} pixels", gone.shape);
    }
}

#[test]
fn a_world_far_away_gives_the_same_pixels() {
    let here = framed(&still_life([0; 3]));
    // 10 km at this cell width, and the far end of the integers.
    let cells = (10_000.0 / CELL_WIDTH) as i32;
    for origin in [[cells, -cells, cells], [2_000_000_000, -2_000_000_000, 7]] {
        assert!(framed(&still_life(origin)) == here, "{origin:?}");
    }
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let frame = still_life([0; 3]);
    let draw = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| framed(&frame))
    };
    assert!(draw(1) == draw(3));
}

fn falling_cube() -> Show {
    let scene = Scene::load("scenes/falling-cube.toml".as_ref()).unwrap();
    let model = Arc::new(softscape::model::compile(&scene, Fidelity::Preview).unwrap());
    Show::new(model, &[], 10)
}

#[test]
fn each_quantity_has_its_own_colours() {
    let show = falling_cube();
    let mut state = show.model.initial.clone();
    for (k, v) in state.v.iter_mut().enumerate() {
        v.0[0] = k as f64 / 1000.0;
    }
    let mut seen = Vec::new();
    for quantity in [Quantity::Material, Quantity::Speed, Quantity::J] {
        let paint = Paint::new(quantity, &show.model);
        let frame = show.frame(&state, 0, &paint);
        let first = frame.balls[0].colour;
        let varied = frame.balls.iter().any(|b| b.colour != first);
        assert_eq!(varied, quantity == Quantity::Speed, "{quantity:?}");
        seen.push(framed(&frame));
    }
    assert!(seen[0] != seen[1] && seen[1] != seen[2] && seen[0] != seen[2]);
}

#[test]
fn a_scale_runs_from_one_end_of_its_colours_to_the_other() {
    let speed = Paint { quantity: Quantity::Speed, low: 1.0, high: 3.0 };
    assert_eq!(speed.scale_colour(0.0), [68, 1, 84]);
    assert_eq!(speed.scale_colour(9.0), [253, 231, 37]);
    assert_eq!(speed.scale_colour(2.0), [33, 144, 141]);
    let j = Paint { quantity: Quantity::J, low: 0.9, high: 1.1 };
    let [r, _, b] = j.scale_colour(0.9);
    assert!(b > r, "compressed is blue");
    let [r, _, b] = j.scale_colour(1.1);
    assert!(r > b, "expanded is red");
}

#[test]
fn pictures_become_a_numbered_sequence() {
    let folder = tempfile::tempdir().unwrap();
    let frames = folder.path().join("movie.frames");
    let mut writer = MovieWriter::sequence(&frames).unwrap();
    let picture = framed(&empty());
    for _ in 0..2 {
        writer.push(&picture).unwrap();
    }
    assert_eq!(writer.finish().unwrap(), frames);
    for name in ["frame-00000.png", "frame-00001.png"] {
        assert_eq!(image::open(frames.join(name)).unwrap().to_rgba8(), picture);
    }
}

#[test]
fn a_movie_is_there_whole_or_not_at_all() {
    if !MovieWriter::has_ffmpeg() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("movie.mp4");
    let picture = framed(&still_life([0; 3]));
    let abandoned = MovieWriter::mp4(&path, SIZE, 30.0).unwrap();
    drop(abandoned);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

    let mut writer = MovieWriter::mp4(&path, SIZE, 30.0).unwrap();
    for _ in 0..3 {
        writer.push(&picture).unwrap();
    }
    assert_eq!(writer.finish().unwrap(), path);
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(&bytes[4..8], b"ftyp");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
