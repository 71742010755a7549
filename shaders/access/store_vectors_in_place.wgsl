// Gradients by vectors over the scores.

fn store4(i: u32, values: vec4<f32>) {
    scores[i / 4u] = stored_of(pack4(values));
}

// A vector that rows share is written by one invocation alone, and keeps what is not `inside`.
fn store_some(i: u32, values: vec4<f32>, inside: vec4<bool>) {
    store4(i, select(load4(i), values, inside));
}
