//! Files that are either written whole or not at all.

use super::error::CliError;
use crate::bench::plot::draw;
use crate::bench::validate::check::Plot;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Where a result that is to be at `path` is written: behind the links that lead there.
///
/// # Errors
/// What is there is a directory, a device or a pipe.
pub fn written_at(path: &Path) -> Result<PathBuf, CliError> {
    let place = match fs::metadata(path) {
        Ok(there) if there.is_file() => fs::canonicalize(path).map_err(|cause| describe(&cause)),
        Ok(there) if there.is_dir() => Err("it is a directory".into()),
        Ok(_) => Err("it is no ordinary file: a device or a pipe".into()),
        Err(_) if path.is_symlink() => Err("it is a link that leads nowhere".into()),
        Err(_) => Ok(path.to_owned()),
    };
    place.map_err(|cause| unwritable(path, cause))
}

/// Writes `path` through a temporary file beside it, renamed at the end: a full disk or an
/// interruption leaves the old file, or none.
pub fn write_whole<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>,
) -> Result<(), CliError> {
    let target = written_at(path)?;
    let temporary = temporary_beside(&target);
    let result = write_and_sync(&temporary, fill)
        .and_then(|()| fs::rename(&temporary, &target).map_err(Into::into));
    result.map_err(|cause| {
        // The temporary may never have come to exist; the cause is what matters.
        let _ = fs::remove_file(&temporary);
        unwritable(path, cause)
    })
}

/// Draws a plot (PNG) through a temporary file beside it, like [`write_whole`].
pub fn draw_whole(plot: &Plot, path: &Path) -> Result<(), CliError> {
    let target = written_at(path)?;
    // The drawing library tells the format by the extension.
    let temporary = target.with_extension(format!("{}.png", std::process::id()));
    draw(plot, &temporary)
        .and_then(|()| fs::rename(&temporary, &target).map_err(|e| e.to_string()))
        .map_err(|cause| {
            // It may never have come to exist; the cause is what matters.
            let _ = fs::remove_file(&temporary);
            unwritable(path, cause)
        })
}

fn write_and_sync<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut writer = BufWriter::new(File::create(path)?);
    fill(&mut writer).map_err(Into::into)?;
    writer.flush()?;
    writer.get_ref().sync_all()?;
    Ok(())
}

/// Fails now, not after an hour of computing, if `path` could not be written.
pub fn check_writable(path: &Path) -> Result<(), CliError> {
    let temporary = temporary_beside(&written_at(path)?);
    let touched = File::create(&temporary).and_then(|_| fs::remove_file(&temporary));
    touched.map_err(|cause| unwritable(path, describe(&cause)))
}

/// Makes a directory for results; an existing one is used as it is.
pub fn make_directory(path: &Path) -> Result<(), CliError> {
    fs::create_dir_all(path).map_err(|cause| unwritable(path, describe(&cause)))
}

fn unwritable(path: &Path, cause: impl ToString) -> CliError {
    CliError::Write { path: path.to_owned(), cause: cause.to_string() }
}

fn temporary_beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

fn describe(cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::NotFound => "its directory does not exist".into(),
        _ => cause.to_string(),
    }
}
