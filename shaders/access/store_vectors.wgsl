// Gradients by vectors: `i` is a multiple of 4 elements.

fn store4(i: u32, values: vec4<f32>) {
    put(i / 4u, stored_of(pack4(values)));
}

// The vector that many vectors behind element `i`.
fn store4_behind(i: u32, vectors: u32, values: vec4<f32>) {
    put(i / 4u + vectors, stored_of(pack4(values)));
}

// A vector that rows share is written by one invocation alone, and keeps what is not `inside`.
fn store_some(i: u32, values: vec4<f32>, inside: vec4<bool>) {
    store4(i, select(unpack4(packed_of(written(i / 4u))), values, inside));
}
