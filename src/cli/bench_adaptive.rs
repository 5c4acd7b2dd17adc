//! `softscape bench --suite adaptive`: levels of resolution against a uniformly fine grid.

use super::Outcome;
use super::args::{DeviceArgs, DeviceChoice, Precision};
use super::bench_args::{AdaptiveArgs, BenchArgs, BenchDevice};
use super::device::{Device, make_simulator};
use super::error::CliError;
use super::output::Output;
use super::progress::Progress;
use crate::bench::adaptive::{
    Comparison, Grids, PARTS, Plough, Run, measured_steps, model, plough,
};
use comfy_table::Table;
use miette::IntoDiagnostic;
use std::sync::Arc;

/// What levels have to keep to, and controls to miss: error of the mean force and of each tenth of
/// the stroke.
const FORCE_ERROR: f64 = 0.03;
/// The same of a second pass over a track that was coarsened.
const SECOND_PASS_ERROR: f64 = 0.05;
/// What three levels have to save of particle-substeps and of processor time, by default, in the whole bed and
/// in the smaller one.
const SAVED: [[f64; 2]; 2] = [[12.0, 7.0], [7.0, 4.5]];
/// Root mean square of the error in height behind the blade where a trail stays fine [m].
const HEIGHT_ERROR: f64 = 3e-3;
/// Processor time more than the uniform grid's, of levels that are all the finest.
const OVERHEAD: f64 = 0.05;

