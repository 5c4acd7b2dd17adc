// The fourth entry of the nodes around a particle.

// sum w n.w
fn gather_mass(n: Nodes, o: vec3<f32>) -> f32 {
    let wx = weights(o.x);
    let wy = weights(o.y);
    return dot(weights(o.z), vec3<f32>(
        plane_mass(n.low, wx, wy), plane_mass(n.mid, wx, wy), plane_mass(n.high, wx, wy)));
}

fn plane_mass(n: Plane, wx: vec3<f32>, wy: vec3<f32>) -> f32 {
    return dot(wy, vec3<f32>(
        dot(wx, vec3<f32>(n.n00.w, n.n10.w, n.n20.w)),
        dot(wx, vec3<f32>(n.n01.w, n.n11.w, n.n21.w)),
        dot(wx, vec3<f32>(n.n02.w, n.n12.w, n.n22.w)),
    ));
}
