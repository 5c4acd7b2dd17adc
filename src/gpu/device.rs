//! Finding an adapter and opening a device.

use super::GpuError;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// Which adapter to open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AdapterChoice {
    /// A discrete GPU, else an integrated one, else software.
    #[default]
    Auto,
    /// A real GPU, never software.
    Hardware,
    /// A software device.
    Software,
    /// The first adapter whose name contains this, whatever the case.
    Named(String),
}

impl AdapterChoice {
    fn describe(&self) -> String {
        match self {
            AdapterChoice::Auto => "compute".into(),
            AdapterChoice::Hardware => "hardware".into(),
            AdapterChoice::Software => "software".into(),
            AdapterChoice::Named(name) => format!("`{name}`"),
        }
    }

    fn admits(&self, info: &wgpu::AdapterInfo) -> bool {
        let software = info.device_type == wgpu::DeviceType::Cpu;
        match self {
            AdapterChoice::Auto => true,
            AdapterChoice::Hardware => !software,
            AdapterChoice::Software => software,
            AdapterChoice::Named(name) => info.name.to_lowercase().contains(&name.to_lowercase()),
        }
    }
}

/// One adapter, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdapterSummary {
    pub name: String,
    /// `vulkan`, `metal`, `dx12`, ...
    pub backend: String,
    /// `discrete GPU`, `integrated GPU`, `software`, ...
    pub kind: &'static str,
    /// Driver name and version.
    pub driver: String,
    /// Largest storage binding [bytes].
    pub max_binding_bytes: u64,
}

impl AdapterSummary {
    fn new(adapter: &wgpu::Adapter) -> Self {
        let info = adapter.get_info();
        let kind = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => "discrete GPU",
            wgpu::DeviceType::IntegratedGpu => "integrated GPU",
            wgpu::DeviceType::VirtualGpu => "virtual GPU",
            wgpu::DeviceType::Cpu => "software",
            wgpu::DeviceType::Other => "unknown kind",
        };
        Self {
            name: info.name,
            backend: info.backend.to_string(),
            kind,
            driver: format!("{} {}", info.driver, info.driver_info).trim().to_string(),
            max_binding_bytes: adapter.limits().max_storage_buffer_binding_size,
        }
    }
}

impl std::fmt::Display for AdapterSummary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}, {}, {})", self.name, self.kind, self.backend, self.driver)
    }
}

/// What the device said outside of any call: errors and loss.
#[derive(Debug, Default)]
struct Faults {
    lost: Option<String>,
    error: Option<String>,
}

/// One open device; cloning shares it. A renderer uses the same four handles.
#[derive(Clone, Debug)]
pub struct Gpu {
    pub instance: wgpu::Instance,
    pub adapter: wgpu::Adapter,
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    faults: Arc<Mutex<Faults>>,
}

impl Gpu {
    /// An instance without wgpu's extra validation dispatch before each indirect call: our indirect
    /// arguments are written by our own kernels, and their numbers are checked.
    pub fn instance() -> wgpu::Instance {
        Self::instance_from(wgpu::InstanceDescriptor::new_without_display_handle())
    }

    /// [`Gpu::instance`] for a descriptor that may carry a display handle.
    pub fn instance_from(mut descriptor: wgpu::InstanceDescriptor) -> wgpu::Instance {
        descriptor.flags.remove(wgpu::InstanceFlags::VALIDATION_INDIRECT_CALL);
        descriptor.backends = wgpu::Backends::PRIMARY;
        wgpu::Instance::new(descriptor)
    }

    /// All adapters of this machine, best first.
    pub fn list() -> Vec<AdapterSummary> {
        adapters(&Self::instance()).iter().map(AdapterSummary::new).collect()
    }

    /// Opens a device without a window.
    ///
    /// # Errors
    /// [`GpuError::NoAdapter`] with the list of what there is, [`GpuError::NoDevice`].
    pub fn headless(choice: &AdapterChoice) -> Result<Self, GpuError> {
        let instance = Self::instance();
        let all = adapters(&instance);
        let Some(adapter) = all.iter().find(|a| choice.admits(&a.get_info())).cloned() else {
            let names: Vec<_> = all.iter().map(|a| AdapterSummary::new(a).to_string()).collect();
            let found = if names.is_empty() { "none".into() } else { names.join("; ") };
            return Err(GpuError::NoAdapter { wanted: choice.describe(), found });
        };
        Self::open(instance, adapter)
    }

