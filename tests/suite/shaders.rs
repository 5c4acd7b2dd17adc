//! Every kernel's shader is valid, stays within the default limits, and has an adjoint that mirrors
//! it: by reflection, without a device.

use naga::ResourceBinding;
use softscape::gpu::{Access, Binding, Shader};
use softscape::model::LawKind;
use softscape::mpm::device::{KernelId, LEVEL_STAGES, Launch, MEASURED, STAGES};

/// WebGPU's default limit of storage buffers a stage.
const STORAGE_BUFFERS: usize = 8;

/// The buffer that holds the cotangent of a float buffer read by a forward stage. A node's velocity
/// gets its cotangent as a sum of cells' moments, by the same kernel that sums momenta.
const COTANGENTS: [(&str, &str); 13] = [
    ("momenta", "momenta_bar"),
    ("particles", "particles_bar"),
    ("contributions", "particles_bar"),
    ("entries", "entries_bar"),
    ("collected", "entries_bar"),
    ("moments", "momenta_bar"),
    ("velocities", "moments"),
    ("colliders", "pose_limbs"),
    ("rigid_bodies", "rigid_bars"),
    // Their shares of the mass follow from it; where they lie is the shape's.
    ("rigid_points", "rigid_bars"),
    ("rigid_motions", "rigid_partials"),
    ("rigid_twists", "rigid_partials"),
    ("rigid_solids", "pose_limbs"),
];

fn shader(id: KernelId) -> Shader {
    id.source(LawKind::ALL).check().unwrap_or_else(|error| panic!("{error}"))
}

fn bindings(id: KernelId) -> Vec<Binding> {
    shader(id).bindings(id.entry()).unwrap()
}

/// With the names of what a kernel is given in the place of what its shader says.
fn given(id: KernelId) -> Vec<Binding> {
    let mut bindings = bindings(id);
    if id == KernelId::P2gOfEntries {
        for binding in &mut bindings {
            if ["particles", "contributions"].contains(&binding.name.as_str()) {
                binding.name = "entries".into();
            }
        }
    }
    bindings
}

#[test]
fn every_shader_is_valid_and_within_the_default_limits() {
    for id in KernelId::ALL {
        let shader = shader(id);
        let bindings = shader.bindings(id.entry()).unwrap();
        let storage = bindings.iter().filter(|b| b.access.is_storage()).count();
        assert!(storage <= STORAGE_BUFFERS, "{} uses {storage} storage buffers", id.name());
        let [x, y, z] = shader.workgroup_size(id.entry()).unwrap();
        assert!(x * y * z <= 256, "{} has workgroups of {x} x {y} x {z}", id.name());
    }
}

#[test]
fn every_float_buffer_that_a_forward_stage_reads_has_a_cotangent_that_its_adjoint_writes() {
    for stage in STAGES.iter().chain(&LEVEL_STAGES).chain([&MEASURED]) {
        let Some(adjoint) = stage.adjoint else { continue };
        let all = |launches: &[Launch]| -> Vec<Binding> {
            launches.iter().flat_map(|launch| given(launch.kernel)).collect()
        };
        let written: Vec<String> = all(adjoint)
            .into_iter()
            .filter(|b| b.access == Access::ReadWrite)
            .map(|b| b.name)
            .collect();
        let read = all(stage.forward).into_iter().filter(|b| b.access == Access::Read);
        for binding in read.filter(|b| b.has_floats) {
            let cotangent = COTANGENTS.iter().find(|(name, _)| *name == binding.name);
            let Some((_, cotangent)) = cotangent else {
                panic!("stage {} reads `{}`, which has no cotangent", stage.name, binding.name)
            };
            assert!(
                written.iter().any(|name| name == cotangent),
                "stage {} reads `{}`, but its adjoint writes {written:?} and not `{cotangent}`",
                stage.name,
                binding.name
            );
        }
    }
}

#[test]
fn integer_stages_read_no_floats() {
    for stage in STAGES.iter().chain(&LEVEL_STAGES).filter(|stage| stage.adjoint.is_none()) {
        for launch in stage.forward {
            let floats =
                bindings(launch.kernel).into_iter().find(|b| b.has_floats && b.access.is_storage());
            assert!(
                floats.is_none(),
                "stage {} has no adjoint, but {} uses {floats:?}",
                stage.name,
                launch.kernel.name()
            );
        }
    }
}

#[test]
fn adjoint_functions_take_the_arguments_of_their_forward_and_then_cotangents() {
    let mut pairs = 0;
    for id in KernelId::ALL {
        let shader = shader(id);
        let module = &shader.module;
        let function = |name: &str| {
            let found = module.functions.iter().find(|(_, f)| f.name.as_deref() == Some(name));
            found.map(|(_, f)| f)
        };
        for (_, adjoint) in module.functions.iter() {
            let Some(name) = adjoint.name.as_deref() else { continue };
            let Some(forward) = name.strip_suffix("_adj").and_then(function) else { continue };
            pairs += 1;
            let (given, taken) = (arguments(forward), arguments(adjoint));
            assert!(
                taken.starts_with(&given),
                "{name} takes {taken:?}, its forward takes {given:?}"
            );
            for extra in &taken[given.len()..] {
                assert!(extra.ends_with("_bar") || extra == "g", "{name} also takes `{extra}`");
            }
        }
    }
    assert!(pairs > 20, "only {pairs} pairs of functions were found");
}

fn arguments(function: &naga::Function) -> Vec<String> {
    function.arguments.iter().map(|a| a.name.clone().unwrap_or_default()).collect()
}

#[test]
fn a_buffer_has_one_element_size_in_all_shaders() {
    let mut seen: Vec<(String, u64, &str)> = Vec::new();
    for id in KernelId::ALL {
        for binding in bindings(id).into_iter().filter(|b| b.runtime_sized) {
            match seen.iter().find(|(name, ..)| *name == binding.name) {
                Some((name, bytes, first)) => assert_eq!(
                    *bytes,
                    binding.element_bytes,
                    "elements of `{name}` in {first} and in {}",
                    id.name()
                ),
                None => seen.push((binding.name, binding.element_bytes, id.name())),
            }
        }
    }
    let places: Vec<ResourceBinding> = shader(KernelId::G2p)
        .module
        .global_variables
        .iter()
        .filter_map(|(_, v)| v.binding)
        .collect();
    let mut unique = places.clone();
    unique.sort_unstable_by_key(|b| (b.group, b.binding));
    unique.dedup();
    assert_eq!(unique.len(), places.len(), "two buffers of one kernel share a binding");
}
