// The rigid bodies after a substep, from what the nodes gave them. One workgroup, one thread a body.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> rigid_bodies: array<RigidBody>;
@group(0) @binding(3) var<storage, read> rigid_motions: array<RigidMotion>;
@group(0) @binding(4) var<storage, read> rigid_twists: array<Twist>;
@group(0) @binding(5) var<storage, read_write> pose_limbs: array<atomic<i32>>;
@group(0) @binding(6) var<storage, read_write> rigid_motions_out: array<RigidMotion>;
@group(0) @binding(7) var<storage, read_write> status: Status;

@compute @workgroup_size(64)
fn rigid_update(@builtin(local_invocation_index) b: u32) {
    let count = parameters.rigid_count;
    if (b >= count) {
        return;
    }
    let predicted = rigid_twists[ROUNDS * count + b];
    let after = updated(rigid_bodies[b], rigid_motions[b], predicted, take_impulse(b));
    rigid_motions_out[b] = after;
    // A comparison with what is not a number is false.
    let way = after.velocity * parameters.cells_per_speed;
    let turn = dot(after.angular_velocity, after.angular_velocity);
    if (!(dot(way, way) < 1.0 && turn < 1e30)) {
        report_first(FIRST_BODY + b);
    }
}