    /// Opens a device on an adapter that the caller chose (for its window, say).
    ///
    /// wgpu's default limits, except that buffers may be as large as the adapter allows.
    pub fn open(instance: wgpu::Instance, adapter: wgpu::Adapter) -> Result<Self, GpuError> {
        let offered = adapter.limits();
        let required_limits = wgpu::Limits {
            max_buffer_size: offered.max_buffer_size,
            max_storage_buffer_binding_size: offered.max_storage_buffer_binding_size,
            ..wgpu::Limits::default()
        };
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("softscape"),
            required_features: adapter.features() & wgpu::Features::TIMESTAMP_QUERY,
            required_limits,
            ..Default::default()
        };
        let (device, queue) = block_on(adapter.request_device(&descriptor)).map_err(|error| {
            GpuError::NoDevice { adapter: adapter.get_info().name, cause: error.to_string() }
        })?;
        Ok(Self::from_wgpu(instance, adapter, device, queue))
    }

    /// Wraps a device that exists already. Takes over its error and loss callbacks.
    pub fn from_wgpu(
        instance: wgpu::Instance,
        adapter: wgpu::Adapter,
        device: wgpu::Device,
        queue: wgpu::Queue,
    ) -> Self {
        let faults = Arc::new(Mutex::new(Faults::default()));
        let on_loss = Arc::clone(&faults);
        device.set_device_lost_callback(move |reason, message| {
            if reason != wgpu::DeviceLostReason::Destroyed || !message.is_empty() {
                note(&on_loss, |f| f.lost.get_or_insert(message.clone()).truncate(2000));
            }
        });
        let on_error = Arc::clone(&faults);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            note(&on_error, |f| f.error.get_or_insert(error.to_string()).truncate(2000));
        }));
        Self { instance, adapter, device, queue, faults }
    }

    pub fn summary(&self) -> AdapterSummary {
        AdapterSummary::new(&self.adapter)
    }

    /// Whether the adapter computes on the CPU.
    pub fn is_software(&self) -> bool {
        self.adapter.get_info().device_type == wgpu::DeviceType::Cpu
    }

    /// Errors that the device reported outside of any call; the first one stays.
    pub fn check(&self) -> Result<(), GpuError> {
        let faults = self.faults.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match (&faults.lost, &faults.error) {
            (Some(cause), _) => Err(GpuError::Lost(cause.clone())),
            (None, Some(message)) => Err(GpuError::Device(message.clone())),
            (None, None) => Ok(()),
        }
    }

    /// Waits until everything submitted is done.
    pub fn wait(&self) -> Result<(), GpuError> {
        let waited = self.device.poll(wgpu::PollType::wait_indefinitely());
        self.check()?;
        waited.map(|_| ()).map_err(|error| GpuError::Device(error.to_string()))
    }

    /// Waits until a submission is done; later ones may still be at work.
    pub fn wait_for(&self, submission: wgpu::SubmissionIndex) -> Result<(), GpuError> {
        let poll = wgpu::PollType::Wait { submission_index: Some(submission), timeout: None };
        let waited = self.device.poll(poll);
        self.check()?;
        waited.map(|_| ()).map_err(|error| GpuError::Device(error.to_string()))
    }

    /// Lets finished work call back, without waiting.
    pub fn poll(&self) -> Result<(), GpuError> {
        let polled = self.device.poll(wgpu::PollType::Poll);
        self.check()?;
        polled.map(|_| ()).map_err(|error| GpuError::Device(error.to_string()))
    }
}

fn note(faults: &Mutex<Faults>, f: impl FnOnce(&mut Faults)) {
    f(&mut faults.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
}

/// All adapters, best kind first; the order within a kind is the system's.
fn adapters(instance: &wgpu::Instance) -> Vec<wgpu::Adapter> {
    let mut all = block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    all.sort_by_key(|adapter| match adapter.get_info().device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    });
    all
}

/// Runs a future to its end on this thread. wgpu's futures are ready at once on native platforms.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::yield_now(),
        }
    }
}
