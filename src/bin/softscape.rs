//! The program: everything is in [`softscape::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(all(target_arch = "x86_64", target_feature = "avx2"))]
    if lacks_avx2() {
        eprintln!(
            "this build is for processors with AVX2, which this one lacks; \
             build with RUSTFLAGS=\"-C target-cpu=x86-64\""
        );
        return ExitCode::FAILURE;
    }
    softscape::cli::main()
}

/// Asks the processor itself: in a build for AVX2 the standard library's question has a constant
/// answer.
#[cfg(all(target_arch = "x86_64", target_feature = "avx2"))]
fn lacks_avx2() -> bool {
    const EXTENDED_FEATURES: u32 = 7;
    const AVX2: u32 = 1 << 5;
    std::arch::x86_64::__cpuid_count(EXTENDED_FEATURES, 0).ebx & AVX2 == 0
}
