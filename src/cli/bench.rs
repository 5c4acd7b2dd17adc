//! `softscape bench`: a row per material, size, device and number of threads.

use super::Outcome;
use super::args::{BenchArgs, BenchDevice, BenchMaterial};
use super::args::{DeviceArgs, DeviceChoice, Precision};
use super::device::{Device, make_simulator};
use super::error::CliError;
use super::output::{Output, significant};
use super::progress::Progress;
use crate::bench::throughput::{Case, Effort, Row, measure};
use comfy_table::Table;
use miette::IntoDiagnostic;

/// Sizes and repeats of --quick.
const QUICK_SIZES: [usize; 2] = [10_000, 100_000];
const QUICK_REPEATS: usize = 3;

pub fn run(args: &BenchArgs, output: Output) -> miette::Result<Outcome> {
    let cases = cases(args)?;
    let effort = Effort {
        repeats: if args.quick { args.repeats.min(QUICK_REPEATS) } else { args.repeats },
        gradient: !args.forward_only,
    };
    let progress = Progress::new("cases", cases.len() as u64);
    let mut rows = Vec::new();
    for (done, case) in cases.iter().enumerate() {
        progress.say(case.name());
        let device = device_of(case)?;
        let row = measure(case, &|model| make_simulator(model, &device), effort)
            .map_err(CliError::from)?;
        progress.reach(done as u64 + 1);
        rows.push(row);
    }
    drop(progress);
    report(&rows, &args.baseline, output)
}

fn cases(args: &BenchArgs) -> Result<Vec<Case>, CliError> {
    let positive = |option, values: &[usize]| match values.contains(&0) {
        true => Err(CliError::Option { option, problem: "0 given; at least 1 is allowed".into() }),
        false => Ok(()),
    };
    positive("--sizes", &args.sizes)?;
    positive("--threads", &args.threads)?;
    positive("--repeats", &[args.repeats])?;
    let sizes = if args.quick { QUICK_SIZES.to_vec() } else { args.sizes.clone() };
    let mut cases = Vec::new();
    for device in &args.device {
        let (device, threads) = match device {
            BenchDevice::Cpu => ("cpu", args.threads.as_slice()),
            BenchDevice::Gpu => ("gpu", [0].as_slice()),
        };
        for material in &args.materials {
            let material = match material {
                BenchMaterial::Elastic => "elastic",
                BenchMaterial::Sand => "sand",
                BenchMaterial::Liquid => "liquid",
            };
            for &size in &sizes {
                cases.extend(threads.iter().map(|&threads| Case {
                    material: material.to_owned(),
                    size,
                    device: device.to_owned(),
                    threads,
                }));
            }
        }
    }
    Ok(cases)
}

fn device_of(case: &Case) -> Result<Device, CliError> {
    let device = if case.device == "gpu" { DeviceChoice::Gpu } else { DeviceChoice::Cpu };
    Device::choose(&DeviceArgs { device, precision: Precision::F32, threads: None })
}

fn report(rows: &[Row], baseline: &str, output: Output) -> miette::Result<Outcome> {
    let base = rows.iter().find(|row| row.case.name() == baseline);
    if base.is_none() {
        output.note(&format!("no row `{baseline}` was measured: no ratios"));
    }
    let ratio = |row: &Row| base.map(|b| row.forward.per_core_sec / b.forward.per_core_sec);
    let mut table = Table::new();
    table.set_header([
        "case",
        "particles",
        "M/s",
        "M/core-s",
        "spread",
        "ratio",
        "backward M/core-s",
        "backward/forward",
        "bytes",
        "peak MB",
    ]);
    for row in rows {
        let mut record = serde_json::to_value(row).into_diagnostic()?;
        record["baseline"] = baseline.into();
        record["ratio"] = ratio(row).into();
        if output.json {
            output.record(&record);
        }
        let or_none = |value: Option<f64>| value.map_or("-".to_owned(), significant3);
        table.add_row([
            row.case.name(),
            row.particles.to_string(),
            significant3(row.forward.per_sec),
            significant3(row.forward.per_core_sec),
            format!("{:.1} %", 100.0 * row.forward.spread),
            or_none(ratio(row)),
            or_none(row.backward.map(|b| b.per_core_sec)),
            or_none(row.backward_ratio),
            format!("{:.0}", row.bytes_per_particle_substep),
            or_none(row.peak_resident_bytes.map(|b| b as f64 * 1e-6)),
        ]);
    }
    output.text(&table.to_string());
    output.text(
        "M: million particle-substeps. ratio: M/core-s over that of the baseline. \
         bytes: moved per particle and substep.\n",
    );
    for row in rows {
        let stages = row.stage_ns.iter().map(|(stage, ns)| format!("{stage} {ns:.1}"));
        let stages = stages.collect::<Vec<_>>().join(", ");
        output.text(&format!("{}: ns per particle-substep: {stages}", row.case.name()));
    }
    Ok(Outcome::Done)
}

/// Three digits are what a timing is good for.
fn significant3(x: f64) -> String {
    let digits = (2 - x.abs().max(1e-9).log10().floor() as i32).clamp(0, 6) as usize;
    significant((x * 10f64.powi(digits as i32)).round() / 10f64.powi(digits as i32))
}
