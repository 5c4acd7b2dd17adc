//! Which device computes, and why.

use super::args::{DeviceArgs, DeviceChoice, Precision};
use super::error::CliError;
use crate::gpu::{AdapterChoice, Gpu};
use crate::model::Model;
use crate::mpm::device::GpuSimulator;
use crate::mpm::simulator::{SimulationError, Simulator};
use crate::mpm::twin::Twin;
use std::sync::Arc;

/// A device that was chosen, open and ready.
pub struct Device {
    place: Place,
    reason: String,
}

enum Place {
    Cpu(Precision),
    Gpu(Gpu),
}

impl Device {
    /// Follows the options; `auto` takes a real GPU if there is one, else the CPU.
    ///
    /// # Errors
    /// A GPU was asked for and there is none, or it was asked for in f64.
    pub fn choose(args: &DeviceArgs) -> Result<Self, CliError> {
        if let Some(threads) = args.threads {
            limit_threads(usize::from(threads))?;
        }
        match (args.device, args.precision) {
            (DeviceChoice::Gpu, Precision::F64) => Err(CliError::Option {
                option: "--precision",
                problem: "f64 given with --device gpu; f32 is allowed there, f64 with --device cpu"
                    .into(),
            }),
            (DeviceChoice::Gpu, Precision::F32) => Self::gpu(),
            (DeviceChoice::Cpu, precision) => Ok(Self::cpu(precision, "as asked")),
            (DeviceChoice::Auto, Precision::F64) => {
                Ok(Self::cpu(Precision::F64, "f64 runs on the CPU only"))
            }
            (DeviceChoice::Auto, Precision::F32) => Ok(Self::automatic()),
        }
    }

    /// The same choice where a window has opened a device, which the simulation then shares.
    #[cfg(feature = "viewer")]
    pub fn beside_window(args: &DeviceArgs, window: &Gpu) -> Result<Self, CliError> {
        let reason = match (args.device, args.precision) {
            (DeviceChoice::Gpu, Precision::F32) => "as asked, shared with the window",
            (DeviceChoice::Auto, Precision::F32) if !window.is_software() => {
                "a real GPU, shared with the window"
            }
            _ => return Self::choose(args),
        };
        Ok(Self { place: Place::Gpu(window.clone()), reason: reason.to_owned() })
    }

    fn cpu(precision: Precision, reason: &str) -> Self {
        Self { place: Place::Cpu(precision), reason: reason.to_owned() }
    }

    fn gpu() -> Result<Self, CliError> {
        let gpu = Gpu::headless(&AdapterChoice::Auto).map_err(|error| CliError::Device {
            problem: error.to_string(),
            help: "install a Vulkan driver (in software: mesa-vulkan-drivers and libvulkan1), or \
                   use --device cpu"
                .into(),
        })?;
        Ok(Self { place: Place::Gpu(gpu), reason: "as asked".to_owned() })
    }

    fn automatic() -> Self {
        if let Ok(gpu) = Gpu::headless(&AdapterChoice::Hardware) {
            return Self { place: Place::Gpu(gpu), reason: "a real GPU".to_owned() };
        }
        let found = Gpu::list();
        let reason = match found.first() {
            Some(software) => {
                format!("no real GPU; the CPU backend is faster than {} in software", software.name)
            }
            None => "no GPU and no Vulkan driver".to_owned(),
        };
        Self::cpu(Precision::F32, &reason)
    }

    /// One line: what and why.
    pub fn explain(&self) -> String {
        let what = match &self.place {
            Place::Cpu(Precision::F32) => "CPU, f32".to_owned(),
            Place::Cpu(Precision::F64) => "CPU, f64".to_owned(),
            Place::Gpu(gpu) => gpu.summary().to_string(),
        };
        format!("device: {what} ({})", self.reason)
    }
}

/// A simulator of the model on the device, at the model's initial state.
pub fn make_simulator(
    model: &Arc<Model>,
    device: &Device,
) -> Result<Box<dyn Simulator>, SimulationError> {
    Ok(match &device.place {
        Place::Cpu(Precision::F32) => Box::new(Twin::<f32>::new(model)?),
        Place::Cpu(Precision::F64) => Box::new(Twin::<f64>::new(model)?),
        Place::Gpu(gpu) => Box::new(GpuSimulator::new(model, gpu)?),
    })
}

fn limit_threads(threads: usize) -> Result<(), CliError> {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().map_err(|error| {
        CliError::Option { option: "--threads", problem: format!("{threads} threads: {error}") }
    })
}
