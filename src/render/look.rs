//! The look of a scene: lights, ground, background. Pictures and window share these numbers.
//!
//! Colours of light and reflectances are linear; those of the background are sRGB bytes.

use glam::{DVec3, Vec3};

/// Direction to the sun, not normalised: over the left shoulder of the three-quarter view.
pub const SUN: DVec3 = DVec3::new(-0.35, -0.62, 0.9);
pub const SUN_LIGHT: Vec3 = Vec3::new(0.98, 0.92, 0.83);
pub const SKY_LIGHT: Vec3 = Vec3::new(0.47, 0.51, 0.58);
/// Light from below, off the ground.
pub const BOUNCE: Vec3 = Vec3::new(0.12, 0.115, 0.11);
/// Highlight: strength and sharpness.
pub const GLOSS: (f32, f32) = (0.10, 32.0);
/// Above this, brightness is compressed towards 1.
pub const SHOULDER: f32 = 0.75;
/// Points are moved this far along their normal before a shadow is looked up [ball radii]: a ball
/// must not shade itself through the grain of a depth map.
pub const SHADOW_LIFT: f64 = 0.6;

/// Reflectance of a half-space.
pub const PLANE_ALBEDO: Vec3 = Vec3::new(0.70, 0.71, 0.72);
/// A half-space begins to fade and has faded at these distances from the scene [diagonals].
pub const FADE: (f32, f32) = (0.7, 2.6);
/// Every so many grid lines one is stronger.
pub const MAJOR: f64 = 5.0;
/// Widths of a line [pixels] and how much of the surface's light it takes.
pub const MINOR_LINE: (f32, f32) = (1.1, 0.13);
pub const MAJOR_LINE: (f32, f32) = (1.5, 0.28);

/// The background at the top and the bottom of the picture.
pub const BACKGROUND: [[u8; 3]; 2] = [[205, 216, 228], [240, 243, 246]];
