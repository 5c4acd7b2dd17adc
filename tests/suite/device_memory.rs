//! What a run on the device holds does not grow with its length.

#![cfg(target_os = "linux")]

use softscape::bench::usage::peak_resident_bytes_of;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What a longer run may hold more [bytes]: the allocator's, for 400 substeps.
const SPARE: u64 = 20 << 20;

/// Largest resident memory of a run of a program of its own [bytes].
fn peak_of(substeps: usize) -> u64 {
    let mut run = Command::new(env!("CARGO_BIN_EXE_softscape"))
        .args(["run", "scenes/dam-break.toml", "--fidelity", "preview", "--device", "gpu"])
        .args(["--substeps", &substeps.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let process = run.id().to_string();
    let mut peak = 0;
    let ended = loop {
        peak = peak_resident_bytes_of(&process).unwrap_or(peak);
        if let Some(ended) = run.try_wait().expect("it can be waited for") {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    assert!(ended.success(), "{substeps} substeps: {ended}");
    peak
}

/// A driver that compiled a kernel anew whenever other uniforms were bound kept 0.6 MB a substep.
#[test]
fn memory_of_a_run_does_not_grow_with_its_substeps() {
    let (short, long) = (peak_of(40), peak_of(440));
    assert!(short > 1 << 20, "{short} bytes");
    assert!(long < short + SPARE, "{short} bytes at 40 substeps, {long} at 440");
}
