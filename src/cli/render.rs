//! `softscape render`: a picture of one moment, a strip of several, or a movie of all of them, without
//! a window.

use super::Outcome;
use super::advance::{Stop, advance};
use super::args::{ColorBy, OverlayChoice, RenderArgs};
use super::device::{Device, make_simulator};
use super::error::CliError;
use super::files::{check_writable, make_directory, written_at};
use super::interrupt::Interrupt;
use super::output::Output;
use super::positive;
use super::progress::Progress;
use super::show::open_show;
use crate::model::Model;
use crate::mpm::simulator::Simulator;
use crate::render::{
    Bounds, Camera, Caption, Frame, Mark, MovieError, MovieWriter, Overlay, Paint, Quantity, Show,
    THREE_QUARTER, picture,
};
use image::RgbaImage;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Pictures per second at which a movie plays.
const PLAYBACK_FPS: f64 = 30.0;
/// Shorter simulations are slowed down to a movie of this length [s].
const SHORTEST_MOVIE_SECS: f64 = 4.0;
/// Largest width or height of a picture.
const MAX_SIZE: u32 = 8192;

/// What to do, with everything checked that can be checked before computing.
struct Plan {
    show: Show,
    paint: Paint,
    overlay: Overlay,
    size: [u32; 2],
    look_from: LookFrom,
    target: Target,
}

/// Direction of the camera [rad], and how much nearer than the framing distance it is.
#[derive(Clone, Copy, Debug, PartialEq)]
struct LookFrom {
    azimuth: f64,
    elevation: f64,
    zoom: f64,
}

enum Target {
    /// Moments as substeps, one below the other; of one, just its picture.
    Picture { path: PathBuf, moments: Vec<usize> },
    /// The substeps shown, first and last included.
    Movie { path: PathBuf, moments: Vec<usize> },
}

/// Runs the command.
pub fn render(args: &RenderArgs, output: Output) -> miette::Result<Outcome> {
    let plan = plan(args)?;
    let device = Device::choose(&args.device)?;
    output.note(&device.explain());
    let mut simulator = make_simulator(&plan.show.model, &device).map_err(CliError::from)?;
    simulator.load(&plan.show.model.initial).map_err(CliError::from)?;
    simulator.drive(&plan.show.drive).map_err(CliError::from)?;

    let interrupt = Interrupt::listen();
    let (written, pictures, outcome) = match &plan.target {
        Target::Picture { path, moments } => {
            let (picture, outcome) = strip(&plan, moments, simulator.as_mut(), &interrupt)?;
            save(&picture, path)?;
            (path.clone(), moments.len(), outcome)
        }
        Target::Movie { path, moments } => {
            movie(&plan, path, moments, simulator.as_mut(), &interrupt, output)?
        }
    };
    output.record(&json!({
        "scene": plan.show.model.name,
        "device": simulator.describe(),
        "particles": plan.show.model.particles.mass.len(),
        "pictures": pictures,
        "width": plan.size[0],
        "height": plan.size[1],
        "out": written,
    }));
    Ok(outcome)
}

