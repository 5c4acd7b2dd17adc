//! Pictures in a row: an mp4 through `ffmpeg`, or numbered png files.

use image::{ImageError, RgbaImage};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use thiserror::Error;

/// Why a movie could not be written.
#[derive(Debug, Error)]
pub enum MovieError {
    #[error("cannot write {path}: {cause}")]
    Write { path: PathBuf, cause: io::Error },
    #[error("cannot write {path}: {cause}")]
    Picture { path: PathBuf, cause: ImageError },
    #[error("ffmpeg could not make {path}: {cause}")]
    Ffmpeg { path: PathBuf, cause: String },
}

/// Takes pictures of one size and makes a movie of them.
pub enum MovieWriter {
    /// To `ffmpeg`, which writes a file beside the target; [`MovieWriter::finish`] renames it.
    Ffmpeg { child: Child, partial: PathBuf, target: PathBuf },
    /// `frame-00000.png`, ... in a folder.
    Sequence { folder: PathBuf, count: usize },
}

impl MovieWriter {
    /// Whether a program `ffmpeg` can be run.
    pub fn has_ffmpeg() -> bool {
        let probe = Command::new("ffmpeg")
            .arg("-version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        probe.is_ok_and(|status| status.success())
    }

    /// An mp4 of `size` pixels (made even by padding) at `fps` pictures a second.
    pub fn mp4(target: &Path, size: [u32; 2], fps: f64) -> Result<Self, MovieError> {
        let partial = target.with_extension("partial.mp4");
        let child = Command::new("ffmpeg")
            .args(["-y", "-loglevel", "error", "-f", "rawvideo", "-pixel_format", "rgba"])
            .args(["-video_size", &format!("{}x{}", size[0], size[1])])
            .args(["-framerate", &fps.to_string(), "-i", "-"])
            .args(["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p"])
            .args(["-movflags", "+faststart"])
            .arg(&partial)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| MovieError::Ffmpeg { path: target.into(), cause: e.to_string() })?;
        Ok(Self::Ffmpeg { child, partial, target: target.into() })
    }

    /// Numbered pictures in a folder, which is made if it is missing.
    pub fn sequence(folder: &Path) -> Result<Self, MovieError> {
        std::fs::create_dir_all(folder)
            .map_err(|cause| MovieError::Write { path: folder.into(), cause })?;
        Ok(Self::Sequence { folder: folder.into(), count: 0 })
    }

    pub fn push(&mut self, picture: &RgbaImage) -> Result<(), MovieError> {
        match self {
            Self::Ffmpeg { child, target, .. } => {
                let pipe = child.stdin.as_mut().expect("the pipe is open until the end");
                if pipe.write_all(picture.as_raw()).is_err() {
                    // It has ended early; what it said is the reason.
                    return Err(Self::complaint(child, target));
                }
                Ok(())
            }
            Self::Sequence { folder, count } => {
                let path = folder.join(format!("frame-{count:05}.png"));
                picture.save(&path).map_err(|cause| MovieError::Picture { path, cause })?;
                *count += 1;
                Ok(())
            }
        }
    }

    /// Completes the movie and returns where it is.
    pub fn finish(mut self) -> Result<PathBuf, MovieError> {
        match &mut self {
            Self::Ffmpeg { child, partial, target } => {
                drop(child.stdin.take());
                let path = target.clone();
                let status = child
                    .wait()
                    .map_err(|cause| MovieError::Write { path: path.clone(), cause })?;
                if !status.success() {
                    return Err(Self::complaint(child, target));
                }
                std::fs::rename(partial, &path)
                    .map_err(|cause| MovieError::Write { path: path.clone(), cause })?;
                Ok(path)
            }
            Self::Sequence { folder, .. } => Ok(folder.clone()),
        }
    }

    fn complaint(child: &mut Child, target: &Path) -> MovieError {
        drop(child.stdin.take());
        let said = child.stderr.take().and_then(|pipe| io::read_to_string(pipe).ok());
        let said = said.unwrap_or_default();
        let cause = said.lines().last().unwrap_or("it ended without a word").to_owned();
        MovieError::Ffmpeg { path: target.into(), cause }
    }
}

impl Drop for MovieWriter {
    /// A movie that was not finished leaves no half of itself behind.
    fn drop(&mut self) {
        if let Self::Ffmpeg { child, partial, .. } = self {
            if matches!(child.try_wait(), Ok(None)) {
                drop(child.kill());
                drop(child.wait());
            }
            drop(std::fs::remove_file(partial));
        }
    }
}
