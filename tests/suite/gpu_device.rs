//! The device layer: adapters, buffers by name, folded dispatches, errors that name both sides.

use crate::adapter::gpu;
use softscape::gpu::{
    Buffer, Dispatch, Gpu, GpuError, Kernel, KernelOptions, Recording, Resources, ShaderFile,
    ShaderSource, Timer,
};

const SCALE: &str = "
struct Factor { value: f32, pad_a: vec3<f32> }
@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(5) var<uniform> factor: Factor;
@group(0) @binding(6) var<storage, read> unused: array<f32>;
override OFFSET: f32 = 0.0;
@compute @workgroup_size(64)
fn scale(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let i = gid.x + gid.y * groups.x * 64u;
    if (i >= arrayLength(&output)) { return; }
    output[i] = input[i] * factor.value + OFFSET;
}";

/// A uniform element of 256 bytes: the alignment of dynamic offsets.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Factor {
    value: f32,
    pad: [f32; 63],
}

fn source(text: &'static str) -> ShaderSource {
    let files = vec![ShaderFile { path: "scale.wgsl", text: text.into() }];
    ShaderSource { name: "scale", files }
}

fn scale_kernel(gpu: &Gpu) -> Kernel {
    let options = KernelOptions { overrides: &[("OFFSET", 1.0)], dynamic: &["factor"] };
    Kernel::new(gpu, &source(SCALE), "scale", &options).unwrap()
}

#[test]
fn buffers_are_bound_by_name_and_dispatches_choose_a_dynamic_element() {
    let Some(gpu) = gpu() else { return };
    let kernel = scale_kernel(&gpu);
    let bound_names: Vec<_> = kernel.bindings.iter().map(|b| b.name.as_str()).collect();
    assert_eq!(bound_names, ["input", "output", "factor"], "an unused global is not a binding");

    let input = Buffer::from_slice(&gpu, "input", &[1.0f32, 2.0, 3.0]).unwrap();
    let output = Buffer::<f32>::new(&gpu, "output", 3).unwrap();
    let factors = Buffer::with_usage(&gpu, "factors", 2, wgpu::BufferUsages::UNIFORM).unwrap();
    factors.write(&gpu, 0, &[2.0, 10.0].map(|value| Factor { value, pad: [0.0; 63] }));
    let resources = Resources::new()
        .with("input", &input)
        .with("output", &output)
        .with_element("factor", &factors);
    let bound = kernel.bind(&gpu, &resources).unwrap();
    for (element, expected) in [(0, [3.0, 5.0, 7.0]), (1, [11.0, 21.0, 31.0])] {
        let mut recording = Recording::new(&gpu);
        recording.dispatch(&kernel, &bound, &[element], Dispatch::Threads(3));
        recording.submit();
        assert_eq!(output.read(&gpu).unwrap(), expected);
    }
}

#[test]
fn a_dispatch_beyond_65535_workgroups_is_folded_and_reaches_every_element() {
    let Some(gpu) = gpu() else { return };
    let kernel = scale_kernel(&gpu);
    let count = 65_535 * 64 + 1000;
    let ones = vec![1.0f32; count];
    let input = Buffer::from_slice(&gpu, "input", &ones).unwrap();
    let output = Buffer::<f32>::new(&gpu, "output", count).unwrap();
    let factors = Buffer::with_usage(&gpu, "factors", 1, wgpu::BufferUsages::UNIFORM).unwrap();
    factors.write(&gpu, 0, &[Factor { value: 2.0, pad: [0.0; 63] }]);
    let resources = Resources::new()
        .with("input", &input)
        .with("output", &output)
        .with_element("factor", &factors);
    let bound = kernel.bind(&gpu, &resources).unwrap();
    let mut timer = Timer::new(&gpu).unwrap();
    let mut recording = Recording::timed(&gpu, timer.as_mut());
    recording.dispatch(&kernel, &bound, &[0], Dispatch::Threads(count));
    recording.submit();
    assert!(output.read(&gpu).unwrap().iter().all(|&v| v == 3.0));
    if let Some(timer) = &mut timer {
        let times = timer.take(&gpu).unwrap();
        assert_eq!((times.len(), times[0].dispatches), (1, 1));
        assert!(times[0].secs > 0.0, "a kernel over 4 million elements takes time: {times:?}");
    }
}

#[test]
fn a_missing_buffer_is_an_error_that_names_kernel_binding_and_what_was_offered() {
    let Some(gpu) = gpu() else { return };
    let kernel = scale_kernel(&gpu);
    let input = Buffer::from_slice(&gpu, "input", &[1.0f32]).unwrap();
    let offered = Resources::new().with("input", &input).with("ouptut", &input);
    let message = kernel.bind(&gpu, &offered).unwrap_err().to_string();
    assert_eq!(message, "kernel `scale` needs a buffer `output`; offered are: input, ouptut");
}

#[test]
fn a_buffer_of_another_element_size_is_refused() {
    let Some(gpu) = gpu() else { return };
    let kernel = scale_kernel(&gpu);
    let wide = Buffer::from_slice(&gpu, "wide", &[[1.0f32; 4]]).unwrap();
    let offered = Resources::new().with("input", &wide);
    let error = kernel.bind(&gpu, &offered).unwrap_err();
    assert!(matches!(error, GpuError::ElementSize { expected: 4, found: 16, .. }), "{error}");
}

#[test]
fn a_shader_error_names_file_and_line() {
    let broken = source("fn f() -> f32 { return 1.0; }\nfn g() -> f32 { return nothing; }\n");
    let message = broken.check().unwrap_err().to_string();
    assert!(message.starts_with("shader `scale`, scale.wgsl line 2: "), "{message}");
}

#[test]
fn a_buffer_beyond_the_limits_is_an_error_and_not_a_panic() {
    let Some(gpu) = gpu() else { return };
    let error = Buffer::<u8>::new(&gpu, "huge", 1 << 50).unwrap_err();
    assert!(matches!(error, GpuError::TooLarge { .. }), "{error}");
    gpu.check().unwrap();
}
