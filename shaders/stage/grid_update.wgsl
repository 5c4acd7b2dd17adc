// Particle to grid, second half, and the grid's own step: momentum over mass, gravity, colliders in
// order. One workgroup a block with nodes, one thread a node.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> blocks: array<Block>;
@group(0) @binding(3) var<storage, read> moments: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> colliders: array<ColliderAt>;
// (momentum [kg m/s], mass [kg]) of each node.
@group(0) @binding(5) var<storage, read_write> momenta: array<vec4<f32>>;
// (velocity [m/s], mass [kg]) of each node.
@group(0) @binding(6) var<storage, read_write> velocities: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> rigid_solids: array<ColliderAt>;
// What nodes give to rigid bodies.
@group(0) @binding(8) var<storage, read_write> pose_limbs: array<atomic<i32>>;
@group(0) @binding(9) var<uniform> fields: array<FieldAt, FIELDS>;
@group(0) @binding(10) var coefficients: texture_2d<f32>;

@compute @workgroup_size(64)
fn grid_update(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) node: u32) {
    let slot = blocks[group.x].node_slot;
    let sum = sum_moments(slot, node);
    let at = slot * BLOCK_CELLS + node;
    momenta[at] = sum;
    velocities[at] = node_velocity(slot, node, sum);
}
