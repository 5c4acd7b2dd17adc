//! Unbounded ground: the table `[terrain]` checked, and the chunks around the agents made.

use super::bodies::{BED_FILL_CELLS, Filled, MAX_PARTICLES};
use super::checks::Checks;
use super::shapes::Shapes;
use crate::math::Vec3;
use crate::model::geometry::distance_to_solids;
use crate::model::rest::Bed;
use crate::model::terrain::Layer;
use crate::model::{
    Body, Collider, FILL_CELLS, Field, Frame, Levels, Material, Pose, Relief, RigidBody, Shape,
    Site, Stance, Terrain, around,
};
use crate::mpm::state::{Chunk, Chunks, RigidMotion};
use crate::scene::{self, KeyPath, SceneError};
use std::sync::Arc;

/// The most octaves of noise: the last is then a millionth as wide as the first.
const MOST_OCTAVES: u32 = 20;

/// What terrain is made in.
pub(super) struct World<'a> {
    pub checks: &'a Checks<'a>,
    pub shapes: &'a Shapes<'a>,
    pub frame: Frame,
    pub gravity: [f64; 3],
    pub materials: &'a [Material],
    pub colliders: &'a [Collider],
    pub bodies: &'a [RigidBody],
    pub motions: &'a [RigidMotion<f64>],
}

/// The terrain of the scene, and into `levels` what it adds to them.
pub(super) fn resolve(world: &World<'_>, levels: &mut Levels) -> Result<(), SceneError> {
    let (checks, scene) = (world.checks, world.checks.scene);
    let Some(said) = &scene.terrain else { return Ok(()) };
    let at = KeyPath::root("terrain");
    let refuse = |at: &KeyPath, message: String| Err(scene.error(at, message));
    if levels.sleep.is_none() {
        let message = "`[terrain]` needs `[levels]` with `agents`, around which it is made";
        return refuse(&at, message.into());
    }
    let [gx, gy, gz] = world.gravity;
    if gx != 0.0 || gy != 0.0 || gz > 0.0 {
        let message = "`[terrain]` needs gravity that points down, along -z";
        return refuse(&KeyPath::root("world").key("gravity"), message.into());
    }
    let per_axis = checks.per_axis(&at, said.particles_per_cell)? as u32;
    if ![1, 2, 4].contains(&per_axis) {
        let message = format!(
            "`particles_per_cell` is {}; here it must be 1, 8 or 64, so that eight particles make one of \
             the next level",
            said.particles_per_cell
        );
        return refuse(&at.key("particles_per_cell"), message);
    }
    let bottom = checks.finite(&at, "bottom", said.bottom)?;
    let mut relief = Vec::new();
    for (index, part) in said.relief.iter().enumerate() {
        relief.push(resolve_relief(
            world,
            &at.key("relief").index(index),
            part,
            (said.seed, index),
        )?);
    }
    let still = world.colliders.iter().enumerate().filter(|&(c, _)| !moves(levels, c));
    let mut terrain = Terrain {
        relief,
        layers: Vec::new(),
        bottom,
        per_axis,
        carved: Vec::new(),
        carriers: still.map(|(_, c)| (c.shape.clone(), c.pose)).collect(),
    };
    let [lowest, highest] = terrain.range();
    if lowest <= bottom {
        let message = format!(
            "`bottom` is {bottom} m, and the surface goes down to {lowest} m; it must lie below that"
        );
        return refuse(&at.key("bottom"), message);
    }
    layers(world, said, &mut terrain, highest - bottom)?;
    carried(world, &terrain, levels)?;
    let names: Vec<&str> = scene.collider.iter().map(|c| c.name.as_str()).collect();
    for (index, name) in said.carve.iter().enumerate() {
        let collider = checks.resolve(&at.key("carve").index(index), "collider", name, &names)?;
        if !moves(levels, collider) {
            let Collider { shape, pose, .. } = &world.colliders[collider];
            terrain.carved.push((shape.clone(), *pose));
        }
    }
    levels.per_axis.extend(terrain.layers.iter().map(|_| per_axis));
    if let Some(sleep) = &mut levels.sleep {
        sleep.terrain = Some(Arc::new(terrain));
    }
    Ok(())
}

