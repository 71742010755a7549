// Single vectors of f32, among those that are stored two at once.

fn store4(i: u32, values: vec4<f32>) {
    let words = words_of(values);
    let word = i / 2u % 4u;
    put_word(i / 8u, word, words.x);
    put_word(i / 8u, word + 1u, words.y);
}

// A vector that rows share is written by one invocation alone, and keeps what is not `inside`.
fn store_some(i: u32, values: vec4<f32>, inside: vec4<bool>) {
    let word = i / 2u % 4u;
    let before = vec2(written_word(i / 8u, word), written_word(i / 8u, word + 1u));
    store4(i, select(floats_of(before), values, inside));
}
