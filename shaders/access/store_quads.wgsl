// Gradients by quads into a buffer of their own.

@group(0) @binding(3) var<storage, read_write> grad: array<Stored>;

fn store4(i: u32, values: vec4<f32>) {
    grad[i / 4u] = stored_of(pack_quad(values));
}

// A quad that rows share is written by one invocation alone, and keeps what is not `inside`.
fn store_some(i: u32, values: vec4<f32>, inside: vec4<bool>) {
    store4(i, select(unpack_quad(quad_of(grad[i / 4u])), values, inside));
}
