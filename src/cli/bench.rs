//! `softscape bench`: a row per material, size, device and number of threads.

use super::Outcome;
use super::args::{DeviceArgs, DeviceChoice, Precision};
use super::bench_args::{BenchArgs, BenchDevice, BenchSuite};
use super::device::{Device, make_simulator};
use super::error::CliError;
use super::output::{Output, significant};
use super::progress::Progress;
use crate::bench::horizon::measure_horizon;
use crate::bench::throughput::{Case, Effort, Row, measure};
use comfy_table::Table;
use miette::IntoDiagnostic;

/// Sizes and repeats of --quick.
const QUICK_SIZES: [usize; 2] = [10_000, 100_000];
const QUICK_REPEATS: usize = 3;

pub fn run(args: &BenchArgs, output: Output) -> miette::Result<Outcome> {
    if args.suite == BenchSuite::Adaptive {
        return super::bench_adaptive::run(args, output);
    }
    let cases = cases(args)?;
    if let Some(substeps) = args.horizon {
        return horizons(&cases, substeps, output);
    }
    let effort = Effort {
        repeats: if args.quick { args.repeats.min(QUICK_REPEATS) } else { args.repeats },
        gradient: !args.forward_only,
    };
    // The baseline first: each row can then be told as soon as it is measured.
    let (base, others): (Vec<_>, Vec<_>) =
        cases.into_iter().partition(|case| case.name() == args.baseline);
    if base.is_empty() {
        output.note(&format!("no row `{}` is measured: no ratios", args.baseline));
    }
    let progress = Progress::new("cases", (base.len() + others.len()) as u64);
    let mut rows: Vec<Row> = Vec::new();
    for case in base.iter().chain(&others) {
        progress.say(case.name());
        let device = device_of(case)?;
        let row = measure(case, &|model| make_simulator(model, &device), effort)
            .map_err(CliError::from)?;
        rows.push(row);
        progress.reach(rows.len() as u64);
        if output.json {
            let latest = &rows[rows.len() - 1];
            let mut record = serde_json::to_value(latest).into_diagnostic()?;
            record["baseline"] = args.baseline.as_str().into();
            record["ratio"] = ratio(latest, &rows, &args.baseline).into();
            output.record(&record);
        }
    }
    drop(progress);
    report(&rows, &args.baseline, output);
    Ok(Outcome::Done)
}

/// Speed over that of the baseline, if that was measured.
fn ratio(row: &Row, rows: &[Row], baseline: &str) -> Option<f64> {
    let base = rows.iter().find(|row| row.case.name() == baseline)?;
    Some(row.forward.per_core_sec / base.forward.per_core_sec)
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
    let devices: &[BenchDevice] = match args.device.as_slice() {
        [] => &[BenchDevice::Cpu, BenchDevice::Gpu],
        given => given,
    };
    for device in devices {
        let (device, threads) = match device {
            BenchDevice::Cpu => ("cpu", args.threads.as_slice()),
            BenchDevice::Gpu => ("gpu", [0].as_slice()),
        };
        for material in &args.materials {
            for &size in &sizes {
                cases.extend(threads.iter().map(|&threads| Case {
                    material: material.clone(),
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

fn report(rows: &[Row], baseline: &str, output: Output) {
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
        table.add_row([
            row.case.name(),
            row.particles.to_string(),
            significant3(row.forward.per_sec),
            significant3(row.forward.per_core_sec),
            format!("{:.1} %", 100.0 * row.forward.spread),
            or_none(ratio(row, rows, baseline)),
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
}

/// A whole rollout and its gradient for each case.
fn horizons(cases: &[Case], substeps: usize, output: Output) -> miette::Result<Outcome> {
    if substeps == 0 {
        let problem = "0 given; at least 1 is allowed".into();
        return Err(CliError::Option { option: "--horizon", problem }.into());
    }
    let mut table = Table::new();
    table.set_header([
        "case",
        "particles",
        "substeps",
        "forward s",
        "backward s",
        "backward/forward",
        "replayed",
        "checkpoint MB",
        "peak MB",
    ]);
    for case in cases {
        let progress = Progress::new(&case.name(), 2 * substeps as u64);
        let device = device_of(case)?;
        let mut reach = |seen| progress.follow(seen);
        let make = |model: &_| make_simulator(model, &device);
        let row = measure_horizon(case, &make, substeps, &mut reach).map_err(CliError::from)?;
        drop(progress);
        if output.json {
            output.record(&serde_json::to_value(&row).into_diagnostic()?);
        }
        table.add_row([
            row.case.name(),
            row.particles.to_string(),
            row.substeps.to_string(),
            significant3(row.forward_secs),
            significant3(row.backward_secs),
            significant3(row.backward_ratio),
            row.replayed_substeps.to_string(),
            significant3(row.checkpoint_bytes as f64 * 1e-6),
            or_none(row.peak_resident_bytes.map(|b| b as f64 * 1e-6)),
        ]);
    }
    output.text(&table.to_string());
    Ok(Outcome::Done)
}

fn or_none(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), significant3)
}

/// Three digits are what a timing is good for.
fn significant3(x: f64) -> String {
    let digits = (2 - x.abs().max(1e-9).log10().floor() as i32).clamp(0, 6) as usize;
    significant((x * 10f64.powi(digits as i32)).round() / 10f64.powi(digits as i32))
}
