// The 27 nodes around a particle as three planes of nine, in registers (names, not indices: a
// private array that is indexed goes to memory). nXY is the node at x = X - 1, y = Y - 1.

struct Plane {
    n00: vec4<f32>, n10: vec4<f32>, n20: vec4<f32>,
    n01: vec4<f32>, n11: vec4<f32>, n21: vec4<f32>,
    n02: vec4<f32>, n12: vec4<f32>, n22: vec4<f32>,
}

struct PlaneSum {
    // sum w n
    value: vec3<f32>,
    // sum w n dx, sum w n dy
    by_x: vec3<f32>,
    by_y: vec3<f32>,
}

// Sums of one plane, weights of x and y only.
fn gather_plane(n: Plane, wx: vec3<f32>, wy: vec3<f32>, dx: vec3<f32>, dy: vec3<f32>) -> PlaneSum {
    let wdx = wx * dx;
    let r0 = wx.x * n.n00.xyz + wx.y * n.n10.xyz + wx.z * n.n20.xyz;
    let r1 = wx.x * n.n01.xyz + wx.y * n.n11.xyz + wx.z * n.n21.xyz;
    let r2 = wx.x * n.n02.xyz + wx.y * n.n12.xyz + wx.z * n.n22.xyz;
    let s0 = wdx.x * n.n00.xyz + wdx.y * n.n10.xyz + wdx.z * n.n20.xyz;
    let s1 = wdx.x * n.n01.xyz + wdx.y * n.n11.xyz + wdx.z * n.n21.xyz;
    let s2 = wdx.x * n.n02.xyz + wdx.y * n.n12.xyz + wdx.z * n.n22.xyz;
    let wdy = wy * dy;
    return PlaneSum(
        wy.x * r0 + wy.y * r1 + wy.z * r2,
        wy.x * s0 + wy.y * s1 + wy.z * s2,
        wdy.x * r0 + wdy.y * r1 + wdy.z * r2,
    );
}

// What a particle gives to, or takes from, a node: u + B d, here with d.z folded into u.
struct Affine {
    u: vec3<f32>,
    bx: vec3<f32>,
    by: vec3<f32>,
    // What n.w counts.
    mass: f32,
}

// With phi = n.xyz . (u + B d) + mass n.w per node: (sum phi wx' wy, sum phi wx wy', sum phi wx wy),
// the derivatives of the weights by the offset being wx', wy'.
fn pull_plane(
    n: Plane, a: Affine,
    wx: vec3<f32>, wy: vec3<f32>, wx_adj: vec3<f32>, wy_adj: vec3<f32>,
    dx: vec3<f32>, dy: vec3<f32>,
) -> vec3<f32> {
    let c0 = a.u + a.by * dy.x;
    let c1 = a.u + a.by * dy.y;
    let c2 = a.u + a.by * dy.z;
    let p0 = row_phi(n.n00, n.n10, n.n20, c0, a.bx, dx, a.mass);
    let p1 = row_phi(n.n01, n.n11, n.n21, c1, a.bx, dx, a.mass);
    let p2 = row_phi(n.n02, n.n12, n.n22, c2, a.bx, dx, a.mass);
    let along = vec3<f32>(dot(wx, p0), dot(wx, p1), dot(wx, p2));
    let slope = vec3<f32>(dot(wx_adj, p0), dot(wx_adj, p1), dot(wx_adj, p2));
    return vec3<f32>(dot(wy, slope), dot(wy_adj, along), dot(wy, along));
}

fn row_phi(
    a: vec4<f32>, b: vec4<f32>, c: vec4<f32>,
    u: vec3<f32>, bx: vec3<f32>, dx: vec3<f32>, mass: f32,
) -> vec3<f32> {
    return vec3<f32>(
        dot(a.xyz, u + bx * dx.x) + mass * a.w,
        dot(b.xyz, u + bx * dx.y) + mass * b.w,
        dot(c.xyz, u + bx * dx.z) + mass * c.w,
    );
}
