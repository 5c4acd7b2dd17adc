// Open addressing over block keys. A place is claimed with a tag (owner slot * 27 + direction)
// whose key follows from data of an earlier dispatch: WGSL atomics are relaxed, so a key written
// beside the claim in the same dispatch might not be seen.

fn hash_key(key: vec4<i32>) -> u32 {
    let k = bitcast<vec4<u32>>(key);
    var h = k.x * 0x9e3779b1u ^ k.y * 0x85ebca77u ^ k.z * 0xc2b2ae3du ^ k.w * 0x27d4eb2fu;
    h ^= h >> 15u;
    h *= 0x2c1b3c6du;
    h ^= h >> 13u;
    return h;
}
