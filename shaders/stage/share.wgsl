// What each particle gives to its levels, with its stress: for each, lambda (m v, m B) and, where shares
// change in space, -dt V tau grad lambda, without which a uniform stress would push the two levels apart.
// `p2g` then sums entries as it sums particles elsewhere. One thread a particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> materials: array<MaterialAt, MATERIALS>;
@group(0) @binding(2) var<uniform> muscles: array<vec4<f32>, MUSCLES>;
@group(0) @binding(3) var<uniform> activations: Activations;
@group(0) @binding(4) var<uniform> resolution: Resolution;
@group(0) @binding(5) var<storage, read> particles: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> fine_cells: array<vec4<i32>>;
@group(0) @binding(7) var<storage, read_write> entries: array<vec4<f32>>;
@group(0) @binding(8) var coefficients: texture_2d<f32>;

@compute @workgroup_size(64)
fn share(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let p = thread_index(gid, groups);
    if (p >= parameters.particle_count) {
        return;
    }
    let stride = parameters.row_stride;
    let head = particles[p];
    let own = momentum_from_rows(
        particles[ROW_MOMENTUM * stride + p],
        particles[(ROW_MOMENTUM + 1u) * stride + p],
        particles[(ROW_MOMENTUM + 2u) * stride + p]);
    let fx = particles[ROW_SHAPE * stride + p];
    let fy = particles[(ROW_SHAPE + 1u) * stride + p];
    let fz = particles[(ROW_SHAPE + 2u) * stride + p];
    let local = Local(mat3x3<f32>(fx.xyz, fy.xyz, fz.xyz), rate_of_affine(own.b), fx.w);
    let tau = particle_stress(fz.w, local, activations);

    let fine = fine_cells[p];
    let place = bitcast<u32>(fine.w);
    let blend = blend_of(place, fine.xyz, head.xyz);
    let force = parameters.dt * fy.w * head.w;
    for (var side = 0u; side < side_count(place); side++) {
        let level = home_level(place) + side;
        let mass = blend.shares[side] * head.w;
        let gradient = share_gradient(blend, side);
        let affine = level_affine(level_scale(level), own.b, fy.w, tau);
        let given = Momentum(mass * own.u - force * (tau * gradient), mass * affine);
        let entry = entry_of(p, side);
        let rows = parameters.entry_stride;
        entries[entry] = vec4<f32>(level_offset(fine.xyz, head.xyz, place, level), mass);
        entries[ROW_ENTRY_MOMENTUM * rows + entry] = momentum_row(given, 0u);
        entries[(ROW_ENTRY_MOMENTUM + 1u) * rows + entry] = momentum_row(given, 1u);
        entries[(ROW_ENTRY_MOMENTUM + 2u) * rows + entry] = momentum_row(given, 2u);
        entries[ROW_ENTRY_SHARE * rows + entry] = vec4<f32>(gradient, blend.shares[side]);
    }
}
