//! The window's scene pass, drawn without a window, against the pictures of the CPU.
//!
//! That the window itself opens is seen with a display, or a virtual one:
//! `xvfb-run -s "-screen 0 1300x820x24" softscape view scenes/push-cube.toml`.

use crate::common::meshes::{block, hills, mesh_shape};
use glam::{DMat3, DVec3};
use image::RgbaImage;
use softscape::gpu::{AdapterChoice, Gpu};
use softscape::math::Vec3;
use softscape::model::Shape;
use softscape::render::{Ball, Bounds, Camera, End, Frame, Line, Solid, THREE_QUARTER, picture};
use softscape::viewer::pass::ScenePass;

const SIZE: [u32; 2] = [240, 180];
const CELL_WIDTH: f64 = 0.02;
/// Mean difference per channel of two pictures of one scene: they differ in the light of the sky
/// (the window's has no occlusion) and in how edges are smoothed.
const MEAN_DIFFERENCE: f64 = 8.0;
/// Difference of a channel from which a pixel shows something else, and the share of such pixels:
/// about the soft edges of shadows.
const OTHER: u8 = 64;
const OTHER_SHARE: f64 = 0.01;

fn gpu() -> Gpu {
    Gpu::headless(&AdapterChoice::Auto).expect("tests need an adapter, a software one will do")
}

fn still_life(origin: [i32; 3]) -> Frame {
    let mut balls = Vec::new();
    for k in 0..1000i32 {
        let place = [k % 10, k / 10 % 10, k / 100];
        balls.push(Ball {
            cell: std::array::from_fn(|a| origin[a] + place[a] / 2),
            radius: 0.0062,
            offset: place.map(|n| if n % 2 == 0 { -0.25 } else { 0.25 }),
            colour: [230, 120, 80, 255],
        });
    }
    let solid = |shape, x: f64, y: f64, z: f64| Solid {
        shape,
        cell: origin,
        offset: DVec3::new(x, y, z),
        rotation: DMat3::from_rotation_x(0.3),
        colour: [90, 100, 120],
    };
    let floor = Solid { rotation: DMat3::IDENTITY, ..solid(Shape::HalfSpace, 0.0, 0.0, -0.01) };
    let solids = vec![
        floor,
        solid(Shape::Sphere { radius: 0.04 }, 0.2, 0.0, 0.04),
        solid(Shape::Box { half_extents: Vec3([0.03, 0.02, 0.04]) }, -0.1, 0.0, 0.05),
        solid(Shape::Capsule { radius: 0.02, half_length: 0.03 }, 0.05, 0.2, 0.05),
        solid(Shape::Cylinder { radius: 0.03, half_length: 0.03 }, 0.05, -0.1, 0.04),
        solid(mesh_shape(&block([-0.03; 3], [0.03, 0.02, 0.04]), 0.02, 0.01), 0.2, 0.2, 0.05),
        Solid { rotation: DMat3::IDENTITY, ..solid(hills(0.2), -0.1, 0.2, 0.015) },
    ];
    // One over everything, one under the balls, one that passes the eye.
    let line = |from: [f64; 3], to: [f64; 3]| {
        let [from, to] = [from, to].map(|x| End::at(origin, x.map(|x| x / CELL_WIDTH)));
        Line { from, to, colour: [220, 60, 40, 255] }
    };
    let lines = vec![
        line([-0.2, -0.1, 0.15], [0.3, 0.2, 0.15]),
        line([-0.1, 0.05, 0.04], [0.3, 0.05, 0.04]),
        line([-0.3, 0.1, 0.0], [5.0, -9.0, 4.0]),
    ];
    Frame { cell_width: CELL_WIDTH, origin, balls, solids, lines }
}

fn framing(frame: &Frame) -> (Bounds, Camera) {
    let bounds = Bounds::of(frame);
    let aspect = f64::from(SIZE[0]) / f64::from(SIZE[1]);
    (bounds, Camera::framing(&bounds, THREE_QUARTER.0, THREE_QUARTER.1, aspect))
}

fn drawn(gpu: &Gpu, pass: &mut ScenePass, frame: &Frame) -> RgbaImage {
    let (bounds, camera) = framing(frame);
    pass.upload(gpu, &frame.balls);
    pass.mark(gpu, &frame.lines);
    pass.draw(gpu, &frame.solids, CELL_WIDTH, &bounds, &camera, SIZE);
    pass.read(gpu).expect("the device works")
}

#[test]
fn the_window_shows_what_the_pictures_show() {
    let gpu = gpu();
    let frame = still_life([0; 3]);
    let window = drawn(&gpu, &mut ScenePass::new(&gpu), &frame);
    let picture = picture(&frame, &framing(&frame).1, SIZE);
    let channels = || window.as_raw().iter().zip(picture.as_raw());
    let differences: Vec<u8> = channels().map(|(a, b)| a.abs_diff(*b)).collect();
    let mean = differences.iter().map(|d| f64::from(*d)).sum::<f64>() / differences.len() as f64;
    assert!(mean < MEAN_DIFFERENCE, "mean difference {mean}");
    let other = differences.chunks(4).filter(|d| d.iter().any(|d| *d > OTHER)).count();
    let share = other as f64 / (SIZE[0] * SIZE[1]) as f64;
    assert!(share < OTHER_SHARE, "{share} of the pixels show something else");
    assert!(window.pixels().all(|p| p[3] == 255), "the picture is opaque");
}

#[test]
fn the_window_shows_a_world_far_away_as_it_shows_one_here() {
    let gpu = gpu();
    let mut pass = ScenePass::new(&gpu);
    let here = drawn(&gpu, &mut pass, &still_life([0; 3]));
    let far = drawn(&gpu, &mut pass, &still_life([500_000, -2_000_000_000, 500_000]));
    assert!(here == far);
}

#[test]
fn a_scene_without_anything_in_it_is_drawn_too() {
    let gpu = gpu();
    let frame = Frame { balls: vec![], solids: vec![], lines: vec![], ..still_life([0; 3]) };
    let picture = drawn(&gpu, &mut ScenePass::new(&gpu), &frame);
    assert_eq!(picture.dimensions(), (SIZE[0], SIZE[1]));
}
