//! Bodies become particles: shapes are filled with a lattice, or particles are read from a file.

use super::checks::Checks;
use super::lattice::Lattice;
use super::shapes::Shapes;
use crate::math::{Mat3, Vec3};
use crate::model::rest::{AtRest, Bed};
use crate::model::{
    Body, Collider, Emitter, Extents, Field, Levels, Material, Model, Pose, Sink, Stance,
};
use crate::mpm::state::{Life, NO_MUSCLE, Particles, State, split_position};
use crate::scene::{self, BodyShape, KeyPath, Npz, NpzError, Scene, SceneError};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The largest number of particles in a scene: 8 GB of state on the host.
pub const MAX_PARTICLES: usize = 1 << 25;

/// The farthest a particle may be from the origin node [cells]: an eighth of what 32 bits count, so
/// that nothing that is done to a cell index overflows.
pub(super) const MAX_CELL: f64 = (1u32 << 28) as f64;

/// How far into a collider a particle may start, in cells: what rounding the file's numbers costs.
pub(super) const TOUCH_CELLS: f64 = 1e-6;

/// How far into a collider a bed at rest may reach, in cells of the coarsest level: two rows of nodes
/// feel its filling.
pub(super) const BED_FILL_CELLS: f64 = 2.0;

/// All bodies, filled.
pub(super) struct Filled {
    pub bodies: Vec<Body>,
    pub particles: Particles,
    pub state: State<f64>,
}

/// One particle before it joins the arrays.
struct Particle {
    /// World position in cells, relative to the origin node.
    cells: [f64; 3],
    v: Vec3<f64>,
    c: Mat3<f64>,
    f: Mat3<f64>,
    history: f64,
    /// Rest volume [m³].
    volume: f64,
    level: u8,
}

/// What bodies are put into.
pub(super) struct Ground<'a> {
    pub cell_width: f64,
    pub gravity: Vec3<f64>,
    pub colliders: &'a [Collider],
    pub levels: &'a Levels,
}

impl Ground<'_> {
    /// The levels of resolution at the start.
    fn field(&self) -> Field<f64> {
        Field::new(self.levels, self.cell_width, [0; 3], |collider| {
            stance(&self.colliders[collider], self.cell_width, [0; 3])
        })
    }
}

/// Where a collider is at the start, on a grid with this origin.
pub(super) fn stance(collider: &Collider, cell_width: f64, origin: [i32; 3]) -> Stance {
    let split = collider.pose.position.0.map(|x| (x / cell_width).round());
    let [x, y, z] = glam::DMat3::from_quat(collider.pose.rotation).to_cols_array_2d();
    Stance {
        cell: std::array::from_fn(|a| origin[a].saturating_add(split[a] as i32)),
        offset: Vec3::from_fn(|a| collider.pose.position[a] - split[a] * cell_width),
        rotation: Mat3([x, y, z]).transpose(),
        velocity: collider.velocity,
    }
}

/// Fills the bodies in the order of the file.
pub(super) fn fill(
    checks: &Checks<'_>,
    shapes: &Shapes<'_>,
    materials: &[Material],
    ground: &Ground<'_>,
) -> Result<Filled, SceneError> {
    let scene = checks.scene;
    if scene.body.is_empty() && scene.emitter.is_empty() && scene.terrain.is_none() {
        let message =
            "the scene has no particles: it has no `[[body]]`, no `[[emitter]]` and no `[terrain]`";
        return Err(scene
            .error(&KeyPath::default(), message)
            .with_help("add a `[[body]]` with `name`, `material` and `shape`"));
    }
    let mut filled =
        Filled { bodies: Vec::new(), particles: Particles::default(), state: State::default() };
    for (index, body) in scene.body.iter().enumerate() {
        let at = KeyPath::root("body").index(index);
        let material = materials.iter().position(|m| m.name == body.material).unwrap_or(0);
        let &Ground { cell_width, gravity, .. } = ground;
        let material_of = &materials[material];
        let filler =
            Filler { checks, shapes, at, body, material: material_of, cell_width, gravity, ground };
        let room = MAX_PARTICLES - filled.state.particle_count();
        let first = filled.state.particle_count();
        for particle in filler.particles(room)? {
            filled.push(
                particle,
                index as u32,
                material as u32,
                materials[material].density,
                scene,
            );
        }
        let range = first..filled.state.particle_count();
        let name = body.name.clone();
        filled.bodies.push(Body { name, material: material as u32, particles: range });
    }
    Ok(filled)
}

