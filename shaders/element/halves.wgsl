// What types of 16 bits have in common.

// Pairs of halves, NaN put in where it belongs.
fn with_nan(pairs: Packed4, is_nan: vec4<bool>, half_nan: u32) -> Packed4 {
    let low = select(pairs, (pairs & vec2(0xffff0000u)) | vec2(half_nan), is_nan.xz);
    return select(low, (low & vec2(0xffffu)) | vec2(half_nan << 16u), is_nan.yw);
}

fn half_bits(values: vec4<f32>) -> vec4<u32> {
    let pairs = pack4(values);
    return vec4(pairs.x & 0xffffu, pairs.x >> 16u, pairs.y & 0xffffu, pairs.y >> 16u);
}
