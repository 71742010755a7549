// Halves widened in integers, for rows that a software adapter takes in two passes: there Mesa 22.3 takes longer for
// unpack2x16float.

// Of halves in the upper 16 bits; what lies below does not count.
fn widened(halves: vec4<u32>) -> vec4<f32> {
    let magnitude = (halves >> vec4(3u)) & vec4(0x0fffe000u);
    // With the largest exponent for infinities and NaN; 2^-112 brings the others back.
    let normal = bitcast<vec4<f32>>(magnitude + vec4(0x70000000u)) * 1.925929944387236e-34;
    // With the implicit bit that a subnormal lacks, which is 2^-14.
    let subnormal = bitcast<vec4<f32>>(magnitude | vec4(0x38800000u)) - 6.103515625e-5;
    let bits = bitcast<vec4<u32>>(select(normal, subnormal, magnitude < vec4(0x00800000u)));
    return bitcast<vec4<f32>>(bits | (halves & vec4(0x80000000u)));
}

fn unpack4(vector: Packed4) -> vec4<f32> {
    return widened(vector.xxyy << vec4(16u, 0u, 16u, 0u));
}

fn unpack_word(word: Word, element: u32) -> f32 {
    return widened(vec4(word << (16u * (1u - (element & 1u))))).x;
}