impl Filled {
    /// Adds a particle that comes later.
    pub fn push_absent(&mut self, body: u32, material: u32, density: f64, volume: f64) {
        self.state.push_absent();
        self.push_constants((body, material), density, volume, 0);
    }

    /// Says which particles are there at the start, if any ever come or go.
    pub fn note_absent(&mut self, emitters: &[Emitter], sinks: &[Sink]) {
        if emitters.is_empty() && sinks.is_empty() {
            return;
        }
        self.state.life = vec![Life::Present; self.state.particle_count()];
        for emitter in emitters {
            let body = &self.bodies[emitter.body as usize];
            self.state.life[body.particles.clone()].fill(Life::Unborn);
        }
    }

    /// Adds those of some particles, which say what they are, that belong to a body.
    pub fn append(&mut self, from: &State<f64>, held: bool, body: u32) {
        let Some(particles) = from.particles.as_deref() else { return };
        for p in (0..from.particle_count()).filter(|&p| particles.body[p] == body) {
            self.state.cell.push(from.cell[p]);
            self.state.offset.push(from.offset[p]);
            self.state.v.push(from.v[p]);
            self.state.c.push(from.c[p]);
            self.state.f.push(from.f[p]);
            self.state.history.push(from.history[p]);
            self.particles.mass.push(particles.mass[p]);
            self.particles.volume.push(particles.volume[p]);
            self.particles.material.push(particles.material[p]);
            self.particles.body.push(body);
            self.particles.muscle.push(particles.muscle[p]);
            self.particles.level.push(particles.level[p]);
            // Bodies of the file come first, and none of theirs is held.
            self.particles.held.resize(self.state.particle_count() - 1, false);
            self.particles.held.push(held);
        }
    }

    fn push(&mut self, particle: Particle, body: u32, material: u32, density: f64, scene: &Scene) {
        let mut cell = [0; 3];
        let mut offset = Vec3::zero();
        for axis in 0..3 {
            let (node, rest) = split_position(particle.cells[axis]);
            cell[axis] = node + scene.world.origin_cells[axis];
            offset[axis] = rest;
        }
        self.state.cell.push(cell);
        self.state.offset.push(offset);
        self.state.v.push(particle.v);
        self.state.c.push(particle.c);
        self.state.f.push(particle.f);
        self.state.history.push(particle.history);
        self.push_constants((body, material), density, particle.volume, particle.level);
    }

    fn push_constants(
        &mut self,
        (body, material): (u32, u32),
        density: f64,
        volume: f64,
        level: u8,
    ) {
        self.particles.mass.push(density * volume);
        self.particles.volume.push(volume);
        self.particles.material.push(material);
        self.particles.body.push(body);
        self.particles.muscle.push(NO_MUSCLE);
        self.particles.level.push(level);
    }
}

/// What is needed to fill one body.
struct Filler<'a> {
    checks: &'a Checks<'a>,
    shapes: &'a Shapes<'a>,
    at: KeyPath,
    body: &'a scene::Body,
    material: &'a Material,
    cell_width: f64,
    gravity: Vec3<f64>,
    ground: &'a Ground<'a>,
}

