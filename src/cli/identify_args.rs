//! What was typed after `softscape identify`.

use super::args::{DeviceArgs, DeviceChoice, FidelityChoice, Precision};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  softscape run      scenes/laws/elastic.toml --observe obs.npz
  softscape identify scenes/laws/elastic.toml --observed obs.npz \\
      --parameters flesh.young_modulus,flesh.poisson_ratio --guess flesh.young_modulus=3e5
  softscape identify scenes/laws/sand.toml --check
  softscape identify runs/elastic-identify/run.toml --out runs/again

The observation (npz) holds time (K, s, ends of control steps), x (K x M x 3, world, m) and, if not
every particle was seen, particles (M, ids); or, from a camera above, time and height
(K x nx x ny, m) with origin (2), cell_width, floor and smoothing. `softscape run --observe` writes
the first, and with --observe-map the second.

The search is Levenberg-Marquardt on logarithms of the parameters, over a part of the motion that
grows as the fit gets better. It reports every value with its standard deviation, the correlations,
the combinations that the observation tells best and worst, and the residual of the fit.

The run directory holds log.jsonl (a line per step), result.json, curve.png (observed against
fitted) and run.toml, which reproduces the run when it is given in place of the scene.

--check observes the scene itself, forgets the parameters of its [identify] section, finds them
again from the guess there, and predicts a motion that was not observed; the exit code is 1 if a
parameter misses its tolerance.")]
pub struct IdentifyArgs {
    /// A scene file (TOML), or the run.toml of an earlier run, whose options then hold.
    pub scene: PathBuf,

    /// The observation (npz).
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    pub observed: Option<PathBuf>,

    /// What to find: `material.parameter`, or `parameter` where only one material has it.
    #[arg(long, value_delimiter = ',', value_name = "NAME,..", conflicts_with = "check")]
    pub parameters: Vec<String>,

    /// Where to start [default: the scene's values].
    #[arg(long, value_delimiter = ',', value_name = "NAME=VALUE,..", conflicts_with = "check")]
    pub guess: Vec<String>,

    /// Where to stay [default: a factor of 100 both ways].
    #[arg(long, value_delimiter = ',', value_name = "NAME=LOW:HIGH,..", conflicts_with = "check")]
    pub bounds: Vec<String>,

    /// Standard deviation of an observed number [m] [default: a hundredth of a cell].
    #[arg(long, value_name = "M", conflicts_with = "check")]
    pub noise: Option<f64>,

    /// Try the scene's own [identify] section.
    #[arg(long)]
    pub check: bool,

    /// Seed of the noise that --check adds.
    #[arg(long, default_value_t = 0, value_name = "S")]
    pub seed: u64,

    /// At which of the scene's resolutions.
    #[arg(long, value_enum, default_value_t = FidelityChoice::Standard)]
    pub fidelity: FidelityChoice,

    /// auto: a real GPU if there is one, else the CPU.
    #[arg(long, value_enum, default_value_t = DeviceChoice::Cpu)]
    pub device: DeviceChoice,

    /// Scalar of the simulation; f64 runs on the CPU only, and resolves smaller differences.
    #[arg(long, value_enum, default_value_t = Precision::F64)]
    pub precision: Precision,

    /// Threads of the CPU backend [default: one per core]. The result does not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,

    /// Actions that were commanded during the motion: an npz with `controls` [default: none].
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    pub controls: Option<PathBuf>,

    /// Most Jacobians for each part of the motion.
    #[arg(long, default_value_t = 30, value_name = "N")]
    pub iterations: usize,

    /// The run directory [default: runs/<scene>-identify].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

impl IdentifyArgs {
    pub fn device_args(&self) -> DeviceArgs {
        DeviceArgs { device: self.device, precision: self.precision, threads: self.threads }
    }
}
