// The exact sums of one substep's cotangents of the boxes that distance is measured from, rounded to floats and
// added to those of the control step; the limbs are zeroed for the next substep. One thread a component of a box.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<uniform> resolution: Resolution;
@group(0) @binding(3) var<storage, read_write> pose_limbs: array<atomic<i32>>;
// [control step * REACHES + box][component]
@group(0) @binding(4) var<storage, read_write> reaches_bar: array<f32>;

@compute @workgroup_size(64)
fn reach_total(@builtin(global_invocation_id) gid: vec3<u32>) {
    let k = gid.x / POSE_COMPONENTS;
    let component = gid.x % POSE_COMPONENTS;
    if (k >= resolution.reach_count) {
        return;
    }
    let row = parameters.moving_count + parameters.rigid_count + k;
    let to = (step.stress_control * REACHES + k) * POSE_COMPONENTS + component;
    reaches_bar[to] += take_sum(row * POSE_STRIDE, component);
}
