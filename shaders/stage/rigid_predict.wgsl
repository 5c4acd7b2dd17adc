// Where the rigid bodies would move over a substep without material: free flight, then rounds of
// contact; and the colliders that they are to the nodes. One workgroup, one thread a body.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> colliders: array<ColliderAt>;
@group(0) @binding(3) var<storage, read> rigid_bodies: array<RigidBody>;
@group(0) @binding(4) var<storage, read> rigid_points: array<RigidPoint>;
@group(0) @binding(5) var<storage, read> rigid_motions: array<RigidMotion>;
// [round * rigid_count + body]: before each round, and after the last.
@group(0) @binding(6) var<storage, read_write> rigid_twists: array<Twist>;
@group(0) @binding(7) var<storage, read_write> rigid_solids: array<ColliderAt>;
@group(0) @binding(8) var<uniform> fields: array<FieldAt, FIELDS>;
@group(0) @binding(9) var coefficients: texture_2d<f32>;

@compute @workgroup_size(64)
fn rigid_predict(@builtin(local_invocation_index) b: u32) {
    let count = parameters.rigid_count;
    if (b < count) {
        let motion = rigid_motions[b];
        let velocity = motion.velocity + parameters.gravity_step;
        rigid_twists[b] = Twist(velocity, motion.angular_velocity);
    }
    storageBarrier();
    for (var round = 0u; round < ROUNDS; round++) {
        if (b < count) {
            let first = round * count;
            let given = meet_all(b, first);
            rigid_twists[first + count + b] =
                pushed(rigid_bodies[b], rigid_motions[b], rigid_twists[first + b], given);
        }
        storageBarrier();
    }
    if (b < count) {
        rigid_solids[b] = solid_of(rigid_bodies[b], rigid_motions[b], rigid_twists[ROUNDS * count + b]);
    }
}
