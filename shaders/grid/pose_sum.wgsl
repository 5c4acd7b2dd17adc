// Sums of pose cotangents, or of impulses, over nodes that come in racy order, exact and therefore independent of
// it: a float is an integer times a power of two, cut into limbs of 12 bits that integer atomics
// add. Needs `pose_limbs`.

const LIMB_BITS: u32 = 12u;
// 254 exponents and 24 bits of mantissa: bits 0 .. 278.
const LIMBS: u32 = 24u;
const POSE_COMPONENTS: u32 = 12u;
// From here on whoever adds to a limb hands one of the next in its place: that is more than was added, so a limb
// leaves this by no more than what other threads are about to add, 4095 each, whatever their number up to 2^18.
const FULL_LIMB: i32 = 0x20000000;
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
    if (part == 0u) {
        return;
    }
    let before = atomicAdd(&pose_limbs[index], select(i32(part), -i32(part), negative));
    // The last limb holds two bits of the largest floats and is never full of finite ones.
    if (abs(before) >= FULL_LIMB) {
        atomicSub(&pose_limbs[index], sign(before) << LIMB_BITS);
        atomicAdd(&pose_limbs[index + 1u], sign(before));
    }
}

// The sum of a component, rounded to a float; its limbs are zeroed.
fn take_sum(base: u32, component: u32) -> f32 {
    // Carry upwards, so that each limb is in [-2^11, 2^11) and the largest one gives the sign.
    var limbs: array<i32, LIMBS>;
    var carry = 0;
    for (var limb = 0u; limb < LIMBS; limb++) {
        let sum = atomicExchange(&pose_limbs[base + component * LIMBS + limb], 0) + carry;
        carry = (sum + 0x800) >> LIMB_BITS;
        limbs[limb] = sum - (carry << LIMB_BITS);
    }
    // Horner from the top, in units of the smallest float, 2^-149; four limbs from the first that
    // counts on hold more than a float's digits.
    var value = f32(carry);
    var exponent = i32(LIMBS * LIMB_BITS) - 149;
    var missing = 4u;
    for (var down = 1u; down <= LIMBS && missing > 0u; down++) {
        value = value * 4096.0 + f32(limbs[LIMBS - down]);
        exponent -= i32(LIMB_BITS);
        missing -= select(0u, 1u, value != 0.0);
    }
    // An addend that was not finite makes the sum infinite: the host reports it.
    let spoilt = atomicLoad(&pose_limbs[base + POSE_COMPONENTS * LIMBS]) != 0;
    return bitcast<f32>(select(bitcast<u32>(ldexp(value, exponent)), 0x7f800000u, spoilt));
}

fn take_vector(base: u32, component: u32) -> vec3<f32> {
    return vec3<f32>(
        take_sum(base, component), take_sum(base, component + 1u), take_sum(base, component + 2u),
    );
}
