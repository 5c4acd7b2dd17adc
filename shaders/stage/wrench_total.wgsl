// The exact sums of one substep's impulses, rounded to floats; the limbs are zeroed for the next
// substep. One thread a component of a collider.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read_write> pose_limbs: array<atomic<i32>>;
// [substep * collider_count + collider][component]: impulse, moment.
@group(0) @binding(3) var<storage, read_write> impulses: array<f32>;

const WRENCH_COMPONENTS: u32 = 6u;

@compute @workgroup_size(64)
fn wrench_total(@builtin(global_invocation_id) gid: vec3<u32>) {
    let collider = gid.x / WRENCH_COMPONENTS;
    let component = gid.x % WRENCH_COMPONENTS;
    if (collider >= parameters.collider_count) {
        return;
    }
    let row = step.substep * parameters.collider_count + collider;
    impulses[row * WRENCH_COMPONENTS + component] = take_sum(collider * POSE_STRIDE, component);
}
