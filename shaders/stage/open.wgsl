// Finds or makes the slots of the blocks in which particles are about to come. One thread in all: these
// blocks are few, and a key that another thread has just written might not be seen (grid/hash.wgsl).

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> openings: array<vec4<i32>>;
@group(0) @binding(3) var<storage, read_write> blocks: array<Block>;
@group(0) @binding(4) var<storage, read_write> hash_tags: array<atomic<u32>>;
@group(0) @binding(5) var<storage, read_write> hash_slots: array<u32>;
@group(0) @binding(6) var<storage, read_write> slots: SlotArguments;
@group(0) @binding(7) var<storage, read_write> status: Status;

@compute @workgroup_size(1)
fn open() {
    for (var i = 0u; i < step.opening_count; i++) {
        open_block(openings[step.first_opening + i]);
    }
}

fn open_block(key: vec4<i32>) {
    var place = hash_key(key) & parameters.hash_mask;
    for (var probe = 0u; probe <= parameters.hash_mask; probe++) {
        let seen = atomicLoad(&hash_tags[place]);
        if (seen == 0u) {
            let slot = new_slot(key);
            if (slot != NONE) {
                atomicStore(&hash_tags[place], slot * NEIGHBOURS + SELF + 1u);
                hash_slots[place] = slot;
            }
            return;
        }
        if (tag_has_key(seen - 1u, key)) {
            return;
        }
        place = (place + 1u) & parameters.hash_mask;
    }
}
