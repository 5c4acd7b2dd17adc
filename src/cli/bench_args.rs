//! What was typed after `softscape bench`.

use crate::laws::LawKind;
use crate::scene::Band;
use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  softscape bench --quick
  softscape bench --device cpu --materials elastic,sand --sizes 100000 --threads 1,2 --json
  softscape bench --device cpu --materials elastic --sizes 100000 --threads 2 --horizon 2000
  softscape bench --suite adaptive --quick --levels 3

Each row is a material, a size, a device and a number of threads. `ratio` compares its speed per
core-second with the --baseline row measured in the same run. With --suite adaptive each row is held against
what is asked of it, and the exit code is 1 where that is missed.")]
pub struct BenchArgs {
    /// Devices to measure [default: cpu,gpu; of the suite `adaptive`, which takes one: cpu].
    #[arg(long, value_enum, value_delimiter = ',')]
    pub device: Vec<BenchDevice>,

    /// Materials to measure.
    #[arg(
        long,
        value_delimiter = ',',
        value_parser = clap::builder::PossibleValuesParser::new(LawKind::NAMES),
        default_value = "elastic,sand,liquid"
    )]
    pub materials: Vec<String>,

    /// Particle counts to measure, about.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "10000,100000,1000000",
        value_name = "N,.."
    )]
    pub sizes: Vec<usize>,

    /// Thread counts of the CPU backend to measure.
    #[arg(long, value_delimiter = ',', default_value = "1,2", value_name = "N,..")]
    pub threads: Vec<usize>,

    /// Timed repeats of each row; the median and the spread are reported.
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub repeats: usize,

    /// The row that ratios are taken against: material/size/device/threads.
    #[arg(long, default_value = "elastic/100000/cpu/1", value_name = "ROW")]
    pub baseline: String,

    /// Measure the forward pass only.
    #[arg(long)]
    pub forward_only: bool,

    /// Measure instead one whole rollout of N substeps and its gradient, checkpoints and replay
    /// included: time, and memory at its peak.
    #[arg(long, value_name = "N", conflicts_with_all = ["forward_only", "repeats", "baseline"])]
    pub horizon: Option<usize>,

    /// Smaller sizes and fewer repeats: a minute instead of a quarter of an hour. With
    /// `--suite adaptive`, a smaller bed.
    #[arg(long)]
    pub quick: bool,

    /// What to measure: speed by material and size, or what levels of resolution save and cost in
    /// accuracy, by a blade dragged through sand.
    #[arg(long, value_enum, default_value = "throughput")]
    pub suite: BenchSuite,

    #[command(flatten)]
    pub adaptive: AdaptiveArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Options of --suite adaptive")]
pub struct AdaptiveArgs {
    /// Numbers of levels to try.
    #[arg(long, value_delimiter = ',', default_value = "2,3", value_name = "N,..")]
    pub levels: Vec<u32>,

    /// Way of the blade [m].
    #[arg(long, value_name = "METRES")]
    pub stroke: Option<f64>,

    /// Disorder of the sand: displacement as a fraction of the spacing.
    #[arg(long, default_value_t = 0.0, value_name = "FRACTION")]
    pub jitter: f64,

    /// Where each level takes over from the finer one, by the distance from the blade, and over how much [m]
    /// [default: the scene's]. More levels need more of them.
    #[arg(long, value_delimiter = ',', value_name = "START:WIDTH,..", value_parser = band)]
    pub bands: Vec<Band>,

    /// How far the fine part reaches back along the track [m].
    #[arg(long, default_value_t = 0.0, value_name = "METRES")]
    pub trail: f64,

    /// How long the track stays fine [s].
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    pub linger: f64,

    /// The blade passes its own track again; that pass is compared.
    #[arg(long)]
    pub second_pass: bool,

    /// Also run three levels that are the finest everywhere: what levels cost where they save nothing.
    #[arg(long)]
    pub overhead: bool,

    /// Leave out the two controls.
    #[arg(long)]
    pub no_controls: bool,
}

fn band(text: &str) -> Result<Band, String> {
    let wanted = || format!("`{text}` given, START:WIDTH in metres wanted, as in 0.04:0.04");
    let (start, width) = text.split_once(':').ok_or_else(wanted)?;
    let number = |part: &str| part.parse().map_err(|_| wanted());
    Ok(Band { start: number(start)?, width: number(width)? })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BenchSuite {
    Throughput,
    Adaptive,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BenchDevice {
    Cpu,
    Gpu,
}
