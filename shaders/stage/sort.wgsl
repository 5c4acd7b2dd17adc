// Sorts the particles of each cell by id, so that sums do not depend on the racy rank; zeroes the
// cell's counter for the next substep. One workgroup an occupied block, one thread a cell.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> blocks: array<Block>;
@group(0) @binding(3) var<storage, read_write> cells: array<Cell>;
@group(0) @binding(4) var<storage, read_write> order: array<u32>;

@compute @workgroup_size(64)
fn sort(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) cell: u32) {
    if (group.x >= parameters.occupied_capacity) {
        return;
    }
    let at = blocks[group.x].occupied_slot * BLOCK_CELLS + cell;
    cells[at].next = 0u;
    let first = cells[at].first;
    let end = first + cells[at].count;
    for (var i = first + 1u; i < end; i++) {
        let p = order[i];
        let id = ids[p];
        var j = i;
        while (j > first) {
            let q = order[j - 1u];
            if (ids[q] < id) {
                break;
            }
            order[j] = q;
            j -= 1u;
        }
        if (j != i) {
            order[j] = p;
        }
    }
}
