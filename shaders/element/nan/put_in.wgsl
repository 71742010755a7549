// NaN is put into the packed halves, last and by a choice: what else ends in a constant, Mesa's compiler does anew for each
// invocation that it stores for.

fn before_rounding(bits: vec4<u32>) -> vec4<u32> {
    return bits;
}

fn with_nan(pairs: Packed4, is_nan: vec4<bool>, half_nan: u32) -> Packed4 {
    let low = select(pairs, (pairs & vec2(0xffff0000u)) | vec2(half_nan), is_nan.xz);
    return select(low, (low & vec2(0xffffu)) | vec2(half_nan << 16u), is_nan.yw);
}
