// 16-bit gradients one by one go into a buffer of their own.

@group(0) @binding(3) var<storage, read_write> grad: array<atomic<u32>>;

fn put_half(i: u32, mask: u32, bits: u32) {
    atomicAnd(&grad[i], ~mask);
    atomicOr(&grad[i], bits);
}
