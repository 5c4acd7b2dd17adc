//! One substep of the CPU backend, and its gradient, on a cube of about 10 000 particles, by
//! material. For work on the solver: `cargo bench -- elastic` compares with the run before.
//! What is reported of the program as a whole comes from `softscape bench`.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use softscape::agents::drive;
use softscape::bench::throughput::cube;
use softscape::mpm::simulator::{ObservationCotangent, Simulator};
use softscape::mpm::twin::Twin;

const PARTICLES: usize = 10_000;
const MATERIALS: [&str; 3] = ["elastic", "sand", "liquid"];

/// A simulator with its initial state stored in slot 0.
fn simulator(material: &str) -> (Twin<f32>, usize) {
    let model = cube(material, PARTICLES);
    let mut twin = Twin::new(&model).expect("a simulator");
    twin.reserve(1, 1).expect("a slot");
    twin.drive(&drive(&model, &[], 1)).expect("a drive");
    twin.load(&model.initial).expect("the initial state");
    twin.save(0).expect("a stored state");
    (twin, model.particles.mass.len())
}

fn substep(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("substep");
    for material in MATERIALS {
        let (mut twin, particles) = simulator(material);
        group.throughput(Throughput::Elements(particles as u64));
        group.bench_function(BenchmarkId::new("forward", material), |bencher| {
            bencher.iter(|| {
                twin.restore(0).expect("the stored state");
                twin.forward(0..1).expect("a substep");
            });
        });
        let seed = ObservationCotangent {
            x: vec![[0.0, 0.0, 1.0 / particles as f64]; particles],
            v: vec![[0.0; 3]; particles],
            ..ObservationCotangent::default()
        };
        group.bench_function(BenchmarkId::new("gradient", material), |bencher| {
            bencher.iter(|| {
                twin.restore(0).expect("the stored state");
                twin.forward_recorded(0..1).expect("a substep");
                twin.begin_reverse().expect("a reverse pass");
                twin.seed(&seed).expect("a seed");
                twin.reverse(0..1).expect("a substep back");
                twin.gradient().expect("a gradient")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, substep);
criterion_main!(benches);
