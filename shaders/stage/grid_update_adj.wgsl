// Adjoint of grid_update: v_bar at a node is the sum of what its cells give (the transpose of g2p);
// back through the colliders in reverse order to g; p_bar = g/m, m_bar = -(p/m)·p_bar. Empty nodes
// have no cotangent. One workgroup a block with nodes, one thread a node.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> blocks: array<Block>;
@group(0) @binding(3) var<storage, read> moments: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> colliders: array<ColliderAt>;
@group(0) @binding(5) var<storage, read> momenta: array<vec4<f32>>;
// (p_bar, m_bar) of each node.
@group(0) @binding(6) var<storage, read_write> momenta_bar: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> pose_limbs: array<atomic<i32>>;
@group(0) @binding(8) var<storage, read> rigid_solids: array<ColliderAt>;
@group(0) @binding(9) var<storage, read> rigid_partials: array<RigidPartial>;
@group(0) @binding(10) var<uniform> fields: array<FieldAt, FIELDS>;
@group(0) @binding(11) var coefficients: texture_2d<f32>;

@compute @workgroup_size(64)
fn grid_update_adj(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) node: u32) {
    let slot = blocks[group.x].node_slot;
    var v_bar = sum_moments(slot, node).xyz;
    let at = slot * BLOCK_CELLS + node;
    let sum = momenta[at];
    if (sum.w <= parameters.empty_mass) {
        momenta_bar[at] = vec4<f32>(0.0);
        return;
    }
    let v_free = sum.xyz / sum.w;
    let v_fall = v_free + parameters.gravity_step;
    let place = node_place(slot, node);
    var v = v_fall;
    if (HAS_RIGID) {
        v = collide_bodies(parameters.rigid_count, place, v);
    }
    for (var left = collider_count(); left > 0u; left--) {
        let collider = collider_at(left - 1u);
        let d = from_collider(collider, place);
        if (touches(collider, d)) {
            let before = collide_first(left - 1u, place, v);
            let adj = collide_adj(collider, d, before, v_bar);
            v_bar = adj.v_bar;
            if (collider.moving != NONE) {
                add_pose(collider.moving, adj.pose);
            }
        }
    }
    var m_bar = 0.0;
    if (HAS_RIGID) {
        for (var left = parameters.rigid_count; left > 0u; left--) {
            let solid = rigid_solids[left - 1u];
            let d = from_collider(solid, place);
            if (touches(solid, d)) {
                // I = m (v - v'), and its moment d x I.
                let before = collide_bodies(left - 1u, place, v_fall);
                let lost = before - collide(solid, d, before);
                let bar = rigid_partials[left - 1u].impulse_bar;
                let given_bar = bar.linear + cross(bar.angular, d);
                let adj = collide_adj(solid, d, before, v_bar - given_bar * sum.w);
                v_bar = adj.v_bar + given_bar * sum.w;
                m_bar += dot(lost, given_bar);
                var pose = adj.pose;
                pose.position += cross(bar.angular, lost * sum.w);
                add_pose(parameters.moving_count + left - 1u, pose);
            }
        }
    }
    let p_bar = v_bar / sum.w;
    momenta_bar[at] = vec4<f32>(p_bar, m_bar - dot(v_free, p_bar));
}
