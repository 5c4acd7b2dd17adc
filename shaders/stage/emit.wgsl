// Writes the particles that come from nozzles in a substep into the state at its end, where `open` has
// made room for them. They are without stress: B is h C. One thread a particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> births: array<Birth>;
@group(0) @binding(3) var<storage, read> blocks: array<Block>;
@group(0) @binding(4) var<storage, read_write> hash_tags: array<atomic<u32>>;
@group(0) @binding(5) var<storage, read> hash_slots: array<u32>;
@group(0) @binding(6) var<storage, read_write> cells: array<CellCounter>;
@group(0) @binding(7) var<storage, read_write> particles_out: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> locations_out: array<vec2<u32>>;

// Whether the stress of any law depends on the strain rate, which is zero here.
override HAS_RATE: bool = true;

@compute @workgroup_size(64)
fn emit(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = thread_index(gid, groups);
    if (index >= step.birth_count) {
        return;
    }
    let birth = births[step.first_birth + index];
    let stride = parameters.row_stride;
    let p = birth.particle;
    let spin = birth.spin * parameters.cell_width;
    let v = birth.velocity;
    particles_out[p] = vec4<f32>(birth.offset, birth.mass);
    particles_out[ROW_MOMENTUM * stride + p] = vec4<f32>(v.x, 0.0, -spin.z, spin.y);
    particles_out[(ROW_MOMENTUM + 1u) * stride + p] = vec4<f32>(v.y, spin.z, 0.0, -spin.x);
    particles_out[(ROW_MOMENTUM + 2u) * stride + p] = vec4<f32>(v.z, -spin.y, spin.x, 0.0);
    particles_out[ROW_SHAPE * stride + p] = vec4<f32>(1.0, 0.0, 0.0, 0.0);
    particles_out[(ROW_SHAPE + 1u) * stride + p] = vec4<f32>(0.0, 1.0, 0.0, birth.specific_volume);
    particles_out[(ROW_SHAPE + 2u) * stride + p] = vec4<f32>(0.0, 0.0, 1.0, birth.class_number);
    if (HAS_RATE) {
        particles_out[ROW_RATE * stride + p] = vec4<f32>(0.0);
        particles_out[(ROW_RATE + 1u) * stride + p] = vec4<f32>(0.0);
    }
    let slot = open_slot(vec4<i32>(birth.cell >> vec3<u32>(2u), 0));
    // Without a slot (no room, which `open` reported) it does not come.
    if (slot == NONE) {
        locations_out[p] = vec2<u32>(NONE);
        return;
    }
    let cell = slot * BLOCK_CELLS + cell_index(birth.cell);
    locations_out[p] = vec2<u32>(cell, atomicAdd(&cells[cell].next, 1u));
}

fn open_slot(key: vec4<i32>) -> u32 {
    var place = hash_key(key) & parameters.hash_mask;
    for (var probe = 0u; probe <= parameters.hash_mask; probe++) {
        let seen = atomicLoad(&hash_tags[place]);
        if (seen == 0u) {
            return NONE;
        }
        if (tag_has_key(seen - 1u, key)) {
            return hash_slots[place];
        }
        place = (place + 1u) & parameters.hash_mask;
    }
    return NONE;
}