fn plan(args: &RenderArgs) -> miette::Result<Plan> {
    let opened = open_show(&args.scene, args.fidelity, args.controls.as_deref(), |loaded| {
        Ok(match (args.substeps, args.secs) {
            (Some(substeps), _) => substeps,
            (None, Some(0.0)) => 0,
            (None, Some(secs)) => loaded.substeps_in(positive("--secs", secs)?),
            (None, None) => loaded.substeps(),
        })
    })?;
    let show = opened.show;
    let quantity = match args.color {
        ColorBy::Material => Quantity::Material,
        ColorBy::Speed => Quantity::Speed,
        ColorBy::J => Quantity::J,
        ColorBy::Level => Quantity::Level,
    };
    let mut paint = Paint::new(quantity, &show.model);
    if let Some(range) = &args.range {
        [paint.low, paint.high] = parse_range(range)?;
    }
    let overlay = overlay(&args.overlay, &show.model)?;
    let extension = args.out.extension().map(|e| e.to_string_lossy().to_lowercase());
    let target = match extension.as_deref() {
        Some("png") => {
            let count = args.strip.map_or(1, usize::from);
            Target::Picture { path: args.out.clone(), moments: strip_moments(&show, count) }
        }
        Some("mp4") if args.strip.is_some() => {
            let problem = format!("given with {}; a strip is a .png", args.out.display());
            return Err(CliError::Option { option: "--strip", problem }.into());
        }
        Some("mp4") => {
            let fps = args.fps.map(|fps| positive("--fps", fps)).transpose()?;
            Target::Movie { path: args.out.clone(), moments: moments(&show, fps) }
        }
        _ => {
            let problem = format!(
                "{} given; a name that ends in .png or .mp4 is allowed",
                args.out.display()
            );
            return Err(CliError::Option { option: "--out", problem }.into());
        }
    };
    check_writable(&args.out)?;
    let size = parse_size(&args.size)?;
    let rows = args.strip.map_or(1, u32::from);
    if size[1] * rows > MAX_SIZE {
        let problem =
            format!("{rows} given, each {} pixels high; together {MAX_SIZE} are allowed", size[1]);
        return Err(CliError::Option { option: "--strip", problem }.into());
    }
    Ok(Plan {
        show,
        paint,
        overlay,
        size,
        look_from: parse_camera(args.camera.as_deref())?,
        target,
    })
}

/// What is drawn over the picture; asking for what a scene does not have is an error.
fn overlay(choices: &[OverlayChoice], model: &Model) -> Result<Overlay, CliError> {
    let (mut overlay, there) = (Overlay::default(), Overlay::of(model));
    for choice in choices {
        let (wanted, has, missing) = match choice {
            OverlayChoice::Chunks => (
                &mut overlay.chunks,
                there.chunks,
                "chunks given; nothing sleeps in this scene: it has neither `[terrain]` nor \
                 `[levels.sleep]`",
            ),
            OverlayChoice::Levels => (
                &mut overlay.levels,
                there.levels,
                "levels given; this scene has one level of resolution: no `[levels]`, or a `count` of 1",
            ),
        };
        if !has {
            return Err(CliError::Option { option: "--overlay", problem: missing.into() });
        }
        *wanted = true;
    }
    Ok(overlay)
}

/// Substeps at which a movie looks: `fps` per simulated second, by default as many as make the
/// shortest movie.
fn moments(show: &Show, fps: Option<f64>) -> Vec<usize> {
    let secs = show.time_at(show.substeps);
    let fps = fps.unwrap_or_else(|| (SHORTEST_MOVIE_SECS / secs).max(1.0) * PLAYBACK_FPS);
    let count = (secs * fps).floor() as usize;
    (0..=count)
        .map(|k| ((k as f64 / fps / show.model.substep_secs).round() as usize).min(show.substeps))
        .collect()
}

/// Substeps that a strip shows: the start, the end and what lies evenly between; of one, the end.
fn strip_moments(show: &Show, count: usize) -> Vec<usize> {
    match count {
        1 => vec![show.substeps],
        _ => (0..count).map(|k| k * show.substeps / (count - 1)).collect(),
    }
}

/// Pictures of some moments from one place, below one another.
fn strip(
    plan: &Plan,
    moments: &[usize],
    simulator: &mut dyn Simulator,
    interrupt: &Interrupt,
) -> miette::Result<(RgbaImage, Outcome)> {
    let progress = Progress::new("substeps", plan.show.substeps as u64);
    let (mut at, mut outcome) = (0, Outcome::Done);
    let mut frames = Vec::with_capacity(moments.len());
    for &next in moments {
        (at, outcome) = run_to(simulator, at, next, interrupt, &progress)?;
        frames.push(moment(plan, simulator, at)?);
        if outcome == Outcome::Interrupted {
            break;
        }
    }
    let all = frames.iter().map(|Moment { frame, .. }| (Bounds::of(frame), frame.cell_width));
    let (bounds, _) = all
        .reduce(|(a, width), (b, _)| (a.union(&b, width), width))
        .expect("a strip has at least one moment");
    let [width, height] = plan.size;
    let mut picture = RgbaImage::new(width, height * frames.len() as u32);
    for (row, moment) in frames.iter().enumerate() {
        let drawn = draw(plan, moment, &bounds);
        image::imageops::replace(&mut picture, &drawn, 0, row as i64 * i64::from(height));
    }
    Ok((picture, outcome))
}

