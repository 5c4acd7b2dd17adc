// The exact sums of one substep's pose cotangents, rounded to floats; the limbs are zeroed for the
// next substep. One thread a component of a moving collider.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read_write> pose_limbs: array<atomic<i32>>;
// [substep * moving_count + moving][component]
@group(0) @binding(3) var<storage, read_write> poses_bar: array<f32>;

@compute @workgroup_size(64)
fn pose_total(@builtin(global_invocation_id) gid: vec3<u32>) {
    let moving = gid.x / POSE_COMPONENTS;
    let component = gid.x % POSE_COMPONENTS;
    if (moving >= parameters.moving_count) {
        return;
    }
    let base = moving * POSE_STRIDE;
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
    let bits = select(bitcast<u32>(ldexp(value, exponent)), 0x7f800000u, spoilt);
    poses_bar[(step.substep * parameters.moving_count + moving) * POSE_COMPONENTS + component] =
        bitcast<f32>(bits);
}
