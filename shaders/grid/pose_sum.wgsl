// Sums of pose cotangents over nodes that come in racy order, exact and therefore independent of
// it: a float is an integer times a power of two, cut into limbs of 12 bits that integer atomics
// add. A limb takes 2^19 addends before it could overflow. Needs `pose_limbs`.

const LIMB_BITS: u32 = 12u;
// 254 exponents and 24 bits of mantissa: bits 0 .. 278.
const LIMBS: u32 = 24u;
const POSE_COMPONENTS: u32 = 12u;
// Behind a collider's limbs: how many of its addends were not finite.
const POSE_STRIDE: u32 = 289u;

fn add_pose(moving: u32, pose: PoseBar) {
    let base = moving * POSE_STRIDE;
    add_vector(base, 0u, pose.position);
    add_vector(base, 3u, pose.rotation);
    add_vector(base, 6u, pose.velocity);
    add_vector(base, 9u, pose.angular_velocity);
}

fn add_vector(base: u32, component: u32, v: vec3<f32>) {
    add_exactly(base, component, v.x);
    add_exactly(base, component + 1u, v.y);
    add_exactly(base, component + 2u, v.z);
}

fn add_exactly(base: u32, component: u32, value: f32) {
    let bits = bitcast<u32>(value);
    let exponent = (bits >> 23u) & 255u;
    if (exponent == 255u) {
        atomicAdd(&pose_limbs[base + POSE_COMPONENTS * LIMBS], 1);
        return;
    }
    // Zero; and denormals, which devices may flush anyway.
    if (exponent == 0u) {
        return;
    }
    // The value is mantissa * 2^shift in units of the smallest float.
    let mantissa = (bits & 0x7fffffu) | 0x800000u;
    let shift = exponent - 1u;
    let within = shift % LIMB_BITS;
    let first = base + component * LIMBS + shift / LIMB_BITS;
    // mantissa << within has up to 35 bits: three limbs.
    let negative = (bits >> 31u) != 0u;
    add_limb(first, (mantissa << within) & 0xfffu, negative);
    add_limb(first + 1u, (mantissa >> (LIMB_BITS - within)) & 0xfffu, negative);
    add_limb(first + 2u, mantissa >> (2u * LIMB_BITS - within), negative);
}

fn add_limb(index: u32, part: u32, negative: bool) {
    if (part != 0u) {
        atomicAdd(&pose_limbs[index], select(i32(part), -i32(part), negative));
    }
}
