// What the nodes give to each collider in a substep: the impulse m (v - v') and its moment about the
// collider's origin, summed exactly. Beside grid_update, in runs that measure it only. One workgroup
// a block with nodes, one thread a node.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> blocks: array<Block>;
@group(0) @binding(3) var<storage, read> colliders: array<ColliderAt>;
@group(0) @binding(4) var<storage, read> momenta: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> pose_limbs: array<atomic<i32>>;
@group(0) @binding(6) var<storage, read> rigid_solids: array<ColliderAt>;
@group(0) @binding(7) var<uniform> fields: array<FieldAt, FIELDS>;
@group(0) @binding(8) var coefficients: texture_2d<f32>;

@compute @workgroup_size(64)
fn wrench(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) node: u32) {
    let slot = blocks[group.x].node_slot;
    let sum = momenta[slot * BLOCK_CELLS + node];
    if (sum.w <= parameters.empty_mass) {
        return;
    }
    let place = node_place(slot, node);
    var v = sum.xyz / sum.w + parameters.gravity_step;
    if (HAS_RIGID) {
        v = collide_bodies(parameters.rigid_count, place, v);
    }
    for (var index = 0u; index < collider_count(); index++) {
        let collider = collider_at(index);
        let d = from_collider(collider, place);
        let left = collide(collider, d, v);
        let impulse = (v - left) * sum.w;
        add_vector(index * POSE_STRIDE, 0u, impulse);
        add_vector(index * POSE_STRIDE, 3u, cross(d, impulse));
        v = left;
    }
}
