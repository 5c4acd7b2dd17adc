//! What was typed. Nothing here decides anything: each command's file does.

use super::bench_args::BenchArgs;
use super::identify_args::IdentifyArgs;
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "softscape",
    version,
    about = "A differentiable simulator of soft materials for robots",
    long_about = "Simulates elastic bodies, liquids and sand with the material point method, \
                  differentiates whole rollouts with respect to actions, initial states and \
                  material parameters, and optimises trajectories through the gradient.\n\n\
                  Runs on a GPU through Vulkan, Metal or DirectX, and on the CPU where there is none.",
    after_help = FIRST_STEPS,
    propagate_version = true
)]
pub struct CommandLine {
    /// Write results as JSON lines on standard output, for machines; nothing else goes there.
    #[arg(long, global = true)]
    pub json: bool,

    #[command(subcommand)]
    pub command: Command,
}

const FIRST_STEPS: &str = "\
First steps:
  softscape inspect  scenes/dam-break.toml              what is in it, and is it stable
  softscape run      scenes/dam-break.toml --secs 1 --out state.npz
  softscape render   scenes/dam-break.toml --out dam.png
  softscape optimize scenes/push-cube.toml --out runs/push
  softscape view     runs/push                          watch the best trajectory";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Simulate a scene and write its state.
    Run(RunArgs),
    /// Compute a task's objective and its derivatives.
    Gradient(GradientArgs),
    /// Search for the controls that minimise a task's objective.
    Optimize(OptimizeArgs),
    /// Find material parameters from an observed motion.
    Identify(IdentifyArgs),
    /// Open a scene or a run in a window.
    View(ViewArgs),
    /// Make a picture or a movie of a scene or a run, without a window.
    Render(RenderArgs),
    /// Measure speed and memory.
    Bench(BenchArgs),
    /// Hold the solver against physical laws.
    Validate(ValidateArgs),
    /// Print every number that a scene file leads to, without running it.
    Inspect(InspectArgs),
    /// List the devices that could be used, and which one `auto` takes.
    Devices,
    /// Print the JSON schema of scene files.
    Schema,
}

/// Where and how precisely to compute.
#[derive(Clone, Debug, Args)]
pub struct DeviceArgs {
    /// auto: a real GPU if there is one, else the CPU (faster than a GPU emulated in software).
    #[arg(long, value_enum, default_value_t = DeviceChoice::Auto)]
    pub device: DeviceChoice,

    /// Scalar of the simulation; f64 runs on the CPU only.
    #[arg(long, value_enum, default_value_t = Precision::F32)]
    pub precision: Precision,

    /// Threads of the CPU backend [default: one per core]. The result does not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceChoice {
    Auto,
    Gpu,
    Cpu,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    F32,
    F64,
}

/// One scene file, three cell widths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FidelityChoice {
    /// Coarse: minutes on two CPU cores.
    Preview,
    Standard,
    Fine,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  softscape run scenes/sand-column.toml --secs 0.5 --out state.npz
  softscape run scenes/push-cube.toml --controls best-controls.npz --frames frames/
  softscape run scenes/dam-break.toml --device cpu --precision f64 --substeps 1000 --json
  softscape run scenes/dam-break.toml --sensors sensors.npz

The state file holds x (N x 3, world, m, f64), v (N x 3, m/s), C (N x 3 x 3, 1/s), F (N x 3 x 3),
J, mass (kg), volume (rest, m3), material, body (indices), history and time (s); with levels of
resolution level and held, with chunks that sleep chunk and chunk_state.
In Python: numpy.load('state.npz')['x'].

Ctrl-C stops at the next chunk, writes what was computed and exits with code 130.")]
pub struct RunArgs {
    /// A scene or task file (TOML).
    pub scene: PathBuf,

    /// At which of the scene's resolutions.
    #[arg(long, value_enum, default_value_t = FidelityChoice::Standard)]
    pub fidelity: FidelityChoice,

    #[command(flatten)]
    pub device: DeviceArgs,

    /// How many substeps to run.
    #[arg(long, value_name = "N", conflicts_with = "secs")]
    pub substeps: Option<usize>,

    /// How much time to simulate [s] [default: the task's horizon, else the scene's
    /// `duration_secs`].
    #[arg(long, value_name = "T")]
    pub secs: Option<f64>,

    /// Actions: an npz with `controls`, control steps x action channels.
    #[arg(long, value_name = "FILE")]
    pub controls: Option<PathBuf>,

    /// Write the final state here (npz).
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Write a state file per control step into this directory, the initial one included.
    #[arg(long, value_name = "DIR")]
    pub frames: Option<PathBuf>,

    /// Write the positions at the start and at the end of every control step here (npz), for
    /// `softscape identify`.
    #[arg(long, value_name = "FILE")]
    pub observe: Option<PathBuf>,

    /// Write what the scene's sensors measure at the end of every control step here: npz, or JSON
    /// if the file is named so.
    #[arg(long, value_name = "FILE")]
    pub sensors: Option<PathBuf>,

    /// Observe what this height_map sensor sees instead of positions.
    #[arg(long, value_name = "SENSOR", requires = "observe", conflicts_with = "observe_every")]
    pub observe_map: Option<String>,

