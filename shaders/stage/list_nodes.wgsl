// Lists the blocks that have a node which some particle reaches, and counts those that hold
// particles or touch one that does. One thread a slot.

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> blocks: array<Block>;
@group(0) @binding(2) var<storage, read_write> lists: ListArguments;

@compute @workgroup_size(64)
fn list_nodes(@builtin(global_invocation_id) gid: vec3<u32>) {
    let slot = gid.x;
    if (slot >= parameters.slot_capacity) {
        return;
    }
    var reached = blocks[slot].mask.x | blocks[slot].mask.y;
    var live = reached;
    if (reached == 0u) {
        if (blocks[slot].neighbours[SELF] != slot) {
            return;
        }
        for (var side = 0u; side < NEIGHBOURS; side++) {
            let other = blocks[slot].neighbours[side];
            if (side != SELF && other < parameters.slot_capacity) {
                let mask = blocks[other].mask;
                let touching = mask & border_mask(neighbour_direction(side));
                live |= mask.x | mask.y;
                reached |= touching.x | touching.y;
            }
        }
    }
    if (live != 0u) {
        atomicAdd(&lists.live, 1u);
    }
    if (reached != 0u) {
        blocks[atomicAdd(&lists.nodes, 1u)].node_slot = slot;
    }
}

// The cells of the neighbour in direction d whose particles reach into this block.
fn border_mask(d: vec3<i32>) -> vec2<u32> {
    let x = select(select(0xffffffffu, 0x11111111u, d.x == 1), 0x88888888u, d.x == -1);
    let y = select(select(0xffffffffu, 0x000f000fu, d.y == 1), 0xf000f000u, d.y == -1);
    let low = select(select(0xffffffffu, 0x0000ffffu, d.z == 1), 0u, d.z == -1);
    let high = select(select(0xffffffffu, 0u, d.z == 1), 0xffff0000u, d.z == -1);
    return vec2<u32>(x & y & low, x & y & high);
}
