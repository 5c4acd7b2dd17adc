//! A device for the tests that need one.

pub mod pointwise;

use softscape::gpu::{AdapterChoice, Gpu};

/// A device to test on. Without one the test fails, unless `SOFTSCAPE_ALLOW_NO_GPU=1` asks to skip
/// such tests; each skip prints a line.
pub fn gpu() -> Option<Gpu> {
    match Gpu::headless(&AdapterChoice::Auto) {
        Ok(gpu) => Some(gpu),
        Err(error) if std::env::var_os("SOFTSCAPE_ALLOW_NO_GPU").is_some_and(|v| v == "1") => {
            eprintln!("SKIPPED, no device to test on: {error}");
            None
        }
        Err(error) => panic!(
            "{error}\nThis test needs a device; software Vulkan is enough. \
             Set SOFTSCAPE_ALLOW_NO_GPU=1 to skip the device tests."
        ),
    }
}
