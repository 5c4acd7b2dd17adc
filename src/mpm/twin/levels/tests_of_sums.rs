//! What splitting and merging keep of mass, momentum, angular momentum and energy (formulas.md 6).
//!
//! A particle of mass m counts as the grid of its place sees it: angular momentum `x × m v + m D ax(C)`, with
//! `ax(C)_a = ε_abc C_cb` (twice the spin of a rotation), and kinetic energy `m |v|²/2 + m D |C|²/2`.

use super::super::tests::{H, Random};
use super::merge::{Group, Nest, Particle, child};
use crate::math::{Mat3, Vec3};
use crate::mpm::state::NO_MUSCLE;
use crate::mpm::twin::context::Point;

/// Round-off of sums over eight particles, of terms that are of the order of one.
const ROUND_OFF: f64 = 1e-13;

fn point(mass: f64, volume: f64, level: u8) -> Point<f64> {
    Point { mass, volume, material: 0, muscle: NO_MUSCLE, body: 0, level, held: false }
}

/// A particle somewhere in two cells each way, with any motion.
fn somewhere(random: &mut Random) -> Particle<f64> {
    Particle {
        cell: [5, -3, 8].map(|c| c + i32::from(random.number() > 0.0)),
        offset: random.vector(0.5),
        v: random.vector(1.0),
        c: random.matrix(3.0),
        f: Mat3::identity() + random.matrix(0.005),
        history: 0.01 * random.number(),
    }
}

/// What a set of particles sums up to on a grid with this D.
struct Sums {
    mass: f64,
    volume: f64,
    momentum: Vec3<f64>,
    /// `Σ m x`
    moment: Vec3<f64>,
    /// About the origin.
    angular_momentum: Vec3<f64>,
    energy: f64,
}

impl Sums {
    fn of(particles: &[Particle<f64>], points: &[Point<f64>], d: f64) -> Self {
        let zero = Vec3::zero();
        let mut sums = Self {
            mass: 0.0,
            volume: 0.0,
            momentum: zero,
            moment: zero,
            angular_momentum: zero,
            energy: 0.0,
        };
        for (p, point) in particles.iter().zip(points) {
            let (m, x) = (point.mass, place(p));
            sums.mass += m;
            sums.volume += point.volume;
            sums.momentum += p.v * m;
            sums.moment += x * m;
            sums.angular_momentum += x.cross(p.v) * m + p.c.axial() * (m * d);
            sums.energy += 0.5 * m * (p.v.norm_squared() + d * p.c.double_dot(p.c));
        }
        sums
    }
}

/// From the origin [m].
fn place(p: &Particle<f64>) -> Vec3<f64> {
    Vec3::from_fn(|a| (f64::from(p.cell[a]) + p.offset[a]) * H)
}

fn assert_near(what: &str, found: Vec3<f64>, expected: Vec3<f64>) {
    let apart = (found - expected).norm_squared().sqrt();
    assert!(apart < ROUND_OFF, "{what}: {found:?}, expected {expected:?}");
}

#[test]
fn merging_any_group_keeps_mass_and_momentum_and_loses_the_spin_and_energy_that_it_states() {
    let mut random = Random::new(28);
    // D of the level that is merged to: cells twice as wide.
    let d = H * H;
    for count in [2, 3, 5, 8, 8, 8, 8] {
        let particles: Vec<_> = (0..count).map(|_| somewhere(&mut random)).collect();
        let size = |random: &mut Random| 1.0 + 0.5 * random.number();
        let points: Vec<_> = (0..count)
            .map(|_| point(0.125 * size(&mut random), 1.25e-4 * size(&mut random), 0))
            .collect();
        let (particle, whole) =
            Group { particles: &particles, points: &points, cell_width: H, d }.merged();
        let before = Sums::of(&particles, &points, d);
        let after = Sums::of(&[particle], &[whole], d);
        assert!((after.mass - before.mass).abs() < ROUND_OFF);
        assert!((after.volume - before.volume).abs() < ROUND_OFF * before.volume);
        assert_near("momentum", after.momentum, before.momentum);
        assert_near("centre of mass", after.moment, before.moment);

        // About the centre: N = Σ m (u oᵀ + D C), S = Σ m o oᵀ.
        let (mut n, mut s) = (Mat3::zero(), Mat3::zero());
        let mut misfit = 0.0;
        for (p, point) in particles.iter().zip(&points) {
            let (o, u) = (place(p) - place(&particle), p.v - particle.v);
            n += u.outer(o) * point.mass + p.c * (point.mass * d);
            s += o.outer(o) * point.mass;
            let (apart, twist) = (u - particle.c * o, p.c - particle.c);
            misfit += point.mass * (apart.norm_squared() + d * twist.double_dot(twist));
        }
        // C K = N with K = S + M D I: what the affine motion C would carry at the old places is what
        // was there, and none of its components is left out.
        let kept = particle.c * (s + Mat3::identity() * (before.mass * d)) - n;
        assert!(kept.double_dot(kept).sqrt() < ROUND_OFF, "C K - N = {kept:?}");
        // One particle has no extent but that of its cell: the part of S is lost.
        let lost = particle.c * s;
        let expected = before.angular_momentum - lost.axial();
        assert_near("angular momentum", after.angular_momentum, expected);
        let part = lost.axial().norm_squared().sqrt() / n.axial().norm_squared().sqrt();
        assert!(part > 1e-3, "the group has no extent: {part}");
        // And of the energy that part, and what no affine motion fits.
        let expected = before.energy - 0.5 * (misfit + lost.double_dot(particle.c));
        assert!((after.energy - expected).abs() < ROUND_OFF, "{} {expected}", after.energy);
        assert!(after.energy < before.energy);
    }
}

#[test]
fn splitting_around_the_parent_adds_the_spin_and_energy_of_its_corners() {
    let mut random = Random::new(29);
    for _ in 0..8 {
        let parent = somewhere(&mut random);
        let (mass, volume) = (1.0 + 0.5 * random.number(), 1e-3 * (1.0 + 0.5 * random.number()));
        let own = point(mass, volume, 1);
        let nest = Nest::around(&parent, &own);
        let children: Vec<_> = (0..8).map(|octant| child(&parent, &nest, octant, H)).collect();
        let points = [point(mass / 8.0, volume / 8.0, 0); 8];
        // On the same grid before and after: D is that of the place, not of the particle.
        for d in [H * H, 0.25 * H * H] {
            let before = Sums::of(&[parent], &[own], d);
            let after = Sums::of(&children, &points, d);
            assert!((after.mass - before.mass).abs() < ROUND_OFF);
            assert!((after.volume - before.volume).abs() < ROUND_OFF * before.volume);
            assert_near("momentum", after.momentum, before.momentum);
            assert_near("centre of mass", after.moment, before.moment);
            // The children stand q to each side, and the mean of o oᵀ over the corners is I.
            let q = volume.cbrt() / 4.0;
            let expected = before.angular_momentum + parent.c.axial() * (mass * q * q);
            assert_near("angular momentum", after.angular_momentum, expected);
            let more = 0.5 * mass * q * q * parent.c.double_dot(parent.c);
            assert!((after.energy - before.energy - more).abs() < ROUND_OFF, "{more}");
            assert!(more > 1e-3, "{more} J are none");
        }
    }
}