pub fn run(args: &BenchArgs, output: Output) -> miette::Result<Outcome> {
    let choice = match args.device.as_slice() {
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
    let device = DeviceArgs { device: choice, precision: Precision::F32, threads: None };
    let (device, on_cpu) = (Device::choose(&device)?, matches!(choice, DeviceChoice::Cpu));
    let experiment = experiment(&args.adaptive, args.quick);
    let saved = SAVED[usize::from(args.quick)];
    let args = &args.adaptive;
    let mut missed = false;
    let mut all = vec![Grids::Fine];
    all.extend(args.levels.iter().map(|&count| Grids::Levels(count)));
    if !args.no_controls {
        all.extend([Grids::Double, Grids::Uncoupled]);
    }
    if args.overhead {
        all.push(Grids::OnlyFinest);
    }
    let longest = 0.5 * experiment.bed[0];
    let wrong_stroke = |problem: String| CliError::Option { option: "--stroke", problem };
    if !(experiment.stroke > 0.0 && experiment.stroke <= longest) {
        let problem =
            format!("{} given; up to {longest} m, half the bed, is wanted", experiment.stroke);
        return Err(wrong_stroke(problem).into());
    }
    // What cannot be built is said before the first of them runs.
    for &grids in &all {
        let model = model(&experiment, grids).map_err(|error| CliError::Option {
            option: "--levels and --bands",
            problem: format!("{}: {error}", grids.name()),
        })?;
        let steps = measured_steps(&experiment, &model);
        if steps < PARTS {
            let problem = format!(
                "{} given: {steps} control steps; {PARTS} or more are compared",
                experiment.stroke
            );
            return Err(wrong_stroke(problem).into());
        }
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
        let (holds, verdict) = judge(args, (saved, on_cpu), grids, &against);
        missed |= !holds;
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
            format!("{:.3}", against.less_cpu),
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
    Ok(if missed { Outcome::Missed } else { Outcome::Done })
}

/// Whether a run keeps to what is asked of it, and in words.
fn judge(
    args: &AdaptiveArgs,
    ([samples, cpu], on_cpu): ([f64; 2], bool),
    grids: Grids,
    against: &Comparison,
) -> (bool, String) {
    let allowed = if args.second_pass { SECOND_PASS_ERROR } else { FORCE_ERROR };
    let close = against.mean_error.abs() <= allowed && against.worst_part_error <= allowed;
    match (grids, close) {
        (Grids::Fine, _) => return (true, "the reference".into()),
        (_, true) if grids.is_control() => return (false, "NOT REJECTED".into()),
        (_, false) if grids.is_control() => return (true, "rejected, as it must be".into()),
        _ => {}
    }
    let mut asked = vec![(format!("force within {:.0} %", 100.0 * allowed), close)];
    // What the scene's own bands save; wider ones and tracks that stay fine save less.
    let is_plain = args.bands.is_empty() && args.trail == 0.0 && args.linger == 0.0;
    let is_whole = args.stroke.is_none() && args.jitter == 0.0 && !args.second_pass;
    if grids == Grids::Levels(3) && is_plain && is_whole {
        let saves = against.fewer_particle_substeps >= samples;
        asked.push((format!("{samples} x fewer particle-substeps"), saves));
        if on_cpu {
            asked.push((format!("{cpu} x less CPU"), against.less_cpu >= cpu));
        }
    }
    if matches!(grids, Grids::Levels(_)) && args.trail > 0.0 {
        let millimetres = 1e3 * HEIGHT_ERROR;
        asked.push((format!("height {millimetres} mm"), against.height_error <= HEIGHT_ERROR));
    }
    if grids == Grids::OnlyFinest && on_cpu {
        let costs = 1.0 / against.less_cpu - 1.0;
        let words = format!("{:+.1} % CPU, {:.0} % allowed", 100.0 * costs, 100.0 * OVERHEAD);
        asked.push((words, costs <= OVERHEAD));
    }
    let words: Vec<String> = asked
        .iter()
        .map(|(what, holds)| if *holds { what.clone() } else { format!("MISSED: {what}") })
        .collect();
    (asked.iter().all(|(_, holds)| *holds), words.join("; "))
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

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Comparison = Comparison {
        mean_error: 0.01,
        worst_part_error: 0.02,
        fewer_particle_substeps: 13.0,
        less_cpu: 8.0,
        height_error: 2e-3,
    };

    fn args() -> AdaptiveArgs {
        AdaptiveArgs {
            levels: vec![3],
            stroke: None,
            jitter: 0.0,
            bands: Vec::new(),
            trail: 0.0,
            linger: 0.0,
            second_pass: false,
            overhead: true,
            no_controls: false,
        }
    }

    #[test]
    fn what_is_asked_of_levels_is_missed_where_it_does_not_hold() {
        let levels = Grids::Levels(3);
        let holds = |args: &AdaptiveArgs, grids, against: Comparison| {
            judge(args, (SAVED[0], true), grids, &against).0
        };
        assert!(holds(&args(), levels, GOOD));
        let wrong = [
            Comparison { mean_error: -0.04, ..GOOD },
            Comparison { worst_part_error: 0.04, ..GOOD },
            Comparison { fewer_particle_substeps: 11.0, ..GOOD },
            Comparison { less_cpu: 6.0, ..GOOD },
        ];
        for against in wrong {
            assert!(!holds(&args(), levels, against), "{against:?}");
        }
        // Two levels, or tracks that stay fine, save less; a trail has a height to keep.
        assert!(holds(&args(), Grids::Levels(2), wrong[2]));
        let trailing = AdaptiveArgs { trail: 0.15, ..args() };
        assert!(holds(&trailing, levels, wrong[3]));
        assert!(!holds(&trailing, levels, Comparison { height_error: 4e-3, ..GOOD }));
        // A second pass has its own bound.
        let again = AdaptiveArgs { second_pass: true, ..args() };
        assert!(holds(&again, levels, Comparison { worst_part_error: 0.045, ..wrong[2] }));
        // Controls must miss it, and what saves nothing must cost nothing.
        assert!(!holds(&args(), Grids::Double, GOOD));
        assert!(holds(&args(), Grids::Uncoupled, wrong[0]));
        let dear = |less_cpu| Comparison { less_cpu, ..GOOD };
        assert!(holds(&args(), Grids::OnlyFinest, dear(0.97)));
        assert!(!holds(&args(), Grids::OnlyFinest, dear(0.94)));
        let (_, words) = judge(&args(), (SAVED[0], true), Grids::OnlyFinest, &dear(0.8));
        assert_eq!(words, "force within 3 %; MISSED: +25.0 % CPU, 5 % allowed");
        // The processor's time says nothing about a device.
        assert!(judge(&args(), (SAVED[0], false), levels, &dear(1.0)).0);
        let short = AdaptiveArgs { stroke: Some(0.1), ..args() };
        assert!(holds(&short, levels, wrong[3]));
    }
}
