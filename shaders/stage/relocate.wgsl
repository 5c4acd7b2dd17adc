// Writes the new slots into the particles' locations. One thread an entry.

@group(0) @binding(0) var<uniform> parameters: Parameters;
// By old slot: one more than the new one.
@group(0) @binding(1) var<storage, read> renumbered: array<u32>;
@group(0) @binding(2) var<storage, read_write> locations: array<vec2<u32>>;

@compute @workgroup_size(64)
fn relocate(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = thread_index(gid, groups);
    if (index >= parameters.entry_count) {
        return;
    }
    let p = entry_at(index);
    if (is_absent(locations[p])) {
        return;
    }
    let cell = locations[p].x;
    let slot = renumbered[cell / BLOCK_CELLS] - 1u;
    locations[p].x = slot * BLOCK_CELLS + cell % BLOCK_CELLS;
}
