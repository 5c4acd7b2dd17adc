//! The directory of an optimisation: what was asked, how far it came, what was found.
//!
//! Every file but the log is written whole or not at all; the log grows by a line per iteration,
//! and a resume cuts lines off that the state does not know.

use super::args::{DeviceArgs, DeviceChoice, FidelityChoice, Precision};
use super::error::CliError;
use super::files::{draw_whole, make_directory, write_whole};
use crate::bench::validate::check::Plot;
use crate::optim::{AdamOptions, CmaEsOptions, OptimizerState, Progress};
use crate::rollout::Controls;
use crate::task::Stages;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::hash::Hasher;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The version of the files in the directory.
const FORMAT: u32 = 1;

/// `run.toml`: everything that decides the course of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunFile {
    pub format: u32,
    pub scene: PathBuf,
    /// Checksum of the scene's text: a changed scene is another task.
    pub scene_fingerprint: String,
    pub fidelity: FidelityChoice,
    pub device: DeviceChoice,
    pub precision: Precision,
    /// Iterations in all.
    pub iterations: usize,
    /// Wall time in all [s].
    pub wall_secs: Option<f64>,
    /// [MB]
    pub checkpoint_budget: u64,
    pub stages: Stages,
    pub optimizer: OptimizerOptions,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum OptimizerOptions {
    Adam(AdamOptions),
    CmaEs(CmaEsOptions),
}

/// `state.toml`: from where a run can go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    /// Stage that was under way, from 0.
    pub stage: usize,
    /// Controls that it began with, `[control_step * action_count + action]`.
    pub base: Vec<f64>,
    /// Score of its best point.
    pub score: Option<f64>,
    pub highest: Option<HighestScore>,
    pub progress: Progress,
    pub optimizer: OptimizerState,
}

/// The highest score of a stage: it need not be that of the best point, for which the objective
/// decides.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HighestScore {
    /// Not clamped.
    pub score: f64,
    pub iteration: usize,
}

/// A run directory.
#[derive(Clone, Debug)]
pub struct RunDirectory {
    pub path: PathBuf,
}

impl RunFile {
    pub fn device_args(&self) -> DeviceArgs {
        DeviceArgs { device: self.device, precision: self.precision, threads: None }
    }

    /// Reads a `run.toml` and sees that its scene is still the one it was made with.
    pub fn read(path: &Path) -> Result<Self, CliError> {
        let run: RunFile = read_toml(path)?;
        let problem = |cause| CliError::Read { path: path.into(), cause };
        if run.format != FORMAT {
            return Err(problem(format!("format {} found, {FORMAT} is allowed", run.format)));
        }
        let found = scene_fingerprint(&run.scene)?;
        if found != run.scene_fingerprint {
            return Err(problem(format!(
                "the scene {} has changed since (its checksum is {found}, not {})",
                run.scene.display(),
                run.scene_fingerprint
            )));
        }
        Ok(run)
    }

    pub fn format() -> u32 {
        FORMAT
    }
}

/// Whether a TOML file is a `run.toml` and not a scene.
pub fn is_run_file(path: &Path) -> bool {
    let table = fs::read_to_string(path).ok().and_then(|text| text.parse::<toml::Table>().ok());
    table.is_some_and(|table| table.contains_key("scene_fingerprint"))
}

/// A checksum of a file.
pub fn scene_fingerprint(path: &Path) -> Result<String, CliError> {
    let text =
        fs::read(path).map_err(|e| CliError::Read { path: path.into(), cause: e.to_string() })?;
    let mut hasher = rustc_hash::FxHasher::default();
    hasher.write(&text);
    Ok(format!("{:016x}", hasher.finish()))
}

impl RunDirectory {
    /// Makes a directory for a new run.
    ///
    /// # Errors
    /// It cannot be made, or there is a run in it already.
    pub fn create(path: &Path, run: &RunFile, start: &Controls) -> Result<Self, CliError> {
        make_directory(path)?;
        let directory = Self { path: path.into() };
        if directory.run_file().exists() {
            return Err(CliError::Option {
                option: "--out",
                problem: format!(
                    "{0} holds a run already; go on with it by --resume {0}, or choose another",
                    path.display()
                ),
            });
        }
        write_toml(&directory.run_file(), run)?;
        directory.write_controls("start-controls.npz", start)?;
        directory.cut_log(0)?;
        Ok(directory)
    }

