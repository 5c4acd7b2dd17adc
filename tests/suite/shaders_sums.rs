//! The exact sums of pose cotangents and impulses against sums of integers.

use crate::adapter::gpu;
use softscape::gpu::{
    Buffer, Dispatch, Gpu, Kernel, KernelOptions, Recording, Resources, ShaderFile, ShaderSource,
};
use softscape::model::LawKind;
use softscape::mpm::device::KernelId;

const THREADS: usize = 1 << 16;
/// All 24 digits of a float are ones, so that its limbs are as large as limbs can be.
const ONES: f64 = ((1 << 24) - 1) as f64;

/// The solver's sums, and a kernel of the test's.
fn kernel(gpu: &Gpu, entry: &str, body: &str) -> Kernel {
    let text = format!(
        "@group(0) @binding(0) var<storage, read_write> pose_limbs: array<atomic<i32>>;
        @group(0) @binding(1) var<storage, read_write> output: array<f32>;
        @compute @workgroup_size(64)
        fn {entry}(@builtin(global_invocation_id) id: vec3<u32>) {{ {body} }}"
    );
    let mut files: Vec<_> = KernelId::PoseTotal.source(LawKind::ALL).files;
    files.retain(|file| file.path == "grid/pose_sum.wgsl");
    files.insert(0, ShaderFile { path: "types", text: POSE_BAR.into() });
    files.push(ShaderFile { path: "the test's kernel", text: text.into() });
    let source = ShaderSource { name: "sums", files };
    Kernel::new(gpu, &source, entry, &KernelOptions { overrides: &[], dynamic: &[] })
        .unwrap_or_else(|error| panic!("{error}"))
}

const POSE_BAR: &str = "struct PoseBar {
    position: vec3<f32>, rotation: vec3<f32>, velocity: vec3<f32>, angular_velocity: vec3<f32>,
}";

#[test]
fn sums_of_millions_of_addends_are_exact_whatever_their_signs() {
    let Some(gpu) = gpu() else { return };
    // 2 621 440 addends of one sign; of both; small ones beside large ones that cancel.
    let add = kernel(
        &gpu,
        "add",
        "let odd = (id.x & 1u) == 1u;
        for (var n = 0u; n < 40u; n++) {
            add_exactly(0u, 0u, 16777215.0);
            add_exactly(0u, 1u, -16777215.0 * 0x1p-40f);
            add_exactly(0u, 2u, select(16777215.0, -16777215.0, odd));
            add_exactly(0u, 3u, select(16777215.0 * 0x1p60f, -16777215.0 * 0x1p60f, odd));
            add_exactly(0u, 3u, 0x1p-30f);
        }
        if (id.x < 3u) { add_exactly(0u, 2u, 0x1p-100f); }",
    );
    let take = kernel(&gpu, "take", "if (id.x < 4u) { output[id.x] = take_sum(0u, id.x); }");
    let limbs = Buffer::<i32>::new(&gpu, "limbs", 512).unwrap();
    let output = Buffer::<f32>::new(&gpu, "output", 4).unwrap();
    let resources = Resources::new().with("pose_limbs", &limbs).with("output", &output);
    let mut recording = Recording::new(&gpu);
    let (adding, taking) =
        (add.bind(&gpu, &resources).unwrap(), take.bind(&gpu, &resources).unwrap());
    recording.dispatch(&add, &adding, &[], Dispatch::Threads(THREADS));
    recording.dispatch(&take, &taking, &[], Dispatch::Threads(64));
    recording.submit();
    let addends = (40 * THREADS) as f64;
    let expected = [
        addends * ONES,
        -addends * ONES * (-40f64).exp2(),
        3.0 * (-100f64).exp2(),
        addends * (-30f64).exp2(),
    ];
    let found: Vec<f64> = output.read(&gpu).unwrap().iter().map(|&x| f64::from(x)).collect();
    for (found, expected) in found.iter().zip(expected) {
        let error = (found / expected - 1.0).abs();
        assert!(error <= f64::from(f32::EPSILON), "{found} and not {expected}");
    }
    // Nothing is left of them for the next sums.
    assert!(limbs.read(&gpu).unwrap().iter().all(|&limb| limb == 0));
}
