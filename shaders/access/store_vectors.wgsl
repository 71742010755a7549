// Gradients by vectors into a buffer of their own.

@group(0) @binding(3) var<storage, read_write> grad: array<Stored>;

fn store4(i: u32, values: vec4<f32>) {
    grad[i / 4u] = stored_of(pack4(values));
}

// A vector that rows share is written by one invocation alone, and keeps what is not `inside`.
fn store_some(i: u32, values: vec4<f32>, inside: vec4<bool>) {
    store4(i, select(unpack4(packed_of(grad[i / 4u])), values, inside));
}
