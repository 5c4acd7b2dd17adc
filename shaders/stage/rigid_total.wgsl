// Hands the cotangents of the rigid bodies on to the substep before: those of the motions replace,
// those of the masses add up. One workgroup, one thread a body.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> rigid_partials: array<RigidPartial>;
@group(0) @binding(2) var<storage, read_write> rigid_bars: array<RigidBar>;

@compute @workgroup_size(64)
fn rigid_total(@builtin(local_invocation_index) b: u32) {
    if (b >= parameters.rigid_count) {
        return;
    }
    let before = rigid_bars[b];
    let bar = rigid_partials[b].bar;
    rigid_bars[b] = RigidBar(bar.motion, before.inertia + bar.inertia, before.mass + bar.mass);
}
