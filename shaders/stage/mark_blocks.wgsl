// Marks the slots whose blocks hold particles, before slots are given anew. One thread an entry.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> locations: array<vec2<u32>>;
// By old slot: 0, or 1 if it is marked.
@group(0) @binding(2) var<storage, read_write> renumbered: array<atomic<u32>>;

@compute @workgroup_size(64)
fn mark_blocks(
    @builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
) {
    let index = thread_index(gid, groups);
    if (index >= parameters.entry_count) {
        return;
    }
    let p = entry_at(index);
    if (is_absent(locations[p])) {
        return;
    }
    atomicStore(&renumbered[locations[p].x / BLOCK_CELLS], 1u);
}
