// Sums activation cotangents over the particles of each muscle, in id order: one thread a chunk of
// the list of members (muscle by muscle, ascending ids, padded with NONE to whole chunks). The host
// adds the chunks up.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
// Storage places of the members.
@group(0) @binding(2) var<storage, read> members: array<u32>;
@group(0) @binding(3) var<storage, read> particles_bar: array<vec4<f32>>;
// [control step * chunk count + chunk]
@group(0) @binding(4) var<storage, read_write> activations_bar: array<f32>;

const CHUNK: u32 = 64u;

@compute @workgroup_size(64)
fn activation_total(@builtin(global_invocation_id) gid: vec3<u32>) {
    let chunk = gid.x;
    let chunks = arrayLength(&members) / CHUNK;
    if (chunk >= chunks) {
        return;
    }
    var sum = 0.0;
    for (var i = 0u; i < CHUNK; i++) {
        let p = members[chunk * CHUNK + i];
        if (p != NONE) {
            sum += particles_bar[ROW_REST_BAR * parameters.row_stride + p].y;
        }
    }
    activations_bar[step.stress_control * chunks + chunk] = sum;
}
