//! Nozzles become particles that will leave them, each at its time and place.

use super::bodies::{Filled, MAX_CELL, MAX_PARTICLES, TOUCH_CELLS};
use super::checks::Checks;
use crate::model::{Body, Emission, Emitter, Levels, Material, Model, Opening, Pose, Sink};
use crate::scene::{self, KeyPath, SceneError};
use glam::{DQuat, DVec3};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Most sinks: their table is a uniform on the device.
const MOST_SINKS: usize = 16;

/// The emitters in the order of the file; each adds a body of absent particles.
pub(super) fn emitters(
    checks: &Checks<'_>,
    materials: &[Material],
    cell_width: f64,
    filled: &mut Filled,
) -> Result<Vec<Emitter>, SceneError> {
    let scene = checks.scene;
    let names: Vec<&str> = scene.emitter.iter().map(|e| e.name.as_str()).collect();
    checks.names("emitter", &names)?;
    let mut emitters = Vec::new();
    for (index, said) in scene.emitter.iter().enumerate() {
        let at = KeyPath::root("emitter").index(index);
        if scene.body.iter().any(|body| body.name == said.name) {
            let message = format!(
                "duplicate name `{}`: a body has it already; an emitter's particles form a body of \
                 its name",
                said.name
            );
            return Err(scene.error(&at.key("name"), message));
        }
        let material = materials.iter().position(|m| m.name == said.material).unwrap_or(0);
        let nozzle = Nozzle { checks, at, said, material: &materials[material], cell_width };
        let room = MAX_PARTICLES - filled.state.particle_count();
        let (mut emitter, volume) = nozzle.resolve(room)?;
        let (body, material) = (filled.bodies.len() as u32, material as u32);
        emitter.body = body;
        let first = filled.state.particle_count();
        for _ in &emitter.emissions {
            filled.push_absent(body, material, nozzle.material.density, volume);
        }
        let particles = first..filled.state.particle_count();
        filled.bodies.push(Body { name: said.name.clone(), material, particles });
        emitters.push(emitter);
    }
    Ok(emitters)
}

/// One emitter of the file.
struct Nozzle<'a> {
    checks: &'a Checks<'a>,
    at: KeyPath,
    said: &'a scene::Emitter,
    material: &'a Material,
    cell_width: f64,
}

