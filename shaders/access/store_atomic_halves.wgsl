// 16-bit gradients one by one: the two halves of a word may belong to different invocations, so each changes
// its own bits alone, atomically.

fn store_half(i: u32, bits: u32) {
    let shift = 16u * (i & 1u);
    put_half(i / 2u, 0xffffu << shift, bits << shift);
}

fn store_some(i: u32, values: vec4<f32>, inside: vec4<bool>) {
    let bits = half_bits(values);
    if (inside.x) { store_half(i, bits.x); }
    if (inside.y) { store_half(i + 1u, bits.y); }
    if (inside.z) { store_half(i + 2u, bits.z); }
    if (inside.w) { store_half(i + 3u, bits.w); }
}

fn store4_behind(i: u32, vectors: u32, values: vec4<f32>) {
    store4(i + 4u * vectors, values);
}

fn store4(i: u32, values: vec4<f32>) {
    store_some(i, values, vec4(true));
}
