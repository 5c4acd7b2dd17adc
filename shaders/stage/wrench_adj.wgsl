// Adjoint of wrench, added to what grid_update_adj gave: I_bar = F_bar + T_bar x d, v_bar += m I_bar,
// v'_bar -= m I_bar, m_bar += (v - v')·I_bar, position_bar += T_bar x I. One workgroup a block with
// nodes, one thread a node.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> blocks: array<Block>;
@group(0) @binding(3) var<storage, read> colliders: array<ColliderAt>;
@group(0) @binding(4) var<storage, read> momenta: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> momenta_bar: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> pose_limbs: array<atomic<i32>>;
// [substep * collider_count + collider]: F_bar, T_bar.
@group(0) @binding(7) var<storage, read> impulses_bar: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read> rigid_solids: array<ColliderAt>;
@group(0) @binding(9) var<uniform> fields: array<FieldAt, FIELDS>;
@group(0) @binding(10) var coefficients: texture_2d<f32>;

@compute @workgroup_size(64)
fn wrench_adj(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) node: u32) {
    let slot = blocks[group.x].node_slot;
    let at = slot * BLOCK_CELLS + node;
    let sum = momenta[at];
    if (sum.w <= parameters.empty_mass) {
        return;
    }
    let v_free = sum.xyz / sum.w;
    let v_fall = v_free + parameters.gravity_step;
    let place = node_place(slot, node);
    var v = v_fall;
    if (HAS_RIGID) {
        v = collide_bodies(parameters.rigid_count, place, v);
    }
    var v_bar = vec3<f32>(0.0);
    var m_bar = 0.0;
    for (var left = collider_count(); left > 0u; left--) {
        let index = left - 1u;
        let collider = collider_at(index);
        let d = from_collider(collider, place);
        if (touches(collider, d)) {
            let row = 2u * (step.substep * parameters.collider_count + index);
            let torque_bar = impulses_bar[row + 1u].xyz;
            let impulse_bar = impulses_bar[row].xyz + cross(torque_bar, d);
            let before = collide_first(index, place, v);
            let lost = before - collide(collider, d, before);
            let adj = collide_adj(collider, d, before, v_bar - impulse_bar * sum.w);
            v_bar = adj.v_bar + impulse_bar * sum.w;
            m_bar += dot(lost, impulse_bar);
            if (collider.moving != NONE) {
                var pose = adj.pose;
                pose.position += cross(torque_bar, lost * sum.w);
                add_pose(collider.moving, pose);
            }
        }
    }
    if (HAS_RIGID) {
        for (var left = parameters.rigid_count; left > 0u; left--) {
            let solid = rigid_solids[left - 1u];
            let d = from_collider(solid, place);
            if (touches(solid, d)) {
                let before = collide_bodies(left - 1u, place, v_fall);
                let adj = collide_adj(solid, d, before, v_bar);
                v_bar = adj.v_bar;
                add_pose(parameters.moving_count + left - 1u, adj.pose);
            }
        }
    }
    let p_bar = v_bar / sum.w;
    momenta_bar[at] += vec4<f32>(p_bar, m_bar - dot(v_free, p_bar));
}
