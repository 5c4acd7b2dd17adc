// Puts each particle at its place in the sorted order. One thread an entry.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> locations: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> cells: array<Cell>;
@group(0) @binding(3) var<storage, read_write> order: array<u32>;

@compute @workgroup_size(64)
fn fill(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = thread_index(gid, groups);
    if (index >= parameters.entry_count) {
        return;
    }
    let p = entry_at(index);
    let location = locations[p];
    if (is_absent(location)) {
        return;
    }
    order[cells[location.x].first + location.y] = p;
}
