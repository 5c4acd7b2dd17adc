//! `softscape validate`: each law, its checks and its controls.

mod report;

use crate::bench::validate::check::{Accept, Check, Report};
use crate::bench::validate::lab::Lab;
use crate::bench::validate::{LAWS, Law};
use crate::cli::Outcome;
use crate::cli::args::{DeviceArgs, Precision, ValidateArgs};
use crate::cli::device::{Device, make_simulator};
use crate::cli::error::CliError;
use crate::cli::files::{check_writable, draw_whole, make_directory, write_whole};
use crate::cli::output::{Output, significant};
use crate::cli::progress::Progress;
use comfy_table::Table;
use miette::IntoDiagnostic;
use serde_json::json;
use std::io::Write;
use std::time::Instant;

/// What came of one law.
struct Finding {
    law: &'static Law,
    report: Report,
    /// How long it took [s].
    wall_secs: f64,
}

pub fn run(args: &ValidateArgs, output: Output) -> miette::Result<Outcome> {
    let laws = chosen(&args.only)?;
    if let Some(plots) = &args.plots {
        make_directory(plots)?;
    }
    if let Some(path) = &args.report {
        check_writable(path)?;
    }
    let device = Device::choose(&DeviceArgs {
        device: args.device,
        precision: Precision::F32,
        threads: None,
    })?;
    output.note(&device.explain());
    let lab = Lab { make: &|model| make_simulator(model, &device), quick: args.quick };
    let mut missed = Vec::new();
    let mut findings = Vec::new();
    let progress = Progress::new("laws", laws.len() as u64);
    for law in laws {
        progress.say(law.name.to_owned());
        let started = Instant::now();
        let report = (law.run)(&lab).map_err(CliError::from)?;
        if !report.passed() {
            missed.push(law.number);
        }
        let wall_secs = started.elapsed().as_secs_f64();
        progress.quietly(|| print(law, &report, wall_secs, output))?;
        if let (Some(folder), Some(plot)) = (&args.plots, &report.plot) {
            draw_whole(plot, &folder.join(format!("{:02}-{}.png", law.number, law.name)))?;
        }
        findings.push(Finding { law, report, wall_secs });
        progress.reach(findings.len() as u64);
        // Again after each law, so that a run that stops leaves what it found.
        if let Some(path) = &args.report {
            let page = report::page(&findings, &device.explain(), args.quick);
            write_whole(path, |file| file.write_all(page.as_bytes()))?;
        }
    }
    drop(progress);
    if missed.is_empty() {
        output.text("All laws hold, and every control was rejected.");
        return Ok(Outcome::Done);
    }
    output.note(&format!("missed: laws {missed:?}"));
    Ok(Outcome::Missed)
}

fn chosen(only: &[u32]) -> Result<Vec<&'static Law>, CliError> {
    let all: Vec<u32> = LAWS.iter().map(|law| law.number).collect();
    if let Some(unknown) = only.iter().find(|number| !all.contains(number)) {
        let problem = format!("there is no law {unknown}; allowed are {all:?}");
        return Err(CliError::Option { option: "--only", problem });
    }
    Ok(LAWS.iter().filter(|law| only.is_empty() || only.contains(&law.number)).collect())
}

fn print(law: &Law, report: &Report, wall_secs: f64, output: Output) -> miette::Result<()> {
    if output.json {
        for check in &report.checks {
            let mut record = serde_json::to_value(check).into_diagnostic()?;
            record["law"] = law.number.into();
            record["name"] = law.name.into();
            record["passed"] = check.passed().into();
            output.record(&record);
        }
        output.record(&json!({
            "law": law.number,
            "name": law.name,
            "passed": report.passed(),
            "remarks": report.remarks,
            "wall_secs": wall_secs,
        }));
        return Ok(());
    }
    let verdict = if report.passed() { "holds" } else { "MISSED" };
    output.text(&format!("\n{} {}: {verdict} ({wall_secs:.1} s)", law.number, law.name));
    let mut table = Table::new();
    table.set_header(["what", "measured", "accepted", "control", "verdict"]);
    for check in &report.checks {
        table.add_row([
            check.what.clone(),
            significant(check.measured),
            accepted(&check.accept),
            check.control.clone().unwrap_or_default(),
            judgement(check).to_owned(),
        ]);
    }
    output.text(&table.to_string());
    for remark in &report.remarks {
        output.text(remark);
    }
    Ok(())
}

fn accepted(accept: &Accept) -> String {
    match *accept {
        Accept::Near { reference, tolerance } => {
            format!("{} +- {} %", significant(reference), significant(100.0 * tolerance))
        }
        Accept::Within { low, high } => format!("{} .. {}", significant(low), significant(high)),
        Accept::AtMost { limit } => format!("<= {}", significant(limit)),
        Accept::AtLeast { limit } => format!(">= {}", significant(limit)),
    }
}

fn judgement(check: &Check) -> &'static str {
    match (check.passed(), check.control.is_some()) {
        (true, false) => "holds",
        (false, false) => "MISSED",
        (true, true) => "rejected, as it must be",
        (false, true) => "NOT REJECTED",
    }
}