impl Nozzle<'_> {
    /// The emitter, its body left open, and the rest volume of each of its particles [m³].
    fn resolve(&self, room: usize) -> Result<(Emitter, f64), SceneError> {
        let Self { checks, at, said, .. } = self;
        let opening = self.opening()?;
        let speed = self.speed(&opening)?;
        let times = self.times()?;
        let spacing = self.cell_width / checks.per_axis(at, said.particles_per_cell)? as f64;
        let points = self.points(&opening, spacing, room)?;
        // The layers together have the volume of the stream, whatever the lattice leaves of its edge.
        let volume = opening.area() * spacing / points.len() as f64;
        let emitter = Emitter {
            name: said.name.clone(),
            body: 0,
            opening,
            pose: self.pose()?,
            velocity: checks.vector(at, "velocity", said.velocity)?,
            angular_velocity: checks.vector(at, "angular_velocity", said.angular_velocity)?,
            speed,
            emissions: self.emissions(&opening, &points, spacing, times, speed, room)?,
        };
        Ok((emitter, volume))
    }

    fn opening(&self) -> Result<Opening, SceneError> {
        let at = self.at.key("opening");
        match self.said.opening {
            scene::Opening::Disc { radius } => {
                Ok(Opening::Disc { radius: self.checks.positive(&at, "radius", radius, "m")? })
            }
            scene::Opening::Rectangle { size } => {
                if size.iter().all(|edge| edge.is_finite() && *edge > 0.0) {
                    return Ok(Opening::Rectangle { half_extents: size.map(|edge| 0.5 * edge) });
                }
                let message = format!(
                    "`size` is {size:?} m, without area; both edges must be greater than zero"
                );
                Err(self.checks.scene.error(&at.key("size"), message))
            }
        }
    }

    fn pose(&self) -> Result<Pose, SceneError> {
        let mut pose = self.checks.pose(&self.at, self.said.position, &self.said.rotation)?;
        let farthest =
            pose.position.0.iter().map(|x| (x / self.cell_width).abs()).fold(0.0, f64::max);
        if farthest > MAX_CELL {
            let message = format!(
                "the emitter `{}` lies {farthest:.3e} cells from the origin; at most {MAX_CELL:.3e} \
                 are possible",
                self.said.name
            );
            return Err(self.checks.scene.error(&self.at.key("position"), message));
        }
        let direction = self.checks.direction(&self.at, "direction", self.said.direction)?;
        pose.rotation *= DQuat::from_rotation_arc(DVec3::Z, DVec3::from_array(direction.0));
        Ok(pose)
    }

    /// Of the material relative to the nozzle [m/s].
    fn speed(&self, opening: &Opening) -> Result<f64, SceneError> {
        let Self { checks, at, said, material, .. } = self;
        let area = opening.area();
        let speed = match (said.speed, said.volume_rate, said.mass_rate) {
            (Some(speed), None, None) => return checks.positive(at, "speed", speed, "m/s"),
            (None, Some(rate), None) => checks.positive(at, "volume_rate", rate, "m³/s")? / area,
            (None, None, Some(rate)) => {
                checks.positive(at, "mass_rate", rate, "kg/s")? / (material.density * area)
            }
            (speed, volume, mass) => {
                let given = [speed, volume, mass].iter().flatten().count();
                let message = format!(
                    "{given} of `speed`, `volume_rate` and `mass_rate` are given; exactly one is \
                     needed: the opening fixes the others"
                );
                return Err(checks.scene.error(at, message));
            }
        };
        Ok(speed)
    }

    /// When the stream begins and ends [s].
    fn times(&self) -> Result<[f64; 2], SceneError> {
        let Self { checks, at, said, .. } = self;
        let start = checks.within(at, "start_secs", said.start_secs, (0.0, f64::INFINITY))?;
        let stop = match said.stop_secs {
            Some(stop) => checks.finite(at, "stop_secs", stop)?,
            None => checks.scene.duration_secs(),
        };
        if stop > start {
            return Ok([start, stop]);
        }
        let message = match said.stop_secs {
            Some(_) => format!("`stop_secs` is {stop} s; it must be after `start_secs`, {start} s"),
            None => format!("`start_secs` is {start} s; the scene ends before that, at {stop} s"),
        };
        let key = if said.stop_secs.is_some() { "stop_secs" } else { "start_secs" };
        Err(checks.scene.error(&at.key(key), message))
    }

    /// A square lattice, centred in the opening.
    fn points(
        &self,
        opening: &Opening,
        spacing: f64,
        room: usize,
    ) -> Result<Vec<[f64; 2]>, SceneError> {
        let half = opening.half_extents();
        // As many points along an axis as fit; the lattice is symmetric.
        let counts = half.map(|h| (2.0 * h / spacing + 1e-9).floor());
        if counts[0] * counts[1] > 2.0 * room as f64 {
            return Err(self.too_many(counts[0] * counts[1]));
        }
        let along = |count: f64| move |i: u64| (i as f64 + 0.5 - 0.5 * count) * spacing;
        let (x, y) = (along(counts[0]), along(counts[1]));
        let rows = (0..counts[0] as u64).flat_map(|i| (0..counts[1] as u64).map(move |j| [i, j]));
        let points: Vec<_> =
            rows.map(|[i, j]| [x(i), y(j)]).filter(|point| opening.holds(*point)).collect();
        if points.is_empty() {
            let message = format!(
                "the opening of `{}` is too narrow for one particle: their spacing is {spacing} m",
                self.said.name
            );
            let error = self.checks.scene.error(&self.at.key("opening"), message);
            return Err(error.with_help("take more `particles_per_cell`, or narrower cells"));
        }
        Ok(points)
    }

    /// Layer after layer, each as far behind the one before as points are from each other; a layer
    /// stands for the stream half a spacing before and behind it.
    fn emissions(
        &self,
        opening: &Opening,
        points: &[[f64; 2]],
        spacing: f64,
        [start, stop]: [f64; 2],
        speed: f64,
        room: usize,
    ) -> Result<Vec<Emission>, SceneError> {
        let said = self.said;
        let jitter = self.checks.within(&self.at, "jitter", said.jitter, (0.0, 1.0))?;
        let interval = spacing / speed;
        let layers = ((stop - start) / interval + 0.5).floor();
        if layers < 1.0 {
            let message = format!(
                "`{}` emits nothing: its first particles would come after {:.3e} s, it stops after \
                 {:.3e} s",
                said.name,
                0.5 * interval,
                stop - start
            );
            return Err(self.checks.scene.error(&self.at, message));
        }
        let count = layers * points.len() as f64;
        if count > room as f64 {
            return Err(self.too_many(count));
        }
        let mut random = ChaCha8Rng::seed_from_u64(said.seed);
        let mut emissions = Vec::with_capacity(count as usize);
        for layer in 0..layers as u64 {
            let of_layer = emissions.len();
            for &point in points {
                let mut shift = || match jitter {
                    0.0 => 0.0,
                    _ => jitter * (random.random::<f64>() - 0.5),
                };
                let moved = point.map(|x| x + shift() * spacing);
                // What would leave the opening stays at its place in the lattice.
                let point = if opening.holds(moved) { moved } else { point };
                let secs = start + (layer as f64 + 0.5 + shift()) * interval;
                emissions.push(Emission { secs, point });
            }
            emissions[of_layer..].sort_by(|a, b| a.secs.total_cmp(&b.secs));
        }
        Ok(emissions)
    }

    fn too_many(&self, count: f64) -> SceneError {
        let message = format!(
            "the emitter `{}` needs about {count:.3e} particles at cell width {} m; a scene may \
             have {MAX_PARTICLES} in all",
            self.said.name, self.cell_width
        );
        self.checks.scene.error(&self.at, message)
    }
}

