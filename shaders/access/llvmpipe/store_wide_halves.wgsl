// Single vectors of a 16-bit type, among those that are stored several at once.

fn store4(i: u32, values: vec4<f32>) {
    put_word(i / (4u * VECTORS_PER_LOAD), i / 4u % VECTORS_PER_LOAD, word_of(pack4(values)));
}

// A vector that rows share is written by one invocation alone, and keeps what is not `inside`.
fn store_some(i: u32, values: vec4<f32>, inside: vec4<bool>) {
    let before = written_word(i / (4u * VECTORS_PER_LOAD), i / 4u % VECTORS_PER_LOAD);
    store4(i, select(unpack4(halves_of(before)), values, inside));
}
