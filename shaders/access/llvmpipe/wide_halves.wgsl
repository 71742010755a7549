// A vector of 16-bit elements is one word of its wide load.

fn load4(i: u32) -> vec4<f32> {
    return unpack4(halves_of(scores[i / (4u * VECTORS_PER_LOAD)][i / 4u % VECTORS_PER_LOAD]));
}

fn load1(i: u32) -> f32 {
    return unpack_word(halves_of(scores[i / (4u * VECTORS_PER_LOAD)][i / 4u % VECTORS_PER_LOAD])[i / 2u % 2u], i);
}
