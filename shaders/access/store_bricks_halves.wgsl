fn store4(i: u32, values: vec4<f32>) {
    grad[i / (4u * BRICK)][i / 4u % BRICK] = word_of(pack_quad(values));
}

// A quad that rows share is written by one invocation alone, and keeps what is not `inside`.
fn store_some(i: u32, values: vec4<f32>, inside: vec4<bool>) {
    store4(i, select(unpack_quad(halves_of(grad[i / (4u * BRICK)][i / 4u % BRICK])), values, inside));
}
