// Grid to particle: velocity and affine velocity, move, F and its return map, and at once the
// stress of the next substep; a particle in a sink is taken away. One workgroup an occupied block, one thread a cell, which loads its
// 27 nodes once and then walks its particles.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<uniform> materials: array<MaterialAt, MATERIALS>;
@group(0) @binding(3) var<uniform> muscles: array<vec4<f32>, MUSCLES>;
// Of the next substep.
@group(0) @binding(4) var<uniform> activations: Activations;
@group(0) @binding(5) var<storage, read> particles: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> order: array<u32>;
@group(0) @binding(7) var<storage, read> blocks: array<Block>;
@group(0) @binding(8) var<storage, read> velocities: array<vec4<f32>>;
@group(0) @binding(9) var<storage, read_write> cells: array<CellCounter>;
@group(0) @binding(10) var<storage, read_write> particles_out: array<vec4<f32>>;
@group(0) @binding(11) var<storage, read_write> locations_out: array<vec2<u32>>;
@group(0) @binding(12) var<storage, read_write> status: Status;
@group(0) @binding(13) var<uniform> sinks: array<SinkAt, SINKS>;

fn node_value(index: u32) -> vec4<f32> {
    return vec4<f32>(velocities[index].xyz, 0.0);
}

@compute @workgroup_size(64)
fn g2p(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) cell: u32) {
    let at = occupied_cell(group.x, cell);
    if (at.count == 0u) {
        return;
    }
    let nodes = load_nodes(at);
    for (var i = 0u; i < at.count; i++) {
        let p = order[at.first + i];
        let head = particles[p];
        let gathered = gather(nodes, head.xyz);
        update_particle(p, at, head, gathered);
    }
}

fn update_particle(p: u32, at: CellAt, head: vec4<f32>, gathered: Gathered) {
    let stride = parameters.row_stride;
    let fx = particles[ROW_SHAPE * stride + p];
    let fy = particles[(ROW_SHAPE + 1u) * stride + p];
    let fz = particles[(ROW_SHAPE + 2u) * stride + p];

    // F_trial = (I + dt C) F, relaxed to what the material admits.
    let f = mat3x3<f32>(fx.xyz, fy.xyz, fz.xyz);
    let f_trial = (IDENTITY + parameters.affine_step * gathered.moment) * f;
    let law = materials[particle_class(fz.w).material];
    let relaxed = return_map(law.kind, law.k, f_trial, fx.w);

    // The stress that this particle gives to the grid in the next substep.
    let hc = 4.0 * gathered.moment;
    let rate = rate_of_affine(hc);
    let tau = particle_stress(fz.w, Local(relaxed.f, rate, relaxed.history), activations);
    let b = particle_affine(hc, fy.w, tau);

    // x += dt v, kept as nearest node and offset.
    let travel = parameters.cells_per_speed * gathered.v;
    let probe = dot(gathered.v, gathered.v)
        + dot(b[0], b[0]) + dot(b[1], b[1]) + dot(b[2], b[2])
        + dot(relaxed.f[0], relaxed.f[0]) + dot(relaxed.f[1], relaxed.f[1])
        + dot(relaxed.f[2], relaxed.f[2]) + relaxed.history * relaxed.history;
    let finite = is_finite(probe);
    // A table of neighbours reaches one block: nothing may move a block or more.
    let slow = all(abs(travel) < vec3<f32>(4.0));
    let moved = head.xyz + select(vec3<f32>(0.0), travel, vec3<bool>(finite && slow));
    let shift = floor(moved + 0.5);
    let next_local = at.local + vec3<i32>(shift);
    let side = neighbour_index(next_local >> vec3<u32>(2u));
    let next_slot = blocks[at.slot].neighbours[side];
    if (!(finite && slow)) {
        report(p, finite);
    }
    // Without a slot (no room, which `expand` reported) the particle stays where it is.
    let cell = select(next_slot * BLOCK_CELLS + cell_index(next_local),
        at.slot * BLOCK_CELLS + cell_index(at.local), next_slot == NONE);

    particles_out[p] = vec4<f32>(moved - shift, head.w);
    let momentum = Momentum(gathered.v, b);
    particles_out[ROW_MOMENTUM * stride + p] = momentum_row(momentum, 0u);
    particles_out[(ROW_MOMENTUM + 1u) * stride + p] = momentum_row(momentum, 1u);
    particles_out[(ROW_MOMENTUM + 2u) * stride + p] = momentum_row(momentum, 2u);
    particles_out[ROW_SHAPE * stride + p] = vec4<f32>(relaxed.f[0], relaxed.history);
    particles_out[(ROW_SHAPE + 1u) * stride + p] = vec4<f32>(relaxed.f[1], fy.w);
    particles_out[(ROW_SHAPE + 2u) * stride + p] = vec4<f32>(relaxed.f[2], fz.w);
    if (HAS_RATE) {
        particles_out[ROW_RATE * stride + p] = rate_row(rate, 0u);
        particles_out[(ROW_RATE + 1u) * stride + p] = rate_row(rate, 1u);
    }
    let sink = sink_of(blocks[at.slot].key.xyz * 4 + next_local, moved - shift);
    if (sink != NONE) {
        locations_out[p] = vec2<u32>(NONE, sink);
        return;
    }
    locations_out[p] = vec2<u32>(cell, atomicAdd(&cells[cell].next, 1u));
}