impl Filler<'_> {
    fn particles(&self, room: usize) -> Result<Vec<Particle>, SceneError> {
        let checks = self.checks;
        let at = self.at.key("shape");
        let shape = match &self.body.shape {
            BodyShape::Points { file } => return self.load_points(file, room),
            BodyShape::Box { size } => checks.box_(&at, *size)?,
            BodyShape::Sphere { radius } => checks.sphere(&at, *radius)?,
            BodyShape::Capsule { radius, length } => checks.capsule(&at, *radius, *length)?,
            BodyShape::Cylinder { radius, length } => checks.cylinder(&at, *radius, *length)?,
            BodyShape::Mesh { file, scale } => {
                let mesh = self.shapes.mesh(&at, file, *scale)?;
                let extents = Extents::between(mesh.extents);
                let contains = |p| mesh.surface.signed_distance(p) <= 0.0;
                return self.on_lattice(extents, &contains, room);
            }
        };
        self.on_lattice(shape.extents(), &|p| shape.signed_distance(p) <= 0.0, room)
    }

    /// Particles per cell and axis.
    fn per_axis(&self) -> Result<usize, SceneError> {
        self.checks.per_axis(&self.at, self.body.particles_per_cell)
    }

    /// A lattice of world points `(i + 1/2) spacing`, those of it that lie in the shape: a set of
    /// points of the body frame, within its extents.
    fn on_lattice(
        &self,
        extents: Extents,
        contains: &dyn Fn(Vec3<f64>) -> bool,
        room: usize,
    ) -> Result<Vec<Particle>, SceneError> {
        let (checks, body, at) = (self.checks, self.body, &self.at);
        let pose = checks.pose(at, body.position, &body.rotation)?;
        let motion = self.motion()?;
        let bed = self.bed(&pose)?;
        let jitter = checks.within(at, "jitter", body.jitter, (0.0, 1.0))?;
        let per_axis = self.per_axis()? as f64;
        let spacing = self.cell_width / per_axis;

        // The coarsest lattice sites that the shape's extents span
        let top = self.ground.levels.count() as u8 - 1;
        let coarsest = spacing * f64::from(1u32 << top);
        let Extents { middle, half } = extents.turned(pose.rotation);
        let low: [f64; 3] = std::array::from_fn(|a| {
            ((pose.position[a] + middle[a] - half[a]) / coarsest - 1.0).floor()
        });
        let count: [f64; 3] = std::array::from_fn(|a| (2.0 * half[a] / coarsest + 3.0).ceil());
        let volume: f64 = (0..3).map(|a| 2.0 * half[a] / coarsest).product();
        if !(volume <= room as f64 && count.iter().product::<f64>() <= 8.0 * MAX_PARTICLES as f64) {
            return Err(self.too_many(volume));
        }
        for a in 0..3 {
            let cells = coarsest / self.cell_width;
            self.check_reach([low[a], low[a] + count[a]].map(|i| i * cells))?;
        }

        let names: Vec<&str> = checks.scene.collider.iter().map(|c| c.name.as_str()).collect();
        let mut carving = Vec::new();
        for (index, name) in body.carve.iter().enumerate() {
            let at = at.key("carve").index(index);
            carving.push(&self.ground.colliders[checks.resolve(&at, "collider", name, &names)?]);
        }
        let inside = |point: Vec3<f64>| {
            let carved = |collider: &&Collider| {
                let at = collider.pose.body_from_world(point);
                collider.shape.signed_distance(at) < 0.0
            };
            contains(pose.body_from_world(point)) && !carving.iter().any(carved)
        };
        let field = self.ground.field();
        let (per_axis, inside) = (per_axis as i64, &inside);
        let lattice = Lattice { spacing, per_axis, inside, field: &field, ground: self.ground };
        let sites = lattice
            .sites(low.map(|first| first as i64), count.map(|n| n as i64), room)
            .map_err(|reached| self.too_many(reached as f64))?;
        let mut random = ChaCha8Rng::seed_from_u64(body.seed);
        let mut particles = Vec::with_capacity(sites.len());
        for (site, level) in sites {
            let spacing = spacing * f64::from(1u32 << level);
            let moved = site.map(|i| {
                let c = i as f64 + 0.5;
                match jitter {
                    0.0 => c,
                    _ => c + jitter * (random.random::<f64>() - 0.5),
                }
            });
            let x = Vec3(moved.map(|c| c * spacing));
            let rest = match &bed {
                None => AtRest::UNLOADED,
                Some((bed, surface)) => {
                    bed.at((surface - x[2]).max(0.0)).ok_or_else(|| self.crushed(surface - x[2]))?
                }
            };
            particles.push(Particle {
                cells: moved.map(|c| c * (spacing / self.cell_width)),
                v: motion.velocity_at(x),
                c: motion.gradient,
                f: rest.f,
                history: rest.history,
                volume: spacing.powi(3) * rest.volume_ratio,
                level,
            });
        }
        if particles.is_empty() {
            let message = format!(
                "the body `{}` has no particles: its shape holds no point of the lattice with \
                 spacing {spacing} m",
                body.name
            );
            return Err(checks.scene.error(&at.key("shape"), message));
        }
        Ok(particles)
    }

    /// Particles from a file.
    fn load_points(&self, file: &str, room: usize) -> Result<Vec<Particle>, SceneError> {
        let (checks, body) = (self.checks, self.body);
        let scene = checks.scene;
        for (given, key) in [
            (body.rotation.is_some(), "rotation"),
            (body.jitter != 0.0, "jitter"),
            (body.at_rest, "at_rest"),
        ] {
            if given {
                let message = format!("`{key}` does not apply to a body of `points`");
                return Err(scene.error(&self.at.key(key), message));
            }
        }
        let origin = checks.vector(&self.at, "position", body.position)?;
        let motion = self.motion()?;
        let default_volume = (self.cell_width / self.per_axis()? as f64).powi(3);

        let file_at = self.at.key("shape").key("file");
        let wrong = |error: NpzError| scene.error(&file_at, error.to_string());
        let mut npz = Npz::open(&scene.source.resolve(file)).map_err(wrong)?;
        let x = npz.array("x", &[None, Some(3)]).map_err(wrong)?;
        let count = x.shape()[0];
        if count == 0 {
            let message = format!("the body `{}` has no particles: `x` is empty", body.name);
            return Err(scene.error(&file_at, message));
        }
        if count > room {
            return Err(self.too_many(count as f64));
        }
        let mut optional = |name: &str, shape: &[Option<usize>]| match npz.contains(name) {
            true => npz.array(name, shape).map(Some).map_err(wrong),
            false => Ok(None),
        };
        let (n, three) = (Some(count), Some(3));
        let v = optional("v", &[n, three])?;
        let c = optional("C", &[n, three, three])?;
        let f = optional("F", &[n, three, three])?;
        let volume = optional("volume", &[n])?;

        let vector = |array: &ndarray::ArrayD<f64>, p: usize| Vec3::from_fn(|a| array[[p, a]]);
        let matrix =
            |array: &ndarray::ArrayD<f64>, p: usize| Mat3::from_fn(|a, b| array[[p, a, b]]);
        let mut particles = Vec::with_capacity(count);
        for p in 0..count {
            let position = vector(&x, p) + origin;
            let cells = position.0.map(|x| x / self.cell_width);
            self.check_reach(cells)?;
            let f = f.as_ref().map_or_else(Mat3::identity, |f| matrix(f, p));
            if f.determinant() <= 0.0 {
                let message = format!(
                    "`F` of particle {p} in `{file}` has determinant {}; it must be greater \
                     than zero",
                    f.determinant()
                );
                return Err(scene.error(&file_at, message));
            }
            let volume = volume.as_ref().map_or(default_volume, |volume| volume[[p]]);
            if volume <= 0.0 {
                let message = format!(
                    "`volume` of particle {p} in `{file}` is {volume} m³; it must be greater \
                     than zero"
                );
                return Err(scene.error(&file_at, message));
            }
            let own_v = v.as_ref().map_or_else(Vec3::zero, |v| vector(v, p));
            let own_c = c.as_ref().map_or_else(Mat3::zero, |c| matrix(c, p));
            particles.push(Particle {
                cells,
                v: own_v + motion.velocity_at(position),
                c: own_c + motion.gradient,
                f,
                history: 0.0,
                volume,
                level: 0,
            });
        }
        Ok(particles)
    }

    /// The initial velocity field of the body.
    fn motion(&self) -> Result<Motion, SceneError> {
        let (checks, body, at) = (self.checks, self.body, &self.at);
        for row in body.velocity_gradient {
            checks.vector(at, "velocity_gradient", row)?;
        }
        let omega = checks.vector(at, "angular_velocity", body.angular_velocity)?;
        Ok(Motion {
            centre: checks.vector(at, "position", body.position)?,
            velocity: checks.vector(at, "velocity", body.velocity)?,
            gradient: Mat3::from_f64(body.velocity_gradient) + Mat3::cross_matrix(omega),
        })
    }

    /// The bed at rest that this body is part of, and the height of its surface [m].
    fn bed(&self, pose: &Pose) -> Result<Option<(Bed, f64)>, SceneError> {
        if !self.body.at_rest {
            return Ok(None);
        }
        let refuse = |message: &str| {
            Err(self.checks.scene.error(&self.at.key("at_rest"), format!("`at_rest` {message}")))
        };
        let BodyShape::Box { size } = self.body.shape else {
            return refuse("needs a shape of type `box`");
        };
        if self.body.rotation.is_some() {
            return refuse("needs a box that is not rotated");
        }
        let [gx, gy, gz] = self.gravity.0;
        if gx != 0.0 || gy != 0.0 || gz > 0.0 {
            return refuse("needs gravity that points down, along -z");
        }
        let bed = Bed { law: self.material.law, density: self.material.density, gravity: -gz };
        Ok(Some((bed, pose.position[2] + 0.5 * size[2])))
    }

    fn crushed(&self, depth: f64) -> SceneError {
        let message = format!(
            "the material `{}` cannot be at rest {depth:.3} m below the surface: its weight \
             would crush it to nothing",
            self.material.name
        );
        self.checks.scene.error(&self.at.key("at_rest"), message)
    }

    fn too_many(&self, count: f64) -> SceneError {
        let message = format!(
            "the body `{}` needs about {count:.3e} particles at cell width {} m; a scene may have \
             {MAX_PARTICLES}",
            self.body.name, self.cell_width
        );
        self.checks.scene.error(&self.at.key("shape"), message)
    }

    /// Refuses coordinates [cells] that a 32-bit cell index does not hold.
    fn check_reach<const N: usize>(&self, cells: [f64; N]) -> Result<(), SceneError> {
        let origin = self.checks.scene.world.origin_cells;
        let farthest_origin = origin.iter().map(|o| f64::from(*o).abs()).fold(0.0, f64::max);
        for cell in cells {
            if cell.abs() + farthest_origin > MAX_CELL {
                let message = format!(
                    "the body `{}` lies {:.3e} cells from the origin; at most {MAX_CELL:.3e} are \
                     possible",
                    self.body.name,
                    cell.abs() + farthest_origin
                );
                return Err(self.checks.scene.error(&self.at.key("position"), message));
            }
        }
        Ok(())
    }
}

