// Open addressing over block keys. A place holds 0 if it is free, or one more than the tag (owner
// slot * 27 + direction) that claimed it, whose key follows from data of an earlier dispatch: WGSL
// atomics are relaxed, so a key written beside the claim in the same dispatch might not be seen.
// Needs `hash_tags`, `blocks`, `hash_key.wgsl`.

// Key of the block beside a slot's own in a direction: what a tag stands for.
fn neighbour_key(owner: u32, side: u32) -> vec4<i32> {
    return blocks[owner].key + vec4<i32>(neighbour_direction(side), 0);
}

fn tag_has_key(tag: u32, key: vec4<i32>) -> bool {
    return all(neighbour_key(tag / NEIGHBOURS, tag % NEIGHBOURS) == key);
}

struct Claim {
    // The tag that has the place now.
    tag: u32,
    // Whether it was free.
    is_new: bool,
}

fn claim(place: u32, tag: u32) -> Claim {
    var seen = atomicLoad(&hash_tags[place]);
    // A weak exchange may fail for no reason: try again while the place is free.
    while (seen == 0u) {
        let exchange = atomicCompareExchangeWeak(&hash_tags[place], 0u, tag + 1u);
        if (exchange.exchanged) {
            return Claim(tag, true);
        }
        seen = exchange.old_value;
    }
    return Claim(seen - 1u, false);
}
