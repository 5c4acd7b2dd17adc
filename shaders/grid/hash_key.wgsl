// Where the search for a key begins in a hash table: src/mpm/device/placement.rs has the same.

fn hash_key(key: vec4<i32>) -> u32 {
    let k = bitcast<vec4<u32>>(key);
    var h = k.x * 0x9e3779b1u ^ k.y * 0x85ebca77u ^ k.z * 0xc2b2ae3du ^ k.w * 0x27d4eb2fu;
    h ^= h >> 15u;
    h *= 0x2c1b3c6du;
    h ^= h >> 13u;
    return h;
}
