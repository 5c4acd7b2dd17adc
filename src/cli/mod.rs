//! Layer 6: the command line. `args` is what was typed, a command's `plan` is what to do, and each
//! command has its file.

mod advance;
mod args;
mod bench;
mod bench_adaptive;
mod bench_args;
mod device;
mod devices;
mod error;
mod files;
mod gradient;
mod gradient_check;
mod identify;
mod identify_args;
mod identify_directory;
mod identify_plan;
mod inspect;
mod interrupt;
mod load;
mod observe_file;
mod optimize;
mod optimize_search;
mod output;
mod progress;
mod render;
mod run;
mod run_directory;
mod schema;
mod sensor_file;
mod show;
mod state_file;
mod validate;
mod view;

use args::{Command, CommandLine};
use clap::Parser;
use error::CliError;
use output::Output;
use std::process::ExitCode;

/// How a command that did not fail came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// By ctrl-C; what was computed until then is written.
    Interrupted,
    /// A measurement missed its tolerance.
    Missed,
}

/// Parses the command line, runs the command and prints an error once.
///
/// Exit codes: 0 done, 1 failed or missed a tolerance, 2 not understood, 130 interrupted.
pub fn main() -> ExitCode {
    let line = CommandLine::parse();
    let outcome = dispatch(&line);
    if let (Ok(Outcome::Done | Outcome::Missed), Some(cause)) = (&outcome, output::lost()) {
        eprintln!("results could not be printed to standard output: {cause}");
        return ExitCode::FAILURE;
    }
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Missed) => ExitCode::FAILURE,
        Ok(Outcome::Interrupted) => ExitCode::from(interrupt::INTERRUPTED),
        Err(report) => {
            eprintln!("{report:?}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(line: &CommandLine) -> miette::Result<Outcome> {
    let output = Output { json: line.json };
    match &line.command {
        Command::Run(args) => run::run(args, output),
        Command::View(args) => view::view(args, output),
        Command::Render(args) => render::render(args, output),
        Command::Gradient(args) => gradient::run(args, output),
        Command::Optimize(args) => optimize::run(args, output),
        Command::Identify(args) => identify::run(args, output),
        Command::Bench(args) => bench::run(args, output),
        Command::Validate(args) => validate::run(args, output),
        Command::Inspect(args) => inspect::run(args, output),
        Command::Devices => devices::run(output),
        Command::Schema => schema::run(output),
    }
}

/// A finite value above zero.
fn positive(option: &'static str, value: f64) -> Result<f64, CliError> {
    if value.is_finite() && value > 0.0 {
        return Ok(value);
    }
    Err(CliError::Option {
        option,
        problem: format!("{value} given; a positive number is allowed"),
    })
}
