// Counts the particles of each cell, for a state that no `g2p` has just written. One thread an
// entry; its rank in the cell is stored with it.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> locations: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> cells: array<CellCounter>;

@compute @workgroup_size(64)
fn count(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = thread_index(gid, groups);
    if (index >= parameters.entry_count) {
        return;
    }
    let p = entry_at(index);
    if (is_absent(locations[p])) {
        return;
    }
    atomicAdd(&cells[locations[p].x].next, 1u);
}
