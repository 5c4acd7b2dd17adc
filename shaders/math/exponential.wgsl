// Logarithm and exponential to round-off. The built-in ones may be off by 2^-21 near ln 1 = 0,
// where the strain of sand at rest lives, and differ between devices.

// ln x = e ln 2 + 2 artanh((m - 1)/(m + 1)), m in [1/√2, √2). Needs a normal x > 0.
fn ln_exact(x: f32) -> f32 {
    // Subtracting the bits of 1/√2 puts the exponent of the wanted range into the high bits.
    let shifted = bitcast<i32>(x) - 0x3f3504f3;
    let exponent = shifted >> 23u;
    let mantissa = bitcast<f32>((shifted & 0x7fffff) + 0x3f3504f3);
    let z = (mantissa - 1.0) / (mantissa + 1.0);
    let z2 = z * z;
    // |z| < 0.172: the first term left out is 2e-9 of the sum.
    let series = z2 * (1.0 / 3.0 + z2 * (1.0 / 5.0 + z2 * (1.0 / 7.0 + z2 * (1.0 / 9.0))));
    return f32(exponent) * 0.693147181 + (2.0 * z + 2.0 * z * series);
}

// e^x = 2^n e^r, |r| <= ln 2 / 2; clamped to the range of f32.
fn exp_exact(x: f32) -> f32 {
    let bounded = clamp(x, -87.0, 88.0);
    let n = round(bounded * 1.44269504);
    // ln 2 in two parts, the first one exact when multiplied by n.
    let r = (bounded - n * 0.693359375) + n * 2.12194440e-4;
    let series = 1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0 + r * (1.0 / 5040.0)));
    let mantissa = 1.0 + (r + r * r * (0.5 + r * (1.0 / 6.0 + r * series)));
    return mantissa * bitcast<f32>(u32(i32(n) + 127) << 23u);
}

// Cube root of x > 0; one Newton step restores what the exponential lost.
fn cbrt_exact(x: f32) -> f32 {
    let root = exp_exact(ln_exact(x) * (1.0 / 3.0));
    return root - (root - x / (root * root)) * (1.0 / 3.0);
}

// sinh x / x: a series near zero, where the exponentials cancel.
fn sinhc(x: f32) -> f32 {
    let x2 = x * x;
    // Coefficients 1/(2n + 1)!; the first one left out is 5e-9 at the switch.
    let tail = 1.0 / 120.0 + x2 * (1.0 / 5040.0 + x2 * (1.0 / 362880.0));
    let series = 1.0 + x2 * (1.0 / 6.0 + x2 * tail);
    let near = abs(x) < 1.0;
    let far = select(x, 1.0, near);
    let grown = exp_exact(far);
    return select((grown - 1.0 / grown) / (2.0 * far), series, near);
}

fn cosh_exact(x: f32) -> f32 {
    let grown = exp_exact(x);
    return 0.5 * (grown + 1.0 / grown);
}
