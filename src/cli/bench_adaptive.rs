//! `softscape bench --suite adaptive`: levels of resolution against a uniformly fine grid.

use super::Outcome;
use super::args::{DeviceArgs, DeviceChoice, Precision};
use super::bench_args::{AdaptiveArgs, BenchArgs, BenchDevice};
use super::device::{Device, make_simulator};
use super::error::CliError;
use super::output::Output;
use super::progress::Progress;
use crate::bench::adaptive::{Grids, PARTS, Plough, Run, model, plough};
use comfy_table::Table;
use miette::IntoDiagnostic;
use std::sync::Arc;

/// What levels have to keep to, and controls to miss: error of the mean force and of each tenth of
/// the stroke.
const FORCE_ERROR: f64 = 0.03;
/// The same of a second pass over a track that was coarsened.
const SECOND_PASS_ERROR: f64 = 0.05;

pub fn run(args: &BenchArgs, output: Output) -> miette::Result<Outcome> {
    let device = match args.device.as_slice() {
        [] | [BenchDevice::Cpu] => DeviceChoice::Cpu,
        [BenchDevice::Gpu] => DeviceChoice::Gpu,
        several => {
            return Err(CliError::Option {
                option: "--device",
                problem: format!("{} given; the suite `adaptive` takes one", several.len()),
            }
            .into());
        }
    };
    let device = Device::choose(&DeviceArgs { device, precision: Precision::F32, threads: None })?;
    let experiment = experiment(&args.adaptive, args.quick);
    let args = &args.adaptive;
    let allowed = if args.second_pass { SECOND_PASS_ERROR } else { FORCE_ERROR };
    let mut all = vec![Grids::Fine];
    all.extend(args.levels.iter().map(|&count| Grids::Levels(count)));
    if !args.no_controls {
        all.extend([Grids::Double, Grids::Uncoupled]);
    }
    if args.overhead {
        all.push(Grids::OnlyFinest);
    }
    // What cannot be built is said before the first of them runs.
    for &grids in &all {
        model(&experiment, grids).map_err(|error| CliError::Option {
            option: "--levels and --bands",
            problem: format!("{}: {error}", grids.name()),
        })?;
    }
    let mut by_level: Vec<Vec<String>> = Vec::new();
    let mut runs: Vec<(Grids, Run)> = Vec::new();
    let mut table = Table::new();
    table.set_header([
        "grids",
        "particles",
        "at the end",
        "force N",
        "mean error",
        "worst tenth",
        "x particle-substeps",
        "x CPU",
        "height mm rms",
        "verdict",
    ]);
    for grids in all {
        let progress = Progress::new(&grids.name(), 1);
        let make = |model: &Arc<_>| make_simulator(model, &device);
        let mut reach = |done: usize, all: usize| {
            progress.expect(all as u64);
            progress.reach(done as u64);
        };
        let run = plough(&experiment, grids, &make, &mut reach)
            .map_err(|error| miette::miette!("{error}"))?;
        drop(progress);
        let fine = runs.first().map_or(&run, |(_, fine)| fine);
        let against = run.against(fine);
        let close = against.mean_error.abs() <= allowed && against.worst_part_error <= allowed;
        let verdict: String = match (grids, close) {
            (Grids::Fine, _) => "the reference".into(),
            (_, true) if grids.is_control() => "NOT REJECTED".into(),
            (_, false) if grids.is_control() => "rejected, as it must be".into(),
            (_, true) => format!("within {:.0} %", 100.0 * allowed),
            (_, false) => "MISSED".into(),
        };
        if output.json {
            let mut record = serde_json::to_value(&run).into_diagnostic()?;
            record["comparison"] = serde_json::to_value(against).into_diagnostic()?;
            record["verdict"] = verdict.clone().into();
            output.record(&record);
        }
        let percent = |x: f64| format!("{:+.1} %", 100.0 * x);
        table.add_row([
            run.grids.clone(),
            run.particles_at_start.to_string(),
            run.particles_at_end.to_string(),
            format!("{:.1}", run.force.iter().sum::<f64>() / PARTS as f64),
            percent(against.mean_error),
            percent(against.worst_part_error),
            format!("{:.1}", against.fewer_particle_substeps),
            format!("{:.1}", against.less_cpu),
            format!("{:.1}", 1e3 * against.height_error),
            verdict,
        ]);
        let stages: Vec<String> =
            run.stage_ns.iter().map(|(stage, ns)| format!("{stage} {ns:.0} ns")).collect();
        output.note(&format!(
            "{}: {:.1e} particle-substeps, {:.0} s of CPU time ({}), force by tenths {}",
            run.grids,
            run.particle_substeps,
            run.cpu_secs,
            stages.join(", "),
            run.force.map(|f| format!("{f:.1}")).join(" ")
        ));
        by_level.extend(rows(&run));
        runs.push((grids, run));
    }
    output.text(&table.to_string());
    if !by_level.is_empty() {
        let mut table = Table::new();
        table.set_header([
            "grids",
            "level",
            "cell mm",
            "particles",
            "cells",
            "state MB",
            "time s",
            "share",
        ]);
        table.add_rows(by_level);
        output.text(
            "At the end of the run, and the time of p2g, grid_update and g2p over all of it:",
        );
        output.text(&table.to_string());
    }
    Ok(Outcome::Done)
}

fn experiment(args: &AdaptiveArgs, quick: bool) -> Plough {
    let base = if quick { Plough::quick() } else { Plough::whole() };
    Plough {
        stroke: args.stroke.unwrap_or(base.stroke),
        jitter: args.jitter,
        bands: args.bands.clone(),
        trail: args.trail,
        linger_secs: args.linger,
        second_pass: args.second_pass,
        ..base
    }
}

/// A row for each level of a run, and one for what a uniform grid would need.
fn rows(run: &Run) -> Vec<Vec<String>> {
    let megabytes = |bytes: u64| format!("{:.1}", bytes as f64 * 1e-6);
    let all: f64 = run.level_secs.iter().sum();
    // A device does not tell them.
    let times = run.level_secs.iter().map(|&secs| (secs, 100.0 * secs / all.max(1e-9)));
    let times = times
        .map(|(secs, share)| [format!("{secs:.1}"), format!("{share:.1} %")])
        .chain(std::iter::repeat(["-".into(), "-".into()]));
    let mut rows: Vec<Vec<String>> = run
        .levels
        .iter()
        .zip(times)
        .map(|(level, [secs, share])| {
            vec![
                run.grids.clone(),
                level.level.to_string(),
                format!("{}", level.cell_width * 1e3),
                level.particle_count.to_string(),
                level.occupied_cells.to_string(),
                megabytes(level.state_bytes),
                secs,
                share,
            ]
        })
        .collect();
    if let Some(finest) = run.levels.first() {
        rows.push(vec![
            format!("{:.1} x as many, uniform", run.uniform.ratio),
            "-".into(),
            format!("{}", finest.cell_width * 1e3),
            run.uniform.particle_count.to_string(),
            run.uniform.cells.to_string(),
            megabytes(run.uniform.state_bytes),
            "-".into(),
            "-".into(),
        ]);
    }
    rows
}