/// An affine velocity field.
struct Motion {
    centre: Vec3<f64>,
    velocity: Vec3<f64>,
    gradient: Mat3<f64>,
}

impl Motion {
    fn velocity_at(&self, x: Vec3<f64>) -> Vec3<f64> {
        self.velocity + self.gradient * (x - self.centre)
    }
}

/// Refuses particles that start inside a collider.
pub(super) fn check_overlap(checks: &Checks<'_>, model: &Model) -> Result<(), SceneError> {
    for (index, body) in model.bodies.iter().take(checks.scene.body.len()).enumerate() {
        let coarsest = f64::from(1u32 << (model.levels.count() - 1));
        let fill = BED_FILL_CELLS * coarsest;
        let allowed = if checks.scene.body[index].at_rest { fill } else { TOUCH_CELLS };
        for collider in &model.colliders {
            let inside = |x: &Vec3<f64>| {
                let distance = collider.shape.signed_distance(collider.pose.body_from_world(*x));
                distance < -allowed * model.cell_width
            };
            let positions = body
                .particles
                .clone()
                .map(|p| Vec3(model.initial.world_position(p, model.cell_width, model.origin)));
            let mut trapped = positions.filter(inside);
            let Some(first) = trapped.next() else { continue };
            let message = format!(
                "{} of {} particles of the body `{}` start inside the collider `{}`, \
                 the first at {:.4?} m",
                1 + trapped.count(),
                body.particles.len(),
                body.name,
                collider.name,
                first.0
            );
            let at = KeyPath::root("body").index(index);
            return Err(checks.scene.error(&at, message).with_help(
                "move one of them; only a bed that is `at_rest` may reach two cells into colliders",
            ));
        }
    }
    Ok(())
}
