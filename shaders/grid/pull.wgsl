// Derivative by a particle's offset of what it exchanges with its 27 nodes.

// sum_i phi_i grad w_i [per cell], phi_i = n_i.xyz . (u + B d_i) + n_i.w.
fn pull(n: Nodes, o: vec3<f32>, m: Momentum) -> vec3<f32> {
    return pull_of_mass(n, o, m, 1.0);
}

// The same with n_i.w counted `mass` times.
fn pull_of_mass(n: Nodes, o: vec3<f32>, m: Momentum, mass: f32) -> vec3<f32> {
    let wx = weights(o.x);
    let wy = weights(o.y);
    let wz = weights(o.z);
    let wx_adj = weights_adj(o.x);
    let wy_adj = weights_adj(o.y);
    let wz_adj = weights_adj(o.z);
    let dx = distances(o.x);
    let dy = distances(o.y);
    let dz = distances(o.z);
    let a = pull_plane(n.low, Affine(m.u + m.b[2] * dz.x, m.b[0], m.b[1], mass),
        wx, wy, wx_adj, wy_adj, dx, dy);
    let b = pull_plane(n.mid, Affine(m.u + m.b[2] * dz.y, m.b[0], m.b[1], mass),
        wx, wy, wx_adj, wy_adj, dx, dy);
    let c = pull_plane(n.high, Affine(m.u + m.b[2] * dz.z, m.b[0], m.b[1], mass),
        wx, wy, wx_adj, wy_adj, dx, dy);
    return vec3<f32>(
        wz.x * a.x + wz.y * b.x + wz.z * c.x,
        wz.x * a.y + wz.y * b.y + wz.z * c.y,
        wz_adj.x * a.z + wz_adj.y * b.z + wz_adj.z * c.z,
    );
}
