// Adjoint of rigid_predict: the rounds of contact in reverse order, recomputed. Writes the cotangents
// of the motions before the substep, and adds up those of the masses. One workgroup, one thread a
// body.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> colliders: array<ColliderAt>;
@group(0) @binding(3) var<storage, read> rigid_bodies: array<RigidBody>;
@group(0) @binding(4) var<storage, read> rigid_points: array<RigidPoint>;
@group(0) @binding(5) var<storage, read> rigid_motions: array<RigidMotion>;
@group(0) @binding(6) var<storage, read> rigid_twists: array<Twist>;
@group(0) @binding(7) var<storage, read_write> rigid_partials: array<RigidPartial>;
// Of the moving colliders, then of the bodies as nodes met them.
@group(0) @binding(8) var<storage, read_write> pose_limbs: array<atomic<i32>>;
@group(0) @binding(9) var<uniform> fields: array<FieldAt, FIELDS>;
@group(0) @binding(10) var coefficients: texture_2d<f32>;

@compute @workgroup_size(64)
fn rigid_predict_adj(@builtin(local_invocation_index) b: u32) {
    let count = parameters.rigid_count;
    let none = vec3<f32>(0.0);
    var bar = no_rigid_bar();
    var twist_bar = Twist(none, none);
    if (b < count) {
        bar = rigid_partials[b].bar;
        twist_bar = rigid_partials[b].twist_bar;
        let twist = rigid_twists[ROUNDS * count + b];
        let pose_bar = take_pose(parameters.moving_count + b);
        solid_of_adj(rigid_bodies[b], rigid_motions[b], twist, pose_bar, &bar, &twist_bar);
    }
    for (var left = ROUNDS; left > 0u; left--) {
        let first = (left - 1u) * count;
        if (b < count) {
            let given = meet_all(b, first);
            let twist = rigid_twists[first + b];
            rigid_partials[b].impulse_bar =
                pushed_adj(rigid_bodies[b], rigid_motions[b], twist, given, twist_bar, &bar);
        }
        storageBarrier();
        if (b < count) {
            meet_all_adj(b, first, &bar, &twist_bar);
        }
        storageBarrier();
    }
    if (b < count) {
        bar.motion.velocity += twist_bar.velocity;
        bar.motion.angular_velocity += twist_bar.angular_velocity;
        rigid_partials[b].bar = bar;
    }
}
