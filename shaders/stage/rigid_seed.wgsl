// Adds an objective's derivative by the motions of the rigid bodies to their cotangents. One
// workgroup, one thread a body.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> rigid_seeds: array<PoseBar>;
@group(0) @binding(2) var<storage, read_write> rigid_bars: array<RigidBar>;

@compute @workgroup_size(64)
fn rigid_seed(@builtin(local_invocation_index) b: u32) {
    if (b >= parameters.rigid_count) {
        return;
    }
    let seed = rigid_seeds[b];
    rigid_bars[b].motion.position += seed.position;
    rigid_bars[b].motion.rotation += seed.rotation;
    rigid_bars[b].motion.velocity += seed.velocity;
    rigid_bars[b].motion.angular_velocity += seed.angular_velocity;
}
