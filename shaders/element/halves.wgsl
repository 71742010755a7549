// What types of 16 bits have in common.

fn half_bits(values: vec4<f32>) -> vec4<u32> {
    let pairs = pack4(values);
    return vec4(pairs.x & 0xffffu, pairs.x >> 16u, pairs.y & 0xffffu, pairs.y >> 16u);
}
