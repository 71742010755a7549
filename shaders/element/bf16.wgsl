// Scores and gradients in bf16, the upper halves of f32, two to a word: a quad is 8 bytes.

alias Quad = vec2<u32>;
alias Word = u32;
const ELEMENTS_PER_WORD = 2u;

fn unpack_quad(quad: Quad) -> vec4<f32> {
    return bitcast<vec4<f32>>(vec4(quad.x << 16u, quad.x & 0xffff0000u, quad.y << 16u, quad.y & 0xffff0000u));
}

fn unpack_word(word: Word, element: u32) -> f32 {
    return bitcast<f32>((word >> (16u * (element & 1u))) << 16u);
}

// Round to nearest even; NaN stays NaN.
fn half_bits(values: vec4<f32>) -> vec4<u32> {
    let bits = bitcast<vec4<u32>>(values);
    let rounded = (bits + vec4(0x7fffu) + ((bits >> vec4(16u)) & vec4(1u))) >> vec4(16u);
    return select(rounded, vec4(0x7fc0u), (bits & vec4(0x7fffffffu)) > vec4(0x7f800000u));
}

fn pack_quad(values: vec4<f32>) -> Quad {
    let half = half_bits(values);
    return half.xz | (half.yw << vec2(16u));
}