    pub fn run_file(&self) -> PathBuf {
        self.path.join("run.toml")
    }
    pub fn start_controls(&self) -> PathBuf {
        self.path.join("start-controls.npz")
    }
    pub fn best_controls(&self) -> PathBuf {
        self.path.join("best-controls.npz")
    }

    pub fn read_state(&self) -> Result<RunState, CliError> {
        read_toml(&self.path.join("state.toml"))
    }

    pub fn write_state(&self, state: &RunState) -> Result<(), CliError> {
        write_toml(&self.path.join("state.toml"), state)
    }

    pub fn write_run(&self, run: &RunFile) -> Result<(), CliError> {
        write_toml(&self.run_file(), run)
    }

    pub fn write_best(&self, controls: &Controls) -> Result<(), CliError> {
        self.write_controls("best-controls.npz", controls)
    }

    pub fn write_highest_score(&self, controls: &Controls) -> Result<(), CliError> {
        self.write_controls("highest-score-controls.npz", controls)
    }

    fn write_controls(&self, name: &str, controls: &Controls) -> Result<(), CliError> {
        write_whole(&self.path.join(name), |file| file.write_all(&controls.to_npz()))
    }

    /// Adds an iteration to the log.
    pub fn log(&self, line: &Value) -> Result<(), CliError> {
        let path = self.log_path();
        let append = || -> io::Result<()> {
            let mut file = OpenOptions::new().append(true).create(true).open(&path)?;
            file.write_all(format!("{line}\n").as_bytes())
        };
        append().map_err(|e| CliError::Write { path: path.clone(), cause: e.to_string() })
    }

    /// The lines of the log; none if nothing was logged yet.
    pub fn read_log(&self) -> Result<Vec<Value>, CliError> {
        let path = self.log_path();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(CliError::Read { path, cause: e.to_string() }),
        };
        // A line that an interruption cut short does not parse, and is none.
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// Keeps only the first iterations of the log; returns them.
    pub fn cut_log(&self, iterations: usize) -> Result<Vec<Value>, CliError> {
        let known = |line: &Value| {
            line["iteration"].as_u64().is_some_and(|index| (index as usize) < iterations)
        };
        let lines: Vec<Value> = self.read_log()?.into_iter().filter(known).collect();
        let kept: String = lines.iter().map(|line| format!("{line}\n")).collect();
        write_whole(&self.log_path(), |file| file.write_all(kept.as_bytes()))?;
        Ok(lines)
    }

    /// Points (iteration, value) of one key of the log's lines.
    pub fn curve(log: &[Value], key: &str) -> Vec<[f64; 2]> {
        let point = |line: &Value| Some([line["iteration"].as_f64()?, line[key].as_f64()?]);
        log.iter().filter_map(point).collect()
    }

    /// Draws the objective over the iterations.
    pub fn draw_curve(&self, title: &str, log: &[Value]) -> Result<(), CliError> {
        let curve = |key| Self::curve(log, key);
        let plot = Plot::new(title, "iteration", "objective, score")
            .line("objective", curve("value"))
            .line("best objective", curve("best"))
            .line("score", curve("score"));
        draw_whole(&plot, &self.path.join("curve.png"))
    }

    fn log_path(&self) -> PathBuf {
        self.path.join("log.jsonl")
    }
}

pub(super) fn read_toml<T: DeserializeOwned>(path: &Path) -> Result<T, CliError> {
    let problem = |cause| CliError::Read { path: path.into(), cause };
    let text = fs::read_to_string(path).map_err(|e| problem(e.to_string()))?;
    toml::from_str(&text).map_err(|e| problem(e.to_string()))
}

pub(super) fn write_toml<T: Serialize>(path: &Path, value: &T) -> Result<(), CliError> {
    let text = toml::to_string(value)
        .map_err(|e| CliError::Write { path: path.into(), cause: e.to_string() })?;
    write_whole(path, |file| file.write_all(text.as_bytes()))
}
