// The cotangent of the state before some particles were split or merged: rows of those that stayed as they were
// move back to their old places, those of the others come from the host. One thread a particle of the old state.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> following: Following;
// First place, and what it became, or the number among those that the host gives.
@group(0) @binding(2) var<storage, read> runs: array<vec2<u32>>;
// Seven rows each.
@group(0) @binding(3) var<storage, read> returned_bars: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> particles_bar_in: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> constants_bar_in: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> particles_bar: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> constants_bar: array<vec4<f32>>;

// Most constants of any law.
override CONSTANT_COUNT: u32 = 8u;

@compute @workgroup_size(64)
fn move_bars(
    @builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
) {
    let p = thread_index(gid, groups);
    if (p >= parameters.particle_count) {
        return;
    }
    let stride = parameters.row_stride;
    let source = follow_run(run_of(0u, following.place_runs, p), p);
    let stays = (source & RUN_IS_NEW) == 0u;
    for (var row = 0u; row <= ROW_REST_BAR; row++) {
        if (stays) {
            let before = particles_bar_in[row * following.stride_before + source];
            // The sum over a control step's activations is complete.
            let is_rest = row == ROW_REST_BAR;
            particles_bar[row * stride + p] =
                select(before, vec4<f32>(before.x, 0.0, 0.0, 0.0), is_rest);
        } else {
            let given = (source - RUN_IS_NEW) * (ROW_REST_BAR + 1u) + row;
            particles_bar[row * stride + p] = returned_bars[given];
        }
    }
    // What was summed for those that changed is the host's.
    for (var row = 0u; 4u * row < CONSTANT_COUNT; row++) {
        let zero = vec4<f32>(0.0);
        constants_bar[row * stride + p] = zero;
        if (stays) {
            constants_bar[row * stride + p] = constants_bar_in[row * following.stride_before + source];
        }
    }
}
