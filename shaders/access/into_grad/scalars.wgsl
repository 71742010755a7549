// Gradients one by one go into a buffer of their own.

@group(0) @binding(3) var<storage, read_write> grad: array<f32>;

fn put(i: u32, value: f32) {
    grad[i] = value;
}