/// Refuses levels of resolution: they give particles other ids, which have to stay here.
pub(super) fn check_levels(checks: &Checks<'_>, levels: &Levels) -> Result<(), SceneError> {
    let scene = checks.scene;
    if !levels.changes() || (scene.emitter.is_empty() && scene.sink.is_empty()) {
        return Ok(());
    }
    let section = if scene.emitter.is_empty() { "sink" } else { "emitter" };
    let message = format!("a scene with `levels` cannot have a `[[{section}]]` yet");
    Err(scene.error(&KeyPath::root(section).index(0), message))
}

/// The sinks in the order of the file.
pub(super) fn sinks(checks: &Checks<'_>) -> Result<Vec<Sink>, SceneError> {
    let scene = checks.scene;
    let names: Vec<&str> = scene.sink.iter().map(|s| s.name.as_str()).collect();
    checks.names("sink", &names)?;
    if names.len() > MOST_SINKS {
        let message =
            format!("the scene has {} sinks; at most {MOST_SINKS} are possible", names.len());
        return Err(scene.error(&KeyPath::root("sink").index(MOST_SINKS), message));
    }
    let resolve = |(index, said): (usize, &scene::Sink)| {
        let at = KeyPath::root("sink").index(index);
        Ok(Sink {
            name: said.name.clone(),
            shape: checks.region(&at.key("region"), &said.region)?,
            pose: checks.pose(&at, said.position, &said.rotation)?,
        })
    };
    scene.sink.iter().enumerate().map(resolve).collect()
}

/// Refuses nozzles that open inside a collider at the start.
pub(super) fn check_overlap(checks: &Checks<'_>, model: &Model) -> Result<(), SceneError> {
    for (index, emitter) in model.emitters.iter().enumerate() {
        for collider in &model.colliders {
            let inside = |emission: &&Emission| {
                let x = emitter.pose.world_from_body(emission.place());
                let distance = collider.shape.signed_distance(collider.pose.body_from_world(x));
                distance < -TOUCH_CELLS * model.cell_width
            };
            let Some(first) = emitter.emissions.iter().find(inside) else { continue };
            let message = format!(
                "the emitter `{}` opens inside the collider `{}`, at {:.4?} m for one",
                emitter.name,
                collider.name,
                emitter.pose.world_from_body(first.place()).0
            );
            let at = KeyPath::root("emitter").index(index);
            return Err(checks.scene.error(&at, message).with_help("move one of them"));
        }
    }
    Ok(())
}
