// The grid's own step alone, from momenta that a recorded substep kept: what its nodes give to rigid
// bodies, for the adjoint (and the same velocities again).
// One workgroup a block with nodes, one thread a node.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> blocks: array<Block>;
@group(0) @binding(3) var<storage, read> colliders: array<ColliderAt>;
@group(0) @binding(4) var<storage, read> momenta: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> velocities: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> rigid_solids: array<ColliderAt>;
// What nodes give to rigid bodies, summed again.
@group(0) @binding(7) var<storage, read_write> pose_limbs: array<atomic<i32>>;
@group(0) @binding(8) var<uniform> fields: array<FieldAt, FIELDS>;
@group(0) @binding(9) var coefficients: texture_2d<f32>;

@compute @workgroup_size(64)
fn grid_velocities(
    @builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) node: u32,
) {
    let slot = blocks[group.x].node_slot;
    let at = slot * BLOCK_CELLS + node;
    velocities[at] = node_velocity(slot, node, momenta[at]);
}
