// A quad of 16-bit elements is one word of its brick.

fn load4(i: u32) -> vec4<f32> {
    return unpack_quad(halves_of(scores[i / (4u * BRICK)][i / 4u % BRICK]));
}

fn load1(i: u32) -> f32 {
    return unpack_word(halves_of(scores[i / (4u * BRICK)][i / 4u % BRICK])[i / 2u % 2u], i);
}