    /// Observe every Nth particle only.
    #[arg(long, value_name = "N", default_value = "1", requires = "observe")]
    pub observe_every: NonZeroUsize,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  softscape gradient scenes/push-cube.toml --out g.npz
  softscape gradient scenes/soft-crawler.toml --device cpu --precision f64 --check 5

--check compares the derivative along K random directions in the controls, the initial state and the
material parameters with differences of the f64 twin. Where the derivatives from left and right differ
(`kink`), there is none: a body at rest beside a collider that is about to touch it, a liquid about to
part. The gradient is then that of the branches the run took; `relative_error` is from the nearer of
`from_left` and `from_right`, and means nothing where several kinks meet. What met kinks is checked
again beside that point (`point`: beside), with everything a little in motion. `uncertainty` is how far
the differences themselves can be trusted. On a device in f32 the error includes how far its motion is
from the f64 twin's.")]
pub struct GradientArgs {
    /// A task file: a scene with a horizon and an objective.
    pub task: PathBuf,

    /// At which of the scene's resolutions.
    #[arg(long, value_enum, default_value_t = FidelityChoice::Standard)]
    pub fidelity: FidelityChoice,

    #[command(flatten)]
    pub device: DeviceArgs,

    /// Actions: an npz with `controls` [default: the task's initial controls].
    #[arg(long, value_name = "FILE")]
    pub controls: Option<PathBuf>,

    /// Write the derivatives here (npz).
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Also compare K random directions with differences.
    #[arg(long, value_name = "K")]
    pub check: Option<usize>,

    /// Seed of the random directions.
    #[arg(long, default_value_t = 0, value_name = "S")]
    pub seed: u64,

    /// Most memory that checkpoints may take [MB].
    #[arg(long, default_value_t = 1000, value_name = "MB")]
    pub checkpoint_budget: u64,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  softscape optimize scenes/push-cube.toml --iterations 60 --out runs/push
  softscape optimize scenes/soft-crawler.toml --optimizer cma-es --wall-secs 300 --out runs/crawl
  softscape optimize --resume runs/push --iterations 120
  softscape optimize runs/push/run.toml --out runs/push-again

The run directory holds best-controls.npz (of the least objective: that is what render and view
show), highest-score-controls.npz (the score decides; the same where the objective says what the
score does), log.jsonl (a line per iteration), curve.png, state.toml (for --resume) and run.toml,
which reproduces the run when it is given in place of the task. Ctrl-C stops cleanly, keeps the best
so far and exits with code 130.

A task whose controls repeat (cycle_secs) is optimised over one cycle. Best values and scores are
those of the stage under way: shorter horizons do not compare.")]
pub struct OptimizeArgs {
    /// A task file (a scene with a horizon and an objective), or the run.toml of an earlier run,
    /// whose options then hold instead of those given here (but --iterations, --wall-secs).
    #[arg(required_unless_present = "resume", conflicts_with = "resume")]
    pub task: Option<PathBuf>,

    /// At which of the scene's resolutions.
    #[arg(long, value_enum, default_value_t = FidelityChoice::Standard)]
    pub fidelity: FidelityChoice,

    #[command(flatten)]
    pub device: DeviceArgs,

    #[arg(long, value_enum, default_value_t = OptimizerChoice::Adam)]
    pub optimizer: OptimizerChoice,

    /// Iterations: gradient steps of Adam, generations of CMA-ES.
    #[arg(long, value_name = "N")]
    pub iterations: Option<usize>,

    /// Stop after this much wall-clock time [s].
    #[arg(long, value_name = "T")]
    pub wall_secs: Option<f64>,

    /// Seed of everything random.
    #[arg(long, default_value_t = 0, value_name = "S")]
    pub seed: u64,

    /// First step length of Adam, as a fraction of each action's range.
    #[arg(long, value_name = "RATE")]
    pub learning_rate: Option<f64>,

    /// Grow the horizon: optimise in N stages with an equal share of the iterations each, of which
    /// stage k sees the first k/N of the horizon and starts from the best of the one before
    /// [default: what the task says, or 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub stages: Option<u16>,

    /// Keep the actions that earlier stages have found.
    #[arg(long)]
    pub freeze: bool,

    /// Start from these actions (npz) instead of the task's initial ones.
    #[arg(long, value_name = "FILE")]
    pub controls: Option<PathBuf>,

    /// Move every action of the start by up to this fraction of half its range, by the seed: starts
    /// that differ tell luck from skill.
    #[arg(long, value_name = "FRACTION")]
    pub spread: Option<f64>,

    /// The run directory [default: runs/<task>-<optimizer>-<seed>].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Go on with the run in this directory.
    #[arg(long, value_name = "DIR")]
    pub resume: Option<PathBuf>,

