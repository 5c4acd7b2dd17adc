//! From what a scene says to what a simulator needs: names resolved, shapes filled with particles,
//! the substep fixed, everything checked.

use super::{
    ActionChannel, ActionTarget, Collider, Contact, ContactMode, Family, Field, Frame, Law,
    LawKind, Material, Model, Muscle, Shape,
};
use crate::math::Vec3;
use crate::mpm::state::{NO_MUSCLE, State};
use crate::scene::{self, Fidelity, KeyPath, Scene, SceneError, StatedLaw};
use checks::Checks;
use glam::{DQuat, DVec3};
use shapes::{Named, Shapes};

mod bodies;
mod checks;
mod effectors;
mod emission;
mod lattice;
mod levels;
mod rigid;
mod shapes;
mod sleep;
mod substep;
mod terrain;

pub use bodies::MAX_PARTICLES;
pub use substep::{Stability, stability};

/// Makes a scene ready to run at a fidelity.
///
/// # Errors
/// Anything in the scene that cannot be simulated as it is said, with its place in the file: values
/// out of range, unknown or duplicate names, files that are missing or ill-shaped, bodies without
/// particles or inside colliders, a substep that is not stable.
pub fn compile(scene: &Scene, fidelity: Fidelity) -> Result<Model, SceneError> {
    let checks = Checks { scene };
    let world = &scene.world;
    let at = KeyPath::root("world");

    // World
    let cell_width = cell_width(&checks, fidelity)?;
    let gravity = checks.vector(&at, "gravity", world.gravity)?;
    let control_secs = checks.positive(&at, "control_secs", world.control_secs, "s")?;
    checks.positive(&at, "duration_secs", world.duration_secs, "s")?;

    // What there is
    let names: Vec<&str> = scene.body.iter().map(|body| body.name.as_str()).collect();
    checks.names("body", &names)?;
    let materials = materials(&checks)?;
    let shapes = Shapes::new(&checks, cell_width);
    let colliders = colliders(&checks, &shapes)?;
    let mut levels = levels::resolve(&checks, &shapes, &colliders, cell_width)?;
    let rigid = rigid::resolve(&checks, &shapes, cell_width)?;
    let frame = Frame { cell_width, origin: world.origin_cells };
    let unbounded = terrain::World {
        checks: &checks,
        shapes: &shapes,
        frame,
        gravity: gravity.0,
        materials: &materials,
        colliders: &colliders,
        bodies: &rigid.bodies,
        motions: &rigid.motions,
    };
    terrain::resolve(&unbounded, &mut levels)?;
    let ground = bodies::Ground { cell_width, gravity, colliders: &colliders, levels: &levels };
    let mut filled = bodies::fill(&checks, &shapes, &materials, &ground)?;
    let stance = |collider: usize| bodies::stance(&colliders[collider], cell_width, frame.origin);
    let field = Field::new(&levels, cell_width, frame.origin, stance);
    let start = terrain::Start { field, stance: &stance };
    terrain::fill(&unbounded, &levels, &start, &mut filled)?;
    let emitters = emission::emitters(&checks, &materials, cell_width, &mut filled)?;
    let sinks = emission::sinks(&checks)?;
    emission::check_levels(&checks, &levels)?;
    filled.note_absent(&emitters, &sinks);
    let mut actions = effectors::channels(&checks, &colliders, &emitters)?;

    let mut model = Model {
        name: scene.name.clone(),
        cell_width,
        substep_secs: control_secs,
        substeps_per_control: 1,
        gravity,
        origin: world.origin_cells,
        materials,
        bodies: filled.bodies,
        colliders,
        rigid_bodies: rigid.bodies,
        emitters,
        sinks,
        muscles: Vec::new(),
        actions: Vec::new(),
        particles: filled.particles,
        initial: State { rigid: rigid.motions, ..filled.state },
        levels,
    };
    actions.extend(muscles(&checks, &mut model)?);
    model.actions = actions;

    // How it fits together
    bodies::check_overlap(&checks, &model)?;
    emission::check_overlap(&checks, &model)?;
    rigid::check(&checks, &model)?;
    substep::set(&checks, &mut model)?;
    if let Some(task) = &scene.task
        && task.horizon == 0
    {
        let at = KeyPath::root("task").key("horizon");
        return Err(scene.error(&at, "`horizon` is 0 control steps; it must be 1 or greater"));
    }
    Ok(model)
}

/// Cell width [m] at a fidelity.
fn cell_width(checks: &Checks<'_>, fidelity: Fidelity) -> Result<f64, SceneError> {
    let scene = checks.scene;
    let other = match fidelity {
        Fidelity::Standard => {
            let at = KeyPath::root("world");
            return checks.positive(&at, "cell_width", scene.world.cell_width, "m");
        }
        Fidelity::Preview => &scene.fidelity.preview,
        Fidelity::Fine => &scene.fidelity.fine,
    };
    let at = KeyPath::root("fidelity").key(fidelity.name());
    match other {
        Some(resolution) => checks.positive(&at, "cell_width", resolution.cell_width, "m"),
        None => {
            let name = fidelity.name();
            let message = format!("the scene has no fidelity `{name}`");
            Err(scene
                .error(&at, message)
                .with_help(format!("add `[fidelity]` with `{name} = {{ cell_width = .. }}`")))
        }
    }
}

