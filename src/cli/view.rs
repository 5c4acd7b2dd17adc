//! `softscape view`: a scene or a run in a window.

use super::Outcome;
use super::args::ViewArgs;
use super::output::Output;

/// Runs the command; returns when the window is closed.
#[cfg(feature = "viewer")]
pub fn view(args: &ViewArgs, output: Output) -> miette::Result<Outcome> {
    use super::device::{Device, make_simulator};
    use super::show::open_show;
    use crate::mpm::simulator::SimulationError;
    use crate::viewer::drag::channels_of_agents;
    use crate::viewer::{Exhibit, open};
    use miette::IntoDiagnostic;
    use std::sync::Arc;

    let mut opened = open_show(&args.scene, args.fidelity, args.controls.as_deref(), |loaded| {
        Ok(loaded.substeps())
    })?;
    opened.show.add_channels(channels_of_agents(&opened.show.model, opened.fastest));
    let model = Arc::clone(&opened.show.model);
    let device_args = args.device.clone();
    let simulator = Box::new(move |gpu: &crate::gpu::Gpu| {
        let device = Device::beside_window(&device_args, gpu)
            .map_err(|error| SimulationError::Device(error.to_string()))?;
        output.note(&device.explain());
        make_simulator(&model, &device)
    });
    open(Exhibit {
        title: opened.title,
        show: opened.show,
        fastest: opened.fastest,
        objective: opened.objective,
        curves: opened.curves,
        simulator,
    })
    .into_diagnostic()?;
    Ok(Outcome::Done)
}

/// A build without a window says so.
#[cfg(not(feature = "viewer"))]
pub fn view(_: &ViewArgs, _: Output) -> miette::Result<Outcome> {
    Err(super::error::CliError::Device {
        problem: "this program was built without the window".into(),
        help: "build it with `--features viewer`, or use `softscape render`".into(),
    }
    .into())
}
