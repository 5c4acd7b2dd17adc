// The exact sums of one substep's pose cotangents, rounded to floats; the limbs are zeroed for the
// next substep. One thread a component of a moving collider.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read_write> pose_limbs: array<atomic<i32>>;
// [substep * moving_count + moving][component]
@group(0) @binding(3) var<storage, read_write> poses_bar: array<f32>;

@compute @workgroup_size(64)
fn pose_total(@builtin(global_invocation_id) gid: vec3<u32>) {
    let moving = gid.x / POSE_COMPONENTS;
    let component = gid.x % POSE_COMPONENTS;
    if (moving >= parameters.moving_count) {
        return;
    }
    let row = step.substep * parameters.moving_count + moving;
    poses_bar[row * POSE_COMPONENTS + component] = take_sum(moving * POSE_STRIDE, component);
}