/// The materials of the file, then the built-in ones that bodies and emitters name.
fn materials(checks: &Checks<'_>) -> Result<Vec<Material>, SceneError> {
    let scene = checks.scene;
    let declared: Vec<&str> = scene.material.iter().map(|m| m.name.as_str()).collect();
    checks.names("material", &declared)?;
    let mut materials = Vec::new();
    for (index, material) in scene.material.iter().enumerate() {
        let at = KeyPath::root("material").index(index);
        if scene::built_in_material(&material.name).is_some() {
            let message =
                format!("`{}` is a built-in material; choose another name", material.name);
            return Err(scene.error(&at.key("name"), message));
        }
        materials.push(resolve_material(checks, &at, material)?);
    }
    let of_bodies = scene.body.iter().map(|body| &body.material).enumerate();
    let of_emitters = scene.emitter.iter().map(|emitter| &emitter.material).enumerate();
    let layers = scene.terrain.iter().flat_map(|terrain| &terrain.layer);
    let of_layers = layers.map(|layer| &layer.material).enumerate();
    let named = of_bodies.map(|named| (KeyPath::root("body"), named));
    let named = named.chain(of_emitters.map(|named| (KeyPath::root("emitter"), named)));
    let layer_at = || KeyPath::root("terrain").key("layer");
    for (section, (index, name)) in named.chain(of_layers.map(|named| (layer_at(), named))) {
        if materials.iter().any(|m| m.name == *name) {
            continue;
        }
        let at = section.index(index).key("material");
        match scene::built_in_material(name) {
            Some((density, law)) => {
                materials.push(Material { name: name.clone(), density, law });
            }
            None => {
                let known = [declared.as_slice(), &scene::BUILT_IN_MATERIALS].concat();
                checks.resolve(&at, "material", name, &known)?;
            }
        }
    }
    Ok(materials)
}

/// A material with its parameters checked and its angles in radians.
fn resolve_material(
    checks: &Checks<'_>,
    at: &KeyPath,
    material: &scene::Material,
) -> Result<Material, SceneError> {
    let preset = match &material.preset {
        None => None,
        Some(name) => {
            let known = scene::BUILT_IN_MATERIALS;
            checks.resolve(&at.key("preset"), "preset", name, &known)?;
            scene::built_in_material(name)
        }
    };
    let missing = |key: &str| {
        let error = checks.scene.error(at, format!("missing key `{key}`"));
        error.with_help(format!("state `{key}`, or a `preset` to take it from"))
    };
    let density = match (material.density, preset) {
        (Some(density), _) => checks.positive(at, "density", density, "kg/m³")?,
        (None, Some((density, _))) => density,
        (None, None) => return Err(missing("density")),
    };
    let law = match (&material.law, preset) {
        (Some(StatedLaw::Whole(law)), _) => *law,
        (Some(StatedLaw::Changes(changes)), Some((_, law))) => {
            changed_law(checks, &at.key("law"), law, changes)?
        }
        (Some(StatedLaw::Changes(_)), None) => {
            let names = LawKind::NAMES.join("`, `");
            let message = format!("missing key `type` (one of `{names}`)");
            return Err(checks.scene.error(&at.key("law"), message));
        }
        (None, Some((_, law))) => law,
        (None, None) => return Err(missing("law")),
    };
    let at = at.key("law");
    for (parameter, value) in law.spec().parameters.iter().zip(law.values()) {
        let checked = parameter.check(parameter.to_scene(value));
        checked.map_err(|message| checks.scene.error(&at.key(parameter.key), message))?;
    }
    Ok(Material { name: material.name.clone(), density, law })
}

/// A preset's law with other values for some of its keys.
fn changed_law(
    checks: &Checks<'_>,
    at: &KeyPath,
    law: Law,
    changes: &[(String, f64)],
) -> Result<Law, SceneError> {
    let mut values = law.values();
    for (key, value) in changes {
        let what = format!("key of the law `{}`", law.spec().name);
        let place = checks.resolve(&at.key(key), &what, key, law.kind().keys())?;
        values[place] = law.spec().parameters[place].to_code(*value);
    }
    Ok(Law::from_values(law.kind(), &values))
}

