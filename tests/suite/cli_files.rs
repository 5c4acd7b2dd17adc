//! Where results may be written, and readers of standard output that leave.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn run_to(folder: &Path, out: &str) -> Output {
    let scene = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenes/falling-cube.toml");
    Command::new(env!("CARGO_BIN_EXE_softscape"))
        .current_dir(folder)
        .arg("run")
        .arg(scene)
        .args(["--device", "cpu", "--fidelity", "preview", "--substeps", "1", "--out", out])
        .output()
        .expect("the program starts")
}

#[test]
fn results_go_where_links_lead_and_replace_neither_pipes_nor_devices() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    fs::write(folder.join("old.npz"), "old").expect("a file");
    symlink("old.npz", folder.join("link.npz")).expect("a link");
    assert!(run_to(folder, "link.npz").status.success());
    assert!(folder.join("link.npz").is_symlink());
    assert!(fs::read(folder.join("old.npz")).expect("the result").len() > 1000);

    symlink("missing.npz", folder.join("nowhere.npz")).expect("a link");
    let made = Command::new("mkfifo").arg(folder.join("pipe.npz")).status();
    assert!(made.expect("mkfifo").success());
    for (out, said) in [("nowhere.npz", "leads nowhere"), ("pipe.npz", "no ordinary file")] {
        let output = run_to(folder, out);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(said), "{error}");
    }
    let pipe = fs::metadata(folder.join("pipe.npz")).expect("still there");
    assert!(pipe.file_type().is_fifo());
}

#[test]
fn a_reader_who_leaves_is_no_error_and_a_full_disk_is_one() {
    let schema = || {
        Command::new(env!("CARGO_BIN_EXE_softscape"))
            .arg("schema")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    };
    let mut left = schema().expect("the program starts");
    drop(left.stdout.take());
    let output = left.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // A device that is always full.
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("a device");
    let output = Command::new(env!("CARGO_BIN_EXE_softscape"))
        .arg("schema")
        .stdout(full)
        .output()
        .expect("the program starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("could not be printed") && !error.contains("panicked"), "{error}");
}
