// Which groups hold particles too different to be merged. The twin compares left logarithmic strains h; here
// it is b = F F^T = exp 2h, for |exp A - exp B| <= |A - B| times the larger of the norms of exp A and exp B. One
// thread a particle.

@group(0) @binding(0) var<uniform> parameters: Parameters;
// Of the control step to come.
@group(0) @binding(1) var<uniform> resolution: Resolution;
@group(0) @binding(2) var<uniform> following: Following;
@group(0) @binding(3) var<storage, read> particles: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> fine_cells: array<vec4<i32>>;
@group(0) @binding(5) var<storage, read> kinds: array<u32>;
@group(0) @binding(7) var<storage, read_write> group_tags: array<atomic<u32>>;
@group(0) @binding(8) var<storage, read_write> groups: array<MergeGroup>;
@group(0) @binding(9) var coefficients: texture_2d<f32>;

@compute @workgroup_size(64)
fn compare(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) groups_at: vec3<u32>) {
    let p = thread_index(gid, groups_at);
    if (p >= parameters.particle_count) {
        return;
    }
    let own = strain_at(p);
    for (var side = 0u; side < 2u; side++) {
        let place = group_of(p, side);
        if (place == NONE) {
            continue;
        }
        let first = strain_at(atomicLoad(&groups[place].first_place));
        let apart = own.b - first.b;
        let largest = max(norm_bound(own.b), norm_bound(first.b));
        let most = 2.0 * STRAIN_SPREAD * largest;
        let differs = double_dot3(apart, apart) > most * most
            || abs(own.history - first.history) > STRAIN_SPREAD + 1e-5 * abs(own.history);
        if (differs) {
            atomicStore(&groups[place].is_apart, 1u);
        }
    }
}

// As in the twin, and some f32 round-offs of numbers of order one.
const STRAIN_SPREAD: f32 = 2e-2 + 1e-5;

struct Strain {
    b: mat3x3<f32>,
    history: f32,
}

fn strain_at(p: u32) -> Strain {
    let stride = parameters.row_stride;
    let fx = particles[ROW_SHAPE * stride + p];
    let fy = particles[(ROW_SHAPE + 1u) * stride + p];
    let fz = particles[(ROW_SHAPE + 2u) * stride + p];
    let f = mat3x3<f32>(fx.xyz, fy.xyz, fz.xyz);
    return Strain(f * transpose(f), fx.w);
}

// At least the largest eigenvalue of a symmetric matrix: its largest sum over a row.
fn norm_bound(b: mat3x3<f32>) -> f32 {
    let sums = abs(b[0]) + abs(b[1]) + abs(b[2]);
    return max(sums.x, max(sums.y, sums.z));
}
