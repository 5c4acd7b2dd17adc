// Particle to grid, first half: what each cell's particles give to the 27 nodes around it, in id
// order: (sum w m (v + B d), sum w m). One workgroup an occupied block; one thread a cell and a
// plane of nine nodes. `grid_update` sums the cells of each node.
//
// The transpose of g2p is the same sum over cotangents, with unit mass: see g2p_adj.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> particles: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> contributions: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> order: array<u32>;
@group(0) @binding(4) var<storage, read> cells: array<Cell>;
@group(0) @binding(5) var<storage, read> blocks: array<Block>;
@group(0) @binding(6) var<storage, read_write> moments: array<vec4<f32>>;

// The first of the three rows (u_r, B_r.) in `contributions`.
override CONTRIBUTION_ROW: u32 = 1u;
override UNIT_MASS: bool = false;
// Whether rows are those of entries, which hold their mass already.
override OF_ENTRIES: bool = false;

@compute @workgroup_size(192)
fn p2g(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    if (group.x >= parameters.occupied_capacity) {
        return;
    }
    let cell = thread & 63u;
    let plane = thread >> 6u;
    let at = blocks[group.x].occupied_slot * BLOCK_CELLS + cell;
    let count = cells[at].count;
    if (count == 0u) {
        return;
    }
    let first = cells[at].first;
    let stride = parameters.entry_stride;

    var q00 = vec4<f32>(0.0); var q10 = vec4<f32>(0.0); var q20 = vec4<f32>(0.0);
    var q01 = vec4<f32>(0.0); var q11 = vec4<f32>(0.0); var q21 = vec4<f32>(0.0);
    var q02 = vec4<f32>(0.0); var q12 = vec4<f32>(0.0); var q22 = vec4<f32>(0.0);
    for (var i = 0u; i < count; i++) {
        let p = order[first + i];
        let head = particles[p];
        let rx = contributions[CONTRIBUTION_ROW * stride + p];
        let ry = contributions[(CONTRIBUTION_ROW + 1u) * stride + p];
        let rz = contributions[(CONTRIBUTION_ROW + 2u) * stride + p];
        let mass = select(head.w, 1.0, UNIT_MASS || OF_ENTRIES);
        let own = select(1.0, head.w, OF_ENTRIES);

        // u + B d of the plane, as far as it is the same for its nine nodes.
        let dx = distances(head.x);
        let dy = distances(head.y);
        let bx = vec3<f32>(rx.y, ry.y, rz.y);
        let by = vec3<f32>(rx.z, ry.z, rz.z);
        let bz = vec3<f32>(rx.w, ry.w, rz.w);
        let u = vec3<f32>(rx.x, ry.x, rz.x) + bz * (f32(plane) - 1.0 - head.z);

        let wz = weights(head.z);
        let w = mass * select(select(wz.z, wz.y, plane == 1u), wz.x, plane == 0u);
        let wx = weights(head.x);
        let wy = weights(head.y) * w;
        let c0 = u + by * dy.x;
        let c1 = u + by * dy.y;
        let c2 = u + by * dy.z;
        q00 += wx.x * wy.x * vec4<f32>(c0 + bx * dx.x, own);
        q10 += wx.y * wy.x * vec4<f32>(c0 + bx * dx.y, own);
        q20 += wx.z * wy.x * vec4<f32>(c0 + bx * dx.z, own);
        q01 += wx.x * wy.y * vec4<f32>(c1 + bx * dx.x, own);
        q11 += wx.y * wy.y * vec4<f32>(c1 + bx * dx.y, own);
        q21 += wx.z * wy.y * vec4<f32>(c1 + bx * dx.z, own);
        q02 += wx.x * wy.z * vec4<f32>(c2 + bx * dx.x, own);
        q12 += wx.y * wy.z * vec4<f32>(c2 + bx * dx.y, own);
        q22 += wx.z * wy.z * vec4<f32>(c2 + bx * dx.z, own);
    }

    let base = (group.x * NEIGHBOURS + plane * 9u) * BLOCK_CELLS + cell;
    moments[base] = q00;
    moments[base + BLOCK_CELLS] = q10;
    moments[base + 2u * BLOCK_CELLS] = q20;
    moments[base + 3u * BLOCK_CELLS] = q01;
    moments[base + 4u * BLOCK_CELLS] = q11;
    moments[base + 5u * BLOCK_CELLS] = q21;
    moments[base + 6u * BLOCK_CELLS] = q02;
    moments[base + 7u * BLOCK_CELLS] = q12;
    moments[base + 8u * BLOCK_CELLS] = q22;
}
