//! `softscape inspect`: every number that a scene file leads to.

use super::Outcome;
use super::args::InspectArgs;
use super::load::load_scene;
use super::output::Output;
use crate::model::summary;
use miette::IntoDiagnostic;

pub fn run(args: &InspectArgs, output: Output) -> miette::Result<Outcome> {
    let loaded = load_scene(&args.scene, args.fidelity)?;
    let summary = summary(&loaded.scene, &loaded.model);
    output.record(&serde_json::to_value(&summary).into_diagnostic()?);
    Ok(Outcome::Done)
}
