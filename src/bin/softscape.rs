//! The program: everything is in [`softscape::cli`].

fn main() -> std::process::ExitCode {
    softscape::cli::main()
}
