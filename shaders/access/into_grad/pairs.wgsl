// Pairs of 16-bit gradients go into a buffer of their own.

@group(0) @binding(3) var<storage, read_write> grad: array<u32>;

fn put_pair(i: u32, pair: u32) {
    grad[i] = pair;
}
