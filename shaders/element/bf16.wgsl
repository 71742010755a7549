// Scores and gradients in bf16, the upper halves of f32, two to a word: a vector is 8 bytes.

alias Packed4 = vec2<u32>;
alias Word = u32;
const ELEMENTS_PER_WORD = 2u;

fn unpack4(vector: Packed4) -> vec4<f32> {
    return bitcast<vec4<f32>>(vec4(vector.x << 16u, vector.x & 0xffff0000u, vector.y << 16u, vector.y & 0xffff0000u));
}

fn unpack_word(word: Word, element: u32) -> f32 {
    return bitcast<f32>((word >> (16u * (element & 1u))) << 16u);
}

// Round to nearest even.
fn pack4(values: vec4<f32>) -> Packed4 {
    let bits = before_rounding(bitcast<vec4<u32>>(values));
    let rounded = bits + vec4(0x7fffu) + ((bits >> vec4(16u)) & vec4(1u));
    let pairs = (rounded.xz >> vec2(16u)) | (rounded.yw & vec2(0xffff0000u));
    return with_nan(pairs, (bits & vec4(0x7fffffffu)) > vec4(0x7f800000u), 0x7fc0u);
}
