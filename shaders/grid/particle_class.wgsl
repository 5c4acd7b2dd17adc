// Which material a particle is of, and which muscle.

override HAS_MUSCLES: bool = true;
// One material and no muscle: spares software devices the look-ups by particle.
override SINGLE_CLASS: bool = false;

struct ParticleClass {
    material: u32,
    // Index of its muscle plus one, or 0.
    muscle: u32,
}

// Class numbers are small integers kept as floats: exact, and no float is a denormal.
fn particle_class(code: f32) -> ParticleClass {
    let number = select(u32(code), 0u, SINGLE_CLASS);
    return ParticleClass(number % MATERIALS, number / MATERIALS);
}
