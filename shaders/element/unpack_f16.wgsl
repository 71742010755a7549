// Halves widened by the adapter.

fn unpack_quad(quad: Quad) -> vec4<f32> {
    return vec4(unpack2x16float(quad.x), unpack2x16float(quad.y));
}

fn unpack_word(word: Word, element: u32) -> f32 {
    return unpack2x16float(word >> (16u * (element & 1u))).x;
}
