//! `softscape devices`: what could compute, and what `auto` takes.

use super::Outcome;
use super::args::{DeviceArgs, DeviceChoice, Precision};
use super::device::Device;
use super::output::Output;
use crate::gpu::Gpu;
use serde_json::json;

pub fn run(output: Output) -> miette::Result<Outcome> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    output.record(&json!({
        "device": "cpu",
        "kind": "CPU",
        "threads": threads,
        "precisions": ["f32", "f64"],
    }));
    for adapter in Gpu::list() {
        output.text("");
        output.record(&json!({
            "device": "gpu",
            "name": adapter.name,
            "kind": adapter.kind,
            "backend": adapter.backend,
            "driver": adapter.driver,
            "max_binding_bytes": adapter.max_binding_bytes,
            "precisions": ["f32"],
        }));
    }
    let auto = DeviceArgs { device: DeviceChoice::Auto, precision: Precision::F32, threads: None };
    let chosen = Device::choose(&auto)?;
    output.text("");
    output.record(&json!({ "auto": chosen.explain() }));
    Ok(Outcome::Done)
}