fn movie(
    plan: &Plan,
    path: &Path,
    moments: &[usize],
    simulator: &mut dyn Simulator,
    interrupt: &Interrupt,
    output: Output,
) -> miette::Result<(PathBuf, usize, Outcome)> {
    let mut writer = open_movie(path, plan.size, output)?;
    let progress = Progress::new("pictures", moments.len() as u64);
    let silent = Progress::hidden();
    let mut bounds: Option<Bounds> = None;
    let (mut at, mut count, mut outcome) = (0, 0, Outcome::Done);
    for &next in moments {
        (at, outcome) = run_to(simulator, at, next, interrupt, &silent)?;
        let moment = moment(plan, simulator, at)?;
        // The camera draws back as the scene spreads, and never comes near again.
        let seen = Bounds::of(&moment.frame);
        let seen = bounds.map_or(seen, |b| b.union(&seen, moment.frame.cell_width));
        bounds = Some(seen);
        writer.push(&draw(plan, &moment, &seen)).map_err(movie_error)?;
        count += 1;
        progress.reach(count as u64);
        if outcome == Outcome::Interrupted {
            break;
        }
    }
    Ok((writer.finish().map_err(movie_error)?, count, outcome))
}

/// An mp4 where there is ffmpeg, else a folder of pictures beside it.
fn open_movie(path: &Path, size: [u32; 2], output: Output) -> miette::Result<MovieWriter> {
    if MovieWriter::has_ffmpeg() {
        return MovieWriter::mp4(&written_at(path)?, size, PLAYBACK_FPS).map_err(movie_error);
    }
    let folder = path.with_extension("frames");
    output.note(&format!(
        "ffmpeg is not on the PATH: writing a sequence of pictures into {} instead of a movie",
        folder.display()
    ));
    make_directory(&folder)?;
    MovieWriter::sequence(&folder).map_err(movie_error)
}

fn movie_error(error: MovieError) -> miette::Report {
    miette::Report::from_err(error)
}

/// Runs the substeps `from..to`; how far it came.
fn run_to(
    simulator: &mut dyn Simulator,
    from: usize,
    to: usize,
    interrupt: &Interrupt,
    progress: &Progress,
) -> Result<(usize, Outcome), CliError> {
    match advance(simulator, from..to, interrupt, |at| progress.reach(at as u64)) {
        Ok(()) => Ok((to, Outcome::Done)),
        Err(Stop::Interrupted { substep }) => Ok((substep, Outcome::Interrupted)),
        Err(Stop::Broken { cause, .. } | Stop::Failed(cause)) => Err(cause.into()),
    }
}

/// What one moment shows.
struct Moment {
    substep: usize,
    frame: Frame,
    marks: Vec<Mark>,
}

fn moment(plan: &Plan, simulator: &mut dyn Simulator, substep: usize) -> Result<Moment, CliError> {
    let state = simulator.read()?;
    let mut frame = plan.show.frame(&state, substep, &plan.paint);
    frame.lines = plan.overlay.lines(&plan.show, &state, substep);
    let marks = plan.overlay.legend(&plan.show.model, &state);
    Ok(Moment { substep, frame, marks })
}

fn draw(plan: &Plan, moment: &Moment, bounds: &Bounds) -> RgbaImage {
    let Moment { substep, frame, marks } = moment;
    let LookFrom { azimuth, elevation, zoom } = plan.look_from;
    let aspect = f64::from(plan.size[0]) / f64::from(plan.size[1]);
    let mut camera = Camera::framing(bounds, azimuth, elevation, aspect);
    camera.distance /= zoom;
    let mut picture = picture(frame, &camera, plan.size);
    let time = plan.show.time_at(*substep);
    Caption::new(&plan.show.model, &plan.paint, &Bounds::of(frame), time)
        .with_marks(marks.clone())
        .draw(&mut picture);
    picture
}

