//! The directory of an identification: what was asked, how it went, what was found.

use super::args::{DeviceChoice, FidelityChoice, Precision};
use super::error::CliError;
use super::files::{draw_whole, make_directory, write_whole};
use super::run_directory::{read_toml, scene_fingerprint, write_toml};
use crate::bench::validate::check::Plot;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// `run.toml`: everything that decides the course of an identification.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentifyFile {
    pub format: u32,
    pub scene: PathBuf,
    /// Checksum of the scene's text.
    pub scene_fingerprint: String,
    pub observed: Option<PathBuf>,
    /// Checksum of the observation.
    pub observed_fingerprint: Option<String>,
    pub controls: Option<PathBuf>,
    /// Seed of `--check`; without it, `observed` is fitted.
    pub check_seed: Option<u64>,
    pub fidelity: FidelityChoice,
    pub device: DeviceChoice,
    pub precision: Precision,
    /// [m]
    pub noise: Option<f64>,
    pub iterations: usize,
    /// What is sought, unless the scene's `[identify]` says it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameter: Vec<Start>,
}

/// A parameter, where its search starts and within which bounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    pub name: String,
    pub guess: Option<f64>,
    pub bounds: Option<[f64; 2]>,
}

impl IdentifyFile {
    /// The version of this file.
    pub const FORMAT: u32 = 1;

    /// Reads a `run.toml` and sees that what it names is still what it was made with.
    pub fn read(path: &Path) -> Result<Self, CliError> {
        let file: Self = read_toml(path)?;
        let problem = |cause| CliError::Read { path: path.into(), cause };
        if file.format != Self::FORMAT {
            let allowed = Self::FORMAT;
            return Err(problem(format!("format {} found, {allowed} is allowed", file.format)));
        }
        let scene = Some((&file.scene, &file.scene_fingerprint));
        let observed = file.observed.as_ref().zip(file.observed_fingerprint.as_ref());
        for (named, expected) in scene.into_iter().chain(observed) {
            let found = scene_fingerprint(named)?;
            if found != *expected {
                return Err(problem(format!(
                    "{} has changed since (its checksum is {found}, not {expected})",
                    named.display()
                )));
            }
        }
        Ok(file)
    }
}

/// A directory of one identification.
pub struct IdentifyDirectory {
    pub path: PathBuf,
}

impl IdentifyDirectory {
    /// Makes a directory for a new run.
    ///
    /// # Errors
    /// It cannot be made, or there is a run in it already.
    pub fn create(path: &Path, file: &IdentifyFile) -> Result<Self, CliError> {
        make_directory(path)?;
        let run = path.join("run.toml");
        if run.exists() {
            let problem = format!("{} holds a run already; choose another", path.display());
            return Err(CliError::Option { option: "--out", problem });
        }
        write_toml(&run, file)?;
        Ok(Self { path: path.into() })
    }

    /// Leaves no trace of a run that did not take a step; what cannot be removed stays.
    pub fn abandon(&self) {
        if !self.path.join("log.jsonl").exists() {
            let _ = fs::remove_file(self.path.join("run.toml"));
            // Only an empty directory goes.
            let _ = fs::remove_dir(&self.path);
        }
    }

    /// Adds a line to the log.
    pub fn log(&self, line: &Value) -> Result<(), CliError> {
        let path = self.path.join("log.jsonl");
        let mut append = OpenOptions::new();
        append.append(true).create(true);
        append
            .open(&path)
            .and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()))
            .map_err(|e| CliError::Write { path, cause: e.to_string() })
    }

    /// Writes what was found.
    pub fn write_result(&self, result: &Value) -> Result<(), CliError> {
        write_whole(&self.path.join("result.json"), |file| writeln!(file, "{result:#}"))
    }

    /// Draws the curves of observed and fitted motion.
    pub fn draw(&self, plot: &Plot) -> Result<(), CliError> {
        draw_whole(plot, &self.path.join("curve.png"))
    }
}