fn colliders(checks: &Checks<'_>, shapes: &Shapes<'_>) -> Result<Vec<Collider>, SceneError> {
    let scene = checks.scene;
    let names: Vec<&str> = scene.collider.iter().map(|c| c.name.as_str()).collect();
    checks.names("collider", &names)?;
    let resolve = |(index, collider): (usize, &scene::Collider)| {
        let at = KeyPath::root("collider").index(index);
        let mut pose = checks.pose(&at, collider.position, &collider.rotation)?;
        let shape_at = at.key("shape");
        let contact = contact(checks, &at, &collider.contact, collider.softness)?;
        let shape = match collider.shape {
            scene::ColliderShape::HalfSpace { normal } => {
                let normal = checks.direction(&shape_at, "normal", normal)?;
                // The plane's own frame has the normal along +z.
                pose.rotation *= DQuat::from_rotation_arc(DVec3::Z, DVec3::from_array(normal.0));
                Shape::HalfSpace
            }
            scene::ColliderShape::Box { size } => checks.box_(&shape_at, size)?,
            scene::ColliderShape::Sphere { radius } => checks.sphere(&shape_at, radius)?,
            scene::ColliderShape::Capsule { radius, length } => {
                checks.capsule(&shape_at, radius, length)?
            }
            scene::ColliderShape::Cylinder { radius, length } => {
                checks.cylinder(&shape_at, radius, length)?
            }
            scene::ColliderShape::Mesh { ref file, scale, spacing } => {
                let felt = contact.softness + shapes.felt_by_bodies();
                let felt = felt.max(shapes.felt_by_sensors(collider));
                shapes.solid_mesh(&shape_at, &Named { file, scale, spacing }, felt)?
            }
            scene::ColliderShape::HeightField { size, ref heights } => {
                shapes.height_field(&shape_at, size, heights)?
            }
        };
        Ok(Collider {
            name: collider.name.clone(),
            shape,
            contact,
            pose,
            velocity: checks.vector(&at, "velocity", collider.velocity)?,
            angular_velocity: checks.vector(&at, "angular_velocity", collider.angular_velocity)?,
        })
    };
    scene.collider.iter().enumerate().map(resolve).collect()
}

/// What happens at a surface, with its values checked.
fn contact(
    checks: &Checks<'_>,
    at: &KeyPath,
    contact: &scene::Contact,
    softness: f64,
) -> Result<Contact, SceneError> {
    let range = (0.0, f64::INFINITY);
    let (mode, friction) = match *contact {
        scene::Contact::Sticky {} => (ContactMode::Sticky, 0.0),
        scene::Contact::Slip {} => (ContactMode::Slip, 0.0),
        scene::Contact::Separate { friction } => {
            let at = at.key("contact");
            (ContactMode::Separate, checks.within(&at, "friction", friction, range)?)
        }
    };
    Ok(Contact { mode, friction, softness: checks.within(at, "softness", softness, range)? })
}

/// Gives particles to the muscles, and returns the action channels of these.
fn muscles(checks: &Checks<'_>, model: &mut Model) -> Result<Vec<ActionChannel>, SceneError> {
    let scene = checks.scene;
    let names: Vec<&str> = scene.muscle.iter().map(|m| m.name.as_str()).collect();
    checks.names("muscle", &names)?;
    let bodies: Vec<&str> = scene.body.iter().map(|body| body.name.as_str()).collect();
    let mut channels = Vec::new();
    for (index, muscle) in scene.muscle.iter().enumerate() {
        let at = KeyPath::root("muscle").index(index);
        let body = checks.resolve(&at.key("body"), "body", &muscle.body, &bodies)?;
        let body = &model.bodies[body];
        let material = &model.materials[body.material as usize];
        if material.law.spec().family != Family::Elastic {
            let message = format!(
                "the body `{}` is of `{}`, which is not elastic; only elastic bodies have muscles",
                body.name, material.name
            );
            return Err(scene.error(&at.key("body"), message));
        }
        let region_at = at.key("region");
        let region = checks.region(&region_at, &muscle.region)?;
        let pose = checks.pose(&at, muscle.position, &muscle.rotation)?;
        let mut any = false;
        for p in body.particles.clone() {
            let x = Vec3(model.initial.world_position(p, model.cell_width, model.origin));
            if region.signed_distance(pose.body_from_world(x)) > 0.0 {
                continue;
            }
            any = true;
            let owner = model.particles.muscle[p];
            if owner != NO_MUSCLE {
                let message = format!(
                    "the region overlaps that of the muscle `{}` (at {:.4?} m, for one); \
                     a particle belongs to one muscle",
                    names[owner as usize], x.0
                );
                return Err(scene.error(&region_at, message));
            }
            model.particles.muscle[p] = index as u32;
        }
        if !any {
            let message =
                format!("the region holds no particle of the body `{}` at the start", body.name);
            return Err(scene.error(&region_at, message));
        }
        let (lower, upper) = checks.bounds(&at.key("activation"), muscle.activation)?;
        let target = ActionTarget::Activation { muscle: index };
        channels.push(ActionChannel {
            name: format!("{}.activation", muscle.name),
            target,
            lower,
            upper,
        });
        let fibre = checks.direction(&at, "fibre", muscle.fibre)?;
        model.muscles.push(Muscle { name: muscle.name.clone(), fibre });
    }
    Ok(channels)
}
