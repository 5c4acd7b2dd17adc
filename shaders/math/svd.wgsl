// F = U diag(s) Vᵀ with rotations U, V; s descending, only the smallest carries a sign.
struct Svd {
    u: mat3x3<f32>,
    s: vec3<f32>,
    v: mat3x3<f32>,
}

// One-sided Jacobi rotations (Hestenes): columns of F V are turned until they are orthogonal. Small
// singular values keep their relative accuracy, which an eigendecomposition of FᵀF squares away.
fn svd(f: mat3x3<f32>) -> Svd {
    var b0 = f[0];
    var b1 = f[1];
    var b2 = f[2];
    var v0 = vec3<f32>(1.0, 0.0, 0.0);
    var v1 = vec3<f32>(0.0, 1.0, 0.0);
    var v2 = vec3<f32>(0.0, 0.0, 1.0);
    for (var sweep = 0; sweep < 4; sweep++) {
        let r01 = svd_turn(b0, b1);
        let b01 = svd_rotate(b0, b1, r01);
        let v01 = svd_rotate(v0, v1, r01);
        let r02 = svd_turn(b01.p, b2);
        let b02 = svd_rotate(b01.p, b2, r02);
        let v02 = svd_rotate(v01.p, v2, r02);
        let r12 = svd_turn(b01.q, b02.q);
        let b12 = svd_rotate(b01.q, b02.q, r12);
        let v12 = svd_rotate(v01.q, v02.q, r12);
        b0 = b02.p;
        b1 = b12.p;
        b2 = b12.q;
        v0 = v02.p;
        v1 = v12.p;
        v2 = v12.q;
    }
    // Descending order by three compare-and-swap steps, each kept a rotation by a sign.
    let swap01 = dot(b0, b0) < dot(b1, b1);
    let bs = svd_swap(b0, b1, swap01);
    let vs = svd_swap(v0, v1, swap01);
    let swap12 = dot(bs.q, bs.q) < dot(b2, b2);
    let bt = svd_swap(bs.q, b2, swap12);
    let vt = svd_swap(vs.q, v2, swap12);
    let swap_again = dot(bs.p, bs.p) < dot(bt.p, bt.p);
    let bf = svd_swap(bs.p, bt.p, swap_again);
    let vf = svd_swap(vs.p, vt.p, swap_again);
    // Gram-Schmidt, then the third column is what completes a rotation.
    let u0 = normalized_or(bf.p, vec3<f32>(1.0, 0.0, 0.0));
    let along = bf.q - u0 * dot(u0, bf.q);
    let u1 = normalized_or(along, any_perpendicular(u0));
    let u2 = cross(u0, u1);
    let s = vec3<f32>(length(bf.p), dot(u1, bf.q), dot(u2, bt.q));
    return Svd(mat3x3<f32>(u0, u1, u2), s, mat3x3<f32>(vf.p, vf.q, vt.q));
}

struct SvdPair {
    p: vec3<f32>,
    q: vec3<f32>,
}

// Cosine and sine of the rotation that makes p and q orthogonal.
fn svd_turn(p: vec3<f32>, q: vec3<f32>) -> vec2<f32> {
    let gamma = dot(p, q);
    let difference = 0.5 * (dot(q, q) - dot(p, p));
    // tan = gamma/(d + sign(d) sqrt(d² + gamma²)), never 0/0.
    let root = sqrt(difference * difference + gamma * gamma);
    let divisor = select(difference + root + 1e-30, difference - root, difference < 0.0);
    let t = gamma / divisor;
    let c = 1.0 / sqrt(1.0 + t * t);
    return vec2<f32>(c, c * t);
}

fn svd_rotate(p: vec3<f32>, q: vec3<f32>, turn: vec2<f32>) -> SvdPair {
    return SvdPair(p * turn.x - q * turn.y, p * turn.y + q * turn.x);
}

fn svd_swap(p: vec3<f32>, q: vec3<f32>, swap: bool) -> SvdPair {
    return SvdPair(select(p, q, swap), select(q, -p, swap));
}

// v/|v|, or the fallback where v vanishes.
fn normalized_or(v: vec3<f32>, fallback: vec3<f32>) -> vec3<f32> {
    let n2 = dot(v, v);
    let vanishes = n2 < 1e-36;
    return select(v / sqrt(select(n2, 1.0, vanishes)), fallback, vanishes);
}

// Some unit vector perpendicular to a unit vector.
fn any_perpendicular(u: vec3<f32>) -> vec3<f32> {
    let along_x = abs(u.x) > 0.5;
    let p = select(vec3<f32>(0.0, -u.z, u.y), vec3<f32>(-u.y, u.x, 0.0), along_x);
    return p / length(p);
}
