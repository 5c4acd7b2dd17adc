//! Every law of the table in motion: comes to rest in a box at nine tenths of the stated substep, at two
//! resolutions; elastic laws in free flight never gain energy.

use softscape::agents::drive;
use softscape::bench::setup::{Setup, rough};
use softscape::math::{Mat3, Vec3};
use softscape::model::{Family, Law, LawKind, Model, stability};
use softscape::mpm::diagnostics::totals;
use softscape::mpm::simulator::Simulator;
use softscape::mpm::twin::{Precision, simulator};
use std::sync::Arc;

/// Edge of the block of material [m]; the box around it is half as wide again.
const EDGE: f64 = 0.15;

const GRAVITY: f64 = 9.81;

/// Substeps of a run to rest.
const SUBSTEPS: usize = 5000;

/// Speed at rest, over that of a fall through the block's own height, 1.7 m/s. Nothing but the grid
/// damps an elastic body, which trembles longest at the finer resolution (seen: 1.4e-3 in snow,
/// hardened, less than 3e-4 in all else).
const REST: f64 = 5e-3;

/// A block of a law in a box, settling under gravity, at nine tenths of the stated substep.
fn settling(law: Law, cell_width: f64) -> Arc<Model> {
    let side = 0.75 * EDGE;
    let block = [[-0.5 * EDGE, -0.5 * EDGE, 0.0], [0.5 * EDGE, 0.5 * EDGE, EDGE]];
    let mut setup = Setup::new("settling", cell_width)
        .gravity([0.0, 0.0, -GRAVITY])
        .body(1000.0, law, block, |_| true)
        .plane([0.0, 0.0, 1.0], [0.0; 3], rough(0.5));
    for (axis, sign) in [(0, 1.0), (0, -1.0), (1, 1.0), (1, -1.0)] {
        let (mut normal, mut point) = ([0.0; 3], [0.0; 3]);
        normal[axis] = sign;
        point[axis] = -sign * side;
        setup = setup.plane(normal, point, rough(0.2));
    }
    let model = setup.build(1.0);
    let limit = stability(&model, Some((2.0 * GRAVITY * EDGE).sqrt()));
    Arc::new(Model { substep_secs: 0.9 * limit.stable_secs, ..Model::clone(&model) })
}

/// Root mean square speed, over that of a fall through the block's height.
fn relative_speed(simulator: &mut dyn Simulator) -> f64 {
    let state = simulator.read().unwrap();
    let sum: f64 = state.v.iter().map(|v| v.norm_squared()).sum();
    (sum / state.v.len() as f64 / (2.0 * GRAVITY * EDGE)).sqrt()
}

#[test]
fn every_law_comes_to_rest_at_nine_tenths_of_the_stated_substep() {
    for &kind in LawKind::ALL {
        for cell_width in [0.05, 0.03] {
            let model = settling(Law::typical(kind), cell_width);
            let mut simulator = simulator(&model, Precision::F32).unwrap();
            simulator.drive(&drive(&model, &[], SUBSTEPS)).unwrap();
            simulator.forward(0..SUBSTEPS).unwrap_or_else(|e| panic!("{}: {e}", kind.name()));
            let speed = relative_speed(simulator.as_mut());
            let secs = SUBSTEPS as f64 * model.substep_secs;
            let particles = model.particles.mass.len();
            println!(
                "{} h {cell_width}: {particles} particles, {secs:.2} s: {speed:.1e}",
                kind.name()
            );
            assert!(speed < REST, "{} at h = {cell_width}: speed {speed:e}", kind.name());
        }
    }
}

/// Round-off, and the half substep by which velocities and positions are apart.
const ENERGY_TOLERANCE: f64 = 1e-4;

#[test]
fn no_elastic_law_gains_energy_in_free_flight() {
    for kind in LawKind::ALL.iter().filter(|kind| kind.spec().family == Family::Elastic) {
        // Thrown with spin and shear that strain it by some ten per cent.
        let gradient = Mat3([[2.0, -9.0, 1.0], [7.0, -3.0, 2.0], [1.0, -4.0, 2.0]]);
        let velocity = |x: [f64; 3]| (gradient * Vec3(x) + Vec3([0.5, 0.2, 1.0])).0;
        let model = Setup::new("flight", 0.03)
            .body(1000.0, Law::typical(*kind), [[-0.09; 3], [0.09; 3]], |_| true)
            .moving(velocity, |_| gradient.0)
            .build(2.0);
        let mut simulator = simulator(&model, Precision::F64).unwrap();
        simulator.drive(&drive(&model, &[], 600)).unwrap();
        let start = totals(&model, &model.initial).energy();
        let mut stored: f64 = 0.0;
        for sample in 0..60 {
            simulator.forward(10 * sample..10 * sample + 10).unwrap();
            let now = totals(&model, &simulator.read().unwrap());
            stored = stored.max(now.elastic / start);
            let rise = now.energy() / start - 1.0;
            assert!(rise < ENERGY_TOLERANCE, "{}: energy rose by {rise:e}", kind.name());
        }
        assert!(stored > 0.02, "{} was hardly strained: {stored:e}", kind.name());
    }
}