/// Whether a collider may come to be elsewhere.
fn moves(levels: &Levels, collider: usize) -> bool {
    let mut movers = levels.sleep.iter().flat_map(|sleep| &sleep.movers);
    levels.agents.iter().any(|agent| agent.collider == collider)
        || movers.any(|&(mover, _)| mover == collider)
}

fn layers(
    world: &World<'_>,
    said: &scene::Terrain,
    terrain: &mut Terrain,
    deepest: f64,
) -> Result<(), SceneError> {
    let (checks, scene) = (world.checks, world.checks.scene);
    let at = KeyPath::root("terrain").key("layer");
    if said.layer.is_empty() {
        let message = "the terrain has no `[[terrain.layer]]`: it is made of nothing";
        return Err(scene.error(&KeyPath::root("terrain"), message));
    }
    let names: Vec<&str> = said.layer.iter().map(|layer| layer.name.as_str()).collect();
    for (index, name) in names.iter().enumerate() {
        let taken = scene.body.iter().any(|body| body.name == *name);
        if taken || names[..index].contains(name) || name.is_empty() {
            let message = format!(
                "the name `{name}` is taken or empty; a layer counts as a body, and names must be unique"
            );
            return Err(scene.error(&at.index(index).key("name"), message));
        }
    }
    let (mut depth, mut above): (f64, Option<(Bed, f64)>) = (0.0, None);
    for (index, layer) in said.layer.iter().enumerate() {
        let at = at.index(index);
        if depth >= deepest {
            let message = format!(
                "the layer `{}` is nowhere: those above it are {depth:.3} m thick, the ground at most {deepest:.3} m",
                layer.name
            );
            return Err(scene.error(&at.key("name"), message));
        }
        let last = index + 1 == said.layer.len();
        let thickness = match (layer.thickness, last) {
            (Some(thickness), false) => checks.positive(&at, "thickness", thickness, "m")?,
            (None, true) => f64::INFINITY,
            (None, false) => {
                let message = "missing key `thickness`; only the last layer has none";
                return Err(scene.error(&at, message));
            }
            (Some(_), true) => {
                let message = "the last layer goes down to the bottom; it has no `thickness`";
                return Err(scene.error(&at.key("thickness"), message));
            }
        };
        let material = world.materials.iter().position(|m| m.name == layer.material).unwrap_or(0);
        let Material { law, density, .. } = world.materials[material];
        let bed = Bed { law, density, gravity: -world.gravity[2] };
        let crushed = |depth: f64| {
            let message = format!(
                "the material `{}` cannot be at rest {depth:.3} m below the surface: the weight above \
                 would crush it to nothing",
                layer.material
            );
            scene.error(&at.key("material"), message)
        };
        let weight_above = match &above {
            None => 0.0,
            Some((bed_above, weight)) => {
                bed.weight_of(bed_above, *weight).ok_or_else(|| crushed(depth))?
            }
        };
        let end = (depth + thickness).min(deepest.max(depth));
        let weight = weight_above + bed.weight(end - depth);
        bed.under(weight).ok_or_else(|| crushed(end))?;
        let depth_range = depth..depth + thickness;
        let body = (scene.body.len() + index) as u32;
        let material = material as u32;
        terrain.layers.push(Layer { body, material, bed, depth: depth_range, weight_above });
        above = Some((bed, weight));
        depth += thickness;
    }
    Ok(())
}

