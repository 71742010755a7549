// Halves widened by the adapter.

fn unpack4(vector: Packed4) -> vec4<f32> {
    return vec4(unpack2x16float(vector.x), unpack2x16float(vector.y));
}

fn unpack_word(word: Word, element: u32) -> f32 {
    return unpack2x16float(word >> (16u * (element & 1u))).x;
}
