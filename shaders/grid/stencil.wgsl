// The quadratic B-spline, with its derivative. o is the particle's offset from its nearest node
// [cells]; component k of a row belongs to the node at k - 1.

// N(d) at d = -1 - o, -o, 1 - o.
fn weights(o: f32) -> vec3<f32> {
    let a = 0.5 - o;
    let b = 0.5 + o;
    return vec3<f32>(0.5 * a * a, 0.75 - o * o, 0.5 * b * b);
}

// Derivative of the weights by o [1/cell].
fn weights_adj(o: f32) -> vec3<f32> {
    return vec3<f32>(o - 0.5, -2.0 * o, o + 0.5);
}

// Node minus particle, d = k - o [cells]; its derivative by o is -1.
fn distances(o: f32) -> vec3<f32> {
    return vec3<f32>(-1.0, 0.0, 1.0) - o;
}
