//! Runs pointwise shader functions on rows of numbers, and keeps count of errors by regime.

use crate::common::models::model_of;
use softscape::gpu::{
    Buffer, Dispatch, Gpu, Kernel, KernelOptions, Recording, Resources, ShaderFile, ShaderSource,
};
use softscape::math::{Mat3, Vec3};
use softscape::model::{Law, LawKind, Model};
use softscape::mpm::device::{Fields, KernelId};

/// The pointwise files of the solver's own kernels.
pub fn pointwise_files() -> Vec<ShaderFile> {
    let mut files: Vec<ShaderFile> = Vec::new();
    for file in [KernelId::G2pAdj, KernelId::GridUpdateAdj]
        .iter()
        .flat_map(|id| id.source(LawKind::ALL).files)
    {
        let is_pointwise = ["types.wgsl", "math/", "material/", "contact/"]
            .iter()
            .any(|start| file.path.starts_with(start));
        if is_pointwise && files.iter().all(|known| known.path != file.path) {
            files.push(file);
        }
    }
    files
}

/// All pointwise shaders, and a kernel that runs `body` on row `i` of the input.
pub fn source(body: &str, inputs: usize, outputs: usize) -> ShaderSource {
    let kernel = format!(
        "
@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform> fields: array<FieldAt, FIELDS>;
@group(0) @binding(3) var coefficients: texture_2d<f32>;
var<private> first: u32;
var<private> written: u32;
fn number(at: u32) -> f32 {{ return input[first + at]; }}
fn whole(at: u32) -> u32 {{ return u32(number(at)); }}
fn vector(at: u32) -> vec3<f32> {{ return vec3<f32>(number(at), number(at + 1u), number(at + 2u)); }}
fn matrix(at: u32) -> mat3x3<f32> {{
    return transpose(mat3x3<f32>(vector(at), vector(at + 3u), vector(at + 6u)));
}}
fn four(at: u32) -> vec4<f32> {{ return vec4<f32>(vector(at), number(at + 3u)); }}
fn constants(at: u32) -> Constants {{ return Constants(four(at), four(at + 4u)); }}
fn write_constants(k: Constants) {{ for (var i = 0u; i < 4u; i++) {{ write(k.low[i]); }} for (var i = 0u; i < 4u; i++) {{ write(k.high[i]); }} }}
fn write(x: f32) {{ output[written] = x; written++; }}
fn write3(v: vec3<f32>) {{ write(v.x); write(v.y); write(v.z); }}
fn write9(m: mat3x3<f32>) {{ let t = transpose(m); write3(t[0]); write3(t[1]); write3(t[2]); }}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {{
    first = id.x * {inputs}u;
    written = id.x * {outputs}u;
    if first >= arrayLength(&input) {{ return; }}
    {body}
}}"
    );
    let mut files = pointwise_files();
    files.push(ShaderFile { path: "the test's kernel", text: kernel.into() });
    ShaderSource { name: "pointwise", files }
}

/// Output rows of `body`, one per input row.
pub fn run(gpu: &Gpu, body: &str, rows: &[Vec<f64>], outputs: usize) -> Vec<Vec<f64>> {
    let law = Law::typical(LawKind::ALL[0]);
    let model = model_of(1.0, 1.0, law, 1.0, &[[0.0; 3]], 1.0);
    run_with_shapes(gpu, &model, body, rows, outputs)
}

/// The same with the fields of a model's shapes at hand.
pub fn run_with_shapes(
    gpu: &Gpu,
    model: &Model,
    body: &str,
    rows: &[Vec<f64>],
    outputs: usize,
) -> Vec<Vec<f64>> {
    let inputs = rows[0].len();
    let flat: Vec<f32> = rows.iter().flatten().map(|&x| x as f32).collect();
    let source = source(body, inputs, outputs);
    let options = KernelOptions { overrides: &[("HAS_FIELDS", 1.0)], dynamic: &[] };
    let kernel = Kernel::new(gpu, &source, "main", &options).unwrap_or_else(|e| panic!("{e}"));
    let fields = Fields::new(gpu, model).unwrap();
    let input = Buffer::from_slice(gpu, "input", &flat).unwrap();
    let output = Buffer::<f32>::new(gpu, "output", rows.len() * outputs).unwrap();
    let resources = Resources::new().with("input", &input).with("output", &output);
    let resources = fields.resources(resources);
    let bound = kernel.bind(gpu, &resources).unwrap();
    let mut recording = Recording::new(gpu);
    recording.dispatch(&kernel, &bound, &[], Dispatch::Threads(rows.len()));
    recording.submit();
    let read = output.read(gpu).unwrap();
    read.chunks(outputs).map(|row| row.iter().map(|&x| f64::from(x)).collect()).collect()
}

pub fn single(x: f64) -> f64 {
    f64::from(x as f32)
}

pub fn round(m: Mat3<f64>) -> Mat3<f64> {
    Mat3(m.0.map(|row| row.map(single)))
}

pub fn round3(v: Vec3<f64>) -> Vec3<f64> {
    Vec3(v.0.map(single))
}

pub fn flat(m: Mat3<f64>) -> Vec<f64> {
    m.0.iter().flatten().copied().collect()
}

pub fn matrix(x: &[f64]) -> Mat3<f64> {
    Mat3::from_fn(|i, j| x[3 * i + j])
}

pub fn norm(m: Mat3<f64>) -> f64 {
    m.double_dot(m).sqrt()
}

/// Errors by regime, each already divided by its own bound's scale.
#[derive(Default)]
pub struct Errors {
    by_regime: std::collections::BTreeMap<&'static str, Vec<f64>>,
}

impl Errors {
    pub fn push(&mut self, regime: &'static str, error: f64) {
        self.by_regime.entry(regime).or_default().push(error);
    }

    /// The median and the worst of each regime stay below the bounds.
    pub fn check(&mut self, what: &str, median_bound: f64, worst_bound: f64) {
        let mut faults = Vec::new();
        for (regime, errors) in &mut self.by_regime {
            errors.sort_by(f64::total_cmp);
            let (median, worst) = (errors[errors.len() / 2], errors[errors.len() - 1]);
            println!("{what:>28}  {regime:<22} median {median:.1e}  worst {worst:.1e}");
            // Written so that a NaN fails.
            if !(median <= median_bound && worst <= worst_bound) {
                faults.push(format!("{regime}: median {median:e}, worst {worst:e}"));
            }
        }
        assert!(faults.is_empty(), "{what}: above {median_bound:e}, {worst_bound:e}: {faults:#?}");
    }
}