    /// Most memory that checkpoints may take [MB].
    #[arg(long, default_value_t = 1000, value_name = "MB")]
    pub checkpoint_budget: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OptimizerChoice {
    Adam,
    CmaEs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  softscape view scenes/dam-break.toml
  softscape view runs/push

Drag turns, right drag shifts, the wheel zooms, a double click frames everything; space plays and
pauses, N does a substep, shift N a control step, R resets. With --device gpu the simulation runs on
the window's own device.

An effector can be dragged by the mouse, with shift up and down; levels and ground follow it. The
panel colours particles and draws the borders of chunks and the ends of levels.")]
pub struct ViewArgs {
    /// A scene file, or a run directory to replay.
    pub scene: PathBuf,

    /// At which of the scene's resolutions [default: standard, or that of the run].
    #[arg(long, value_enum)]
    pub fidelity: Option<FidelityChoice>,

    #[command(flatten)]
    pub device: DeviceArgs,

    /// Actions: an npz with `controls` [default: the run's best, the task's start, or none].
    #[arg(long, value_name = "FILE")]
    pub controls: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  softscape render scenes/dam-break.toml --secs 0.3 --out dam.png
  softscape render scenes/falling-cube.toml --out cube.mp4 --color speed --camera 45,20
  softscape render runs/push --out push.mp4
  softscape render scenes/drive-20m.toml --secs 1 --color level --overlay chunks,levels --out drive.png
  softscape render runs/crawl --strip 4 --camera 270,8 --size 960x240 --out crawl.png

Needs no GPU and no driver: pictures are drawn on the CPU. Colours of speed and J span a range that
is the same for all pictures of a scene; --range sets another one. A movie needs ffmpeg on the PATH;
without it the pictures are written as a sequence into a folder.")]
pub struct RenderArgs {
    /// A scene file, or a run directory to replay.
    pub scene: PathBuf,

    /// At which of the scene's resolutions [default: standard, or that of the run].
    #[arg(long, value_enum)]
    pub fidelity: Option<FidelityChoice>,

    #[command(flatten)]
    pub device: DeviceArgs,

    /// pic.png for one picture of the end, movie.mp4 for all of it.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,

    /// How many substeps to simulate; 0 shows the start.
    #[arg(long, value_name = "N", conflicts_with = "secs")]
    pub substeps: Option<usize>,

    /// How much time to simulate [s] [default: the task's horizon or the scene's duration].
    #[arg(long, value_name = "T")]
    pub secs: Option<f64>,

    /// Actions: an npz with `controls` [default: the run's best, the task's start, or none].
    #[arg(long, value_name = "FILE")]
    pub controls: Option<PathBuf>,

    /// Width and height in pixels.
    #[arg(long, default_value = "1280x720", value_name = "WxH")]
    pub size: String,

    /// Several moments in one picture, one below the other: N from the start to the end.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=32))]
    pub strip: Option<u16>,

    /// Pictures of a movie per simulated second; it plays 30 of them in a second
    /// [default: 30, or more where the movie would be shorter than 4 s].
    #[arg(long, value_name = "N")]
    pub fps: Option<f64>,

    /// What the colour of a particle shows.
    #[arg(long, value_enum, default_value_t = ColorBy::Material)]
    pub color: ColorBy,

    /// Values at the ends of the colour scale, in m/s for speed.
    #[arg(long, value_name = "LOW,HIGH", allow_hyphen_values = true)]
    pub range: Option<String>,

    /// What to draw over the picture: borders of chunks that are awake, held, asleep and virgin; where
    /// each level of resolution ends.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub overlay: Vec<OverlayChoice>,

    /// Where to look from: degrees about z from +x, degrees above the horizontal, and how much
    /// nearer than where everything is in view [default: -60,23,1].
    #[arg(long, value_name = "AZIMUTH,ELEVATION[,ZOOM]", allow_hyphen_values = true)]
    pub camera: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OverlayChoice {
    Chunks,
    Levels,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorBy {
    Material,
    Speed,
    /// The volume ratio J = det F.
    J,
    /// The level of resolution that a particle's size belongs to, the finest dark.
    Level,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  softscape validate
  softscape validate --only 5,8 --plots plots/
  softscape validate --report laws.html
  softscape validate --quick --json

Every law prints what was measured, the reference, the tolerance and the verdict, and runs a control:
a set-up made wrong on purpose, which the same check has to reject. The exit code is 1 if any law or
any control fails.")]
pub struct ValidateArgs {
    /// Numbers of the laws to run [default: all].
    #[arg(long, value_delimiter = ',', value_name = "N,..")]
    pub only: Vec<u32>,

    /// Coarser grids and shorter runs, with the tolerances that belong to them.
    #[arg(long)]
    pub quick: bool,

    /// Write a plot per law into this directory.
    #[arg(long, value_name = "DIR")]
    pub plots: Option<PathBuf>,

    /// Write all that was found, with the plots, into one page (HTML).
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,

    /// The CPU is the default: its f64 is the specification.
    #[arg(long, value_enum, default_value_t = DeviceChoice::Cpu)]
    pub device: DeviceChoice,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  softscape inspect scenes/push-cube.toml")]
pub struct InspectArgs {
    /// A scene or task file (TOML).
    pub scene: PathBuf,

    /// At which of the scene's resolutions.
    #[arg(long, value_enum, default_value_t = FidelityChoice::Standard)]
    pub fidelity: FidelityChoice,
}