/// Refuses ground that nothing carries: its bottom has to lie in a collider that stands still, by no more
/// than a bed at rest may.
fn carried(world: &World<'_>, terrain: &Terrain, levels: &Levels) -> Result<(), SceneError> {
    let scene = world.checks.scene;
    let coarsest = world.frame.cell_width * f64::from(1u32 << (levels.count() - 1));
    let at = KeyPath::root("terrain").key("bottom");
    // Under the agents, where it is made first.
    let places = levels.agents.iter().map(|agent| world.colliders[agent.collider].pose.position);
    for place in places.chain(levels.regions.iter().map(|region| region.position)) {
        let point = Vec3([place[0], place[1], terrain.bottom]);
        let distance = distance_to_solids(&terrain.carriers, point);
        let (surface, _) = terrain.height(place[0], place[1]);
        let fill = FILL_CELLS * coarsest;
        let floor = terrain.bottom + fill;
        let help = match floor < surface {
            true => format!(
                "add a `[[collider]]` of type `half_space` at z = {floor:.3}: {FILL_CELLS} coarsest cells above the \
                 bottom"
            ),
            false => format!(
                "the ground is too thin for {} levels: put its floor {FILL_CELLS} coarsest cells, {fill:.3} m, above a \
                 lower `bottom`, or use fewer levels",
                levels.count()
            ),
        };
        if distance > 0.0 {
            let nearest = match distance.is_finite() {
                true => format!("the nearest one that stands still is {distance:.3} m away"),
                false => "none stands still".into(),
            };
            let message = format!(
                "`bottom` is {} m, and no collider carries the ground there: {nearest}",
                terrain.bottom
            );
            return Err(scene.error(&at, message).with_help(help));
        }
        let top = Vec3([place[0], place[1], surface]);
        let fills = |(shape, pose): &&(Shape, Pose)| {
            [point, top].iter().all(|&at| shape.signed_distance(pose.body_from_world(at)) < 0.0)
        };
        if terrain.carriers.iter().any(|carrier| fills(&carrier)) {
            let message = format!(
                "all of the ground from `bottom`, {} m, to its surface at {surface:.3} m lies inside a collider",
                terrain.bottom
            );
            let help = "put that collider lower, or the surface higher";
            return Err(scene.error(&at, message).with_help(help));
        }
        if let Err(error) = terrain.check_carried_at(world.frame, levels, [place[0], place[1]]) {
            return Err(scene.error(&at, error.to_string()).with_help(help));
        }
        if distance < -BED_FILL_CELLS * coarsest {
            let message = format!(
                "`bottom` is {} m, {:.3} m inside a collider; at most {:.3} m, two cells of the coarsest \
                 level, are filled",
                terrain.bottom,
                -distance,
                BED_FILL_CELLS * coarsest
            );
            return Err(scene.error(&at, message));
        }
    }
    Ok(())
}

fn resolve_relief(
    world: &World<'_>,
    at: &KeyPath,
    said: &scene::Relief,
    (seed, index): (u64, usize),
) -> Result<Relief, SceneError> {
    let (checks, scene) = (world.checks, world.checks.scene);
    let finite = |key: &str, value: f64| checks.finite(at, key, value);
    let pair = |key: &str, value: [f64; 2]| {
        checks.vector(at, key, [value[0], value[1], 0.0]).map(|_| value)
    };
    let rise = |from: [f64; 2], to: [f64; 2], height: f64, steps: Option<u32>| {
        let (from, to) = (pair("from", from)?, pair("to", to)?);
        let length = (to[0] - from[0]).hypot(to[1] - from[1]);
        if length == 0.0 {
            let message = format!("`from` and `to` are both {from:?}; they must be apart");
            return Err(scene.error(&at.key("to"), message));
        }
        let along = [0, 1].map(|a| (to[a] - from[a]) / length);
        Ok(Relief::Rise { from, along, length, height: finite("height", height)?, steps })
    };
    Ok(match said {
        scene::Relief::Level { height } => Relief::Level { height: finite("height", *height)? },
        scene::Relief::Noise { amplitude, wavelength, octaves, gain } => {
            let amplitude = checks.within(at, "amplitude", *amplitude, (0.0, f64::INFINITY))?;
            let wavelength = checks.positive(at, "wavelength", *wavelength, "m")?;
            let gain = checks.within(at, "gain", *gain, (0.0, 1.0))?;
            if !(1..=MOST_OCTAVES).contains(octaves) {
                let message =
                    format!("`octaves` is {octaves}; it must be between 1 and {MOST_OCTAVES}");
                return Err(scene.error(&at.key("octaves"), message));
            }
            let sum: f64 = (0..*octaves).map(|n| gain.powi(n as i32)).sum();
            let octave = |n: u32| {
                let share = gain.powi(n as i32) / sum;
                [amplitude * share, wavelength / f64::from(1u32 << n)]
            };
            // Several of one terrain differ.
            let seed = seed.wrapping_add((index as u64) << 32);
            Relief::Noise { seed, octaves: (0..*octaves).map(octave).collect() }
        }
        scene::Relief::Ramp { from, to, height } => rise(*from, *to, *height, None)?,
        scene::Relief::Steps { from, to, height, count } => {
            if *count == 0 {
                return Err(scene.error(&at.key("count"), "`count` is 0; it must be 1 or greater"));
            }
            rise(*from, *to, *height, Some(*count))?
        }
        scene::Relief::Heights { size, position, heights, stepped } => {
            let position = pair("position", *position)?;
            let grid = world.shapes.height_grid(at, *size, ("heights", heights))?;
            match stepped {
                true => {
                    let (size, counts) = (*size, grid.counts);
                    Relief::Blocks { position, size, counts, heights: grid.heights }
                }
                false => {
                    let Shape::HeightField(field) =
                        world.shapes.height_field(at, *size, heights)?
                    else {
                        unreachable!("a height field")
                    };
                    Relief::Heights { position, field }
                }
            }
        }
    })
}

