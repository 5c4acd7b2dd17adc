//! All tests of the crate from outside, in one program: linking the crate and its dependencies once
//! for every file would cost more time and disk than all tests together.
//!
//! Each module says in its first line what it holds against what; one of them alone is
//! `cargo test --release --test suite device_twin::`.

mod adapter;
mod common;

mod architecture;
mod beds;
mod cli;
mod cli_files;
mod cli_ground;
mod cli_identify;
mod cli_sensors;
mod cli_tasks;
mod contact;
mod decompositions;
mod device_emission;
mod device_follow;
mod device_ground;
mod device_growth;
mod device_levels;
mod device_memory;
mod device_meshes;
mod device_repeat;
mod device_rigid;
mod device_twin;
#[cfg(feature = "viewer")]
mod dragging;
mod emission;
mod emission_errors;
mod gpu_device;
mod gradient_matrix;
mod identify;
mod levels;
mod materials;
mod mesh_errors;
mod meshes;
mod overlay;
mod pointwise;
mod reference;
mod render;
mod rigid_bodies;
mod rigid_body_errors;
mod rollout_driver;
mod rollout_gradient;
mod scene_errors;
mod scenes;
mod sensors;
mod shaders;
mod shaders_contact;
mod shaders_pointwise;
mod shaders_sums;
mod tasks;
mod terrain;
#[cfg(feature = "viewer")]
mod window;
