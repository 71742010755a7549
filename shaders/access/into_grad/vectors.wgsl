// Gradients by vectors go into a buffer of their own.

@group(0) @binding(3) var<storage, read_write> grad: array<Stored>;

fn put(i: u32, vector: Stored) {
    grad[i] = vector;
}

fn written(i: u32) -> Stored {
    return grad[i];
}
