//! What the process has used: processor time and memory.

use std::fs;

/// Processor time of all threads of this process so far, user and system [s].
#[cfg(unix)]
pub fn cpu_secs() -> f64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is to a valid rusage, which the call fills in; zeros are valid too.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let secs = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 * 1e-6;
    secs(usage.ru_utime) + secs(usage.ru_stime)
}

/// Processor time is not known on this system.
#[cfg(not(unix))]
pub fn cpu_secs() -> f64 {
    f64::NAN
}

/// Largest resident memory since [`forget_peak`], or since the start where the system cannot forget
/// [bytes]; `None` where it is not known.
pub fn peak_resident_bytes() -> Option<u64> {
    peak_resident_bytes_of("self")
}

/// The same of another process, by its number; `None` also when it has ended.
pub fn peak_resident_bytes_of(process: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Starts the peak of the resident memory anew, where the system can.
pub fn forget_peak() {
    // Writing 5 resets the peak (proc_pid_clear_refs); elsewhere the peak goes on, as documented.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    #[test]
    #[cfg(unix)]
    fn work_takes_processor_time() {
        // Other tests run in this process: how much is not for them to say, nor how soon.
        let (before, started) = (cpu_secs(), std::time::Instant::now());
        while cpu_secs() - before < 0.02 {
            black_box((0..1000u64).sum::<u64>());
            assert!(started.elapsed().as_secs() < 60, "a minute of work took no processor time");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_peak_covers_what_was_touched() {
        forget_peak();
        let block = black_box(vec![1u8; 64 << 20]);
        assert!(peak_resident_bytes().is_some_and(|bytes| bytes >= block.len() as u64));
    }
}
