// NaN keeps its upper half, which tells it: no rounding carries from its bits into the sign. What comes out of arithmetic has
// the greatest bit of the mantissa, so that the upper half alone is NaN.

fn before_rounding(bits: vec4<u32>) -> vec4<u32> {
    let positive = bitcast<vec4<u32>>(min(bitcast<vec4<i32>>(bits), vec4(0x7fc00000)));
    return min(positive, vec4(0xffc00000u));
}

fn with_nan(pairs: Packed4, is_nan: vec4<bool>, half_nan: u32) -> Packed4 {
    return pairs;
}
