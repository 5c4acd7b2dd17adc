// Adjoint of rigid_update: from the cotangents of the motions after the substep. One workgroup, one
// thread a body.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> rigid_bodies: array<RigidBody>;
@group(0) @binding(2) var<storage, read> rigid_motions: array<RigidMotion>;
@group(0) @binding(3) var<storage, read> rigid_twists: array<Twist>;
// Impulses, summed again.
@group(0) @binding(4) var<storage, read_write> pose_limbs: array<atomic<i32>>;
@group(0) @binding(5) var<storage, read> rigid_bars: array<RigidBar>;
@group(0) @binding(6) var<storage, read_write> rigid_partials: array<RigidPartial>;

@compute @workgroup_size(64)
fn rigid_update_adj(@builtin(local_invocation_index) b: u32) {
    let count = parameters.rigid_count;
    if (b >= count) {
        return;
    }
    let predicted = rigid_twists[ROUNDS * count + b];
    rigid_partials[b] = updated_adj(
        rigid_bodies[b], rigid_motions[b], predicted, take_impulse(b), rigid_bars[b].motion,
    );
}
