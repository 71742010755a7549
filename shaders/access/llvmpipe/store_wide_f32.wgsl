fn store4(i: u32, values: vec4<f32>) {
    let words = words_of(values);
    let word = i / 2u % 4u;
    grad[i / 8u][word] = words.x;
    grad[i / 8u][word + 1u] = words.y;
}

// A vector that rows share is written by one invocation alone, and keeps what is not `inside`.
fn store_some(i: u32, values: vec4<f32>, inside: vec4<bool>) {
    let word = i / 2u % 4u;
    store4(i, select(floats_of(vec2(grad[i / 8u][word], grad[i / 8u][word + 1u])), values, inside));
}
