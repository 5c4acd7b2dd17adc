//! `softscape schema`: the JSON schema of scene files, for editors.

use super::Outcome;
use super::output::Output;
use crate::scene::json_schema;

pub fn run(output: Output) -> miette::Result<Outcome> {
    let schema = json_schema();
    // The schema is JSON whoever reads it; a machine gets it on one line.
    if output.json {
        output.record(&schema);
    } else {
        output.text(&format!("{schema:#}"));
    }
    Ok(Outcome::Done)
}
