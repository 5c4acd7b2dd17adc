// Ids and kinds of the particles after some were split or merged: who stays keeps the order. One thread a
// particle of the new state.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> following: Following;
// By place as in move_particles; then, by id before, the first one and what it is now.
@group(0) @binding(2) var<storage, read> runs: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read> made: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read> ids_before: array<u32>;
@group(0) @binding(5) var<storage, read> kinds_before: array<u32>;
@group(0) @binding(6) var<storage, read_write> ids: array<u32>;
@group(0) @binding(7) var<storage, read_write> kinds: array<u32>;

@compute @workgroup_size(64)
fn move_ids(
    @builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
) {
    let p = thread_index(gid, groups);
    if (p >= parameters.particle_count) {
        return;
    }
    let source = follow_run(run_of(0u, following.place_runs, p), p);
    var id = 0u;
    if ((source & RUN_IS_NEW) == 0u) {
        let before = ids_before[source];
        id = follow_run(run_of(following.place_runs, following.id_runs, before), before);
        kinds[p] = kinds_before[source];
    } else {
        let own = made[(source - RUN_IS_NEW) * MADE_ROWS + MADE_ROW_ID];
        id = own.x;
        kinds[p] = own.y;
    }
    ids[entry_of(p, 0u)] = id;
    ids[entry_of(p, 1u)] = id;
}