fn save(picture: &RgbaImage, path: &Path) -> Result<(), CliError> {
    super::files::write_whole(path, |file| picture.write_to(file, image::ImageFormat::Png))
}

fn parse_size(text: &str) -> Result<[u32; 2], CliError> {
    let parts: Vec<Option<u32>> = text.split('x').map(|n| n.parse().ok()).collect();
    match parts[..] {
        [Some(width), Some(height)]
            if (1..=MAX_SIZE).contains(&width) && (1..=MAX_SIZE).contains(&height) =>
        {
            Ok([width, height])
        }
        _ => Err(CliError::Option {
            option: "--size",
            problem: format!(
                "{text} given; WIDTHxHEIGHT is allowed, each from 1 to {MAX_SIZE} pixels"
            ),
        }),
    }
}

fn parse_range(text: &str) -> Result<[f64; 2], CliError> {
    match numbers(text)[..] {
        [Some(low), Some(high)] if low < high => Ok([low, high]),
        _ => Err(CliError::Option {
            option: "--range",
            problem: format!("{text} given; LOW,HIGH with LOW < HIGH is allowed"),
        }),
    }
}

fn parse_camera(text: Option<&str>) -> Result<LookFrom, CliError> {
    let Some(text) = text else {
        let (azimuth, elevation) = THREE_QUARTER;
        return Ok(LookFrom { azimuth, elevation, zoom: 1.0 });
    };
    let (azimuth, elevation, zoom) = match numbers(text)[..] {
        [Some(azimuth), Some(elevation)] => (azimuth, elevation, 1.0),
        [Some(azimuth), Some(elevation), Some(zoom)] => (azimuth, elevation, zoom),
        _ => (0.0, f64::NAN, 1.0),
    };
    if elevation.abs() <= 90.0 && zoom > 0.0 {
        return Ok(LookFrom {
            azimuth: azimuth.to_radians(),
            elevation: elevation.to_radians(),
            zoom,
        });
    }
    Err(CliError::Option {
        option: "--camera",
        problem: format!(
            "{text} given; AZIMUTH,ELEVATION or AZIMUTH,ELEVATION,ZOOM is allowed, in degrees, \
             elevation from -90 to 90, zoom above 0"
        ),
    })
}

/// Finite numbers between commas.
fn numbers(text: &str) -> Vec<Option<f64>> {
    text.split(',').map(|n| n.trim().parse().ok().filter(|x: &f64| x.is_finite())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_ranges_and_cameras_are_read_or_refused_with_what_is_allowed() {
        assert_eq!(parse_size("640x480").unwrap(), [640, 480]);
        for bad in ["640", "0x480", "640x480x3", "9000x10", "axb", "640 x 480"] {
            let message = parse_size(bad).unwrap_err().to_string();
            assert!(message.contains(bad) && message.contains("8192"), "{message}");
        }
        assert_eq!(parse_range("-1, 2.5").unwrap(), [-1.0, 2.5]);
        for bad in ["1", "2,1", "1,1", "nan,1", "0,inf"] {
            assert!(parse_range(bad).unwrap_err().to_string().contains("LOW < HIGH"), "{bad}");
        }
        let camera = parse_camera(Some("90,-30,2")).unwrap();
        assert!((camera.azimuth - std::f64::consts::FRAC_PI_2).abs() < 1e-15);
        assert_eq!((camera.zoom, parse_camera(None).unwrap().zoom), (2.0, 1.0));
        for bad in ["90", "0,91", "0,0,0", "0,0,-1", "a,b", "1,2,3,4", ""] {
            assert!(parse_camera(Some(bad)).unwrap_err().to_string().contains("degrees"), "{bad}");
        }
    }
}
