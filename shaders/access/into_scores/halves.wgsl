// 16-bit gradients one by one take the scores' place.

fn put_half(i: u32, mask: u32, bits: u32) {
    atomicAnd(&scores[i], ~mask);
    atomicOr(&scores[i], bits);
}