/// The field of levels and the stances of colliders at the start.
pub(super) struct Start<'a> {
    pub field: Field<f64>,
    pub stance: &'a dyn Fn(usize) -> Stance,
}

/// Adds the layers as bodies, with what is there of them at the start.
pub(super) fn fill(
    world: &World<'_>,
    levels: &Levels,
    start: &Start<'_>,
    filled: &mut Filled,
) -> Result<(), SceneError> {
    let scene = world.checks.scene;
    let Some(sleep) = &levels.sleep else { return Ok(()) };
    let (Some(terrain), Some(said)) = (&sleep.terrain, &scene.terrain) else { return Ok(()) };
    let frame = world.frame;
    let bodies = world.motions.iter().copied().zip(world.bodies.iter().map(RigidBody::reach));
    let near = sleep.near(frame, &levels.wakers(frame, start.stance, bodies));
    let mut chunks = Chunks::new();
    for &key in &near {
        for other in around(key) {
            chunks.insert(other, Chunk::Held { touched: false });
        }
    }
    chunks.extend(near.iter().map(|&key| (key, Chunk::Awake { quiet: 0 })));
    // At the start what moves is carved out as well.
    let names = |name: &String| scene.collider.iter().position(|c| c.name == *name);
    let carved: Vec<(Shape, Pose)> = said
        .carve
        .iter()
        .filter_map(names)
        .filter(|&collider| moves(levels, collider))
        .map(|c| (world.colliders[c].shape.clone(), world.colliders[c].pose))
        .collect();
    let (field, chunk_cells) = (&start.field, sleep.chunk_cells);
    let site = Site { frame, chunk_cells, levels, field, carved: &carved };
    let mut made = Vec::new();
    let mut room = MAX_PARTICLES - filled.state.particle_count();
    let at = KeyPath::root("terrain");
    for (&key, chunk) in &chunks {
        let held = matches!(chunk, Chunk::Held { .. });
        let state = terrain
            .check_carried(&site, key)
            .and_then(|()| terrain.chunk(&site, key))
            .map_err(|error| scene.error(&at, error.to_string()))?;
        room = room.checked_sub(state.particle_count()).ok_or_else(|| {
            let message = format!(
                "the ground around what moves needs more particles than are left of the {MAX_PARTICLES} that \
                 a scene may have, in {} chunks",
                chunks.len()
            );
            scene.error(&at, message)
        })?;
        made.push((state, held));
    }
    for (layer, said) in terrain.layers.iter().zip(&said.layer) {
        let first = filled.state.particle_count();
        for (state, held) in &made {
            filled.append(state, *held, layer.body);
        }
        let particles = first..filled.state.particle_count();
        filled.bodies.push(Body { name: said.name.clone(), material: layer.material, particles });
    }
    filled.state.chunks = Arc::new(chunks);
    Ok(())
}
