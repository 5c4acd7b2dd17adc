// The field's part of a substep back, where gradients count how it moves with its agents: from the cotangents of
// how each particle in a band is shared (share_adj), those of the boxes that distance is measured from. With
// delta_bar and n_bar those of the blended distance and its gradient, pi = softmax(-d_k/b):
//
//   delta_bar_k = pi_k (delta_bar - (n_k - n)·n_bar/b);  n_bar_k = pi_k n_bar
//
// and reach_adj from there. A workgroup adds its particles up in a fixed order, and its sum to the rows behind
// those of the solids. One thread a particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> resolution: Resolution;
@group(0) @binding(2) var<storage, read> particles: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> fine_cells: array<vec4<i32>>;
@group(0) @binding(4) var<storage, read> shares_bar: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> pose_limbs: array<atomic<i32>>;
@group(0) @binding(6) var coefficients: texture_2d<f32>;

const THREADS: u32 = 64u;

var<workgroup> partial: array<PoseBar, THREADS>;

@compute @workgroup_size(64)
fn reaches_adj(
    @builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = thread_index(gid, groups);
    var cell = vec3<i32>(0);
    var offset = vec3<f32>(0.0);
    var value = 0.0;
    var normal = vec3<f32>(0.0);
    // n_bar, delta_bar; zero for what is in no band.
    var bar = vec4<f32>(0.0);
    if (p < parameters.particle_count) {
        let fine = fine_cells[p];
        let place = bitcast<u32>(fine.w);
        if (is_in_band(place)) {
            cell = fine.xyz;
            offset = particles[p].xyz;
            let blend = blend_at(home_level(place), cell, offset);
            bar = blend_distance_bar(blend, shares_bar[p].w, shares_bar[p].xyz);
            normal = blend.normal;
            value = distance_to_reaches(cell, offset).value;
        }
    }
    let is_alone = distance_count() == 1u;
    for (var k = 0u; k < resolution.reach_count; k++) {
        var own = PoseBar(vec3<f32>(0.0), vec3<f32>(0.0), vec3<f32>(0.0), vec3<f32>(0.0));
        if (any(bar != vec4<f32>(0.0))) {
            let reach = resolution.reaches[k];
            let one = reach_distance(reach, cell, offset);
            let part = select(exp((value - one.value) / resolution.blend), 1.0, is_alone);
            let apart = select(dot(one.normal - normal, bar.xyz) / resolution.blend, 0.0, is_alone);
            own = reach_adj(reach, cell, offset, part * (bar.w - apart), part * bar.xyz);
        }
        partial[thread] = own;
        workgroupBarrier();
        for (var half = THREADS / 2u; half > 0u; half /= 2u) {
            if (thread < half) {
                let other = partial[thread + half];
                partial[thread].position += other.position;
                partial[thread].rotation += other.rotation;
                partial[thread].velocity += other.velocity;
                partial[thread].angular_velocity += other.angular_velocity;
            }
            workgroupBarrier();
        }
        if (thread == 0u) {
            add_pose(parameters.moving_count + parameters.rigid_count + k, partial[0]);
        }
        workgroupBarrier();
    }
}
