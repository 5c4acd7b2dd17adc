// The state after some particles were split or merged: rows of those that stay as they are move to their new
// places, those that the host made are put between them. One thread a particle of the new state.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> following: Following;
// First place, and what it was before, or the number among those that were made.
@group(0) @binding(2) var<storage, read> runs: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read> made: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read> particles: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> fine_cells: array<vec4<i32>>;
@group(0) @binding(6) var<storage, read_write> particles_out: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> fine_cells_out: array<vec4<i32>>;
@group(0) @binding(8) var<storage, read_write> locations_out: array<vec2<u32>>;

@compute @workgroup_size(64)
fn move_particles(
    @builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
) {
    let p = thread_index(gid, groups);
    if (p >= parameters.particle_count) {
        return;
    }
    let source = follow_run(run_of(0u, following.place_runs, p), p);
    for (var row = 0u; row < MADE_ROW_CELL; row++) {
        let to = row * parameters.row_stride + p;
        if ((source & RUN_IS_NEW) == 0u) {
            particles_out[to] = particles[row * following.stride_before + source];
        } else {
            particles_out[to] = bitcast<vec4<f32>>(made[(source - RUN_IS_NEW) * MADE_ROWS + row]);
        }
    }
    if ((source & RUN_IS_NEW) == 0u) {
        fine_cells_out[p] = fine_cells[source];
    } else {
        let cell = made[(source - RUN_IS_NEW) * MADE_ROWS + MADE_ROW_CELL];
        fine_cells_out[p] = bitcast<vec4<i32>>(cell);
    }
    // In no cell before `place` has found one.
    locations_out[entry_of(p, 0u)] = vec2<u32>(NONE);
    locations_out[entry_of(p, 1u)] = vec2<u32>(NONE);
}
