// 16-bit scores one by one from words that the gradient replaces under way: each half has one owner.

@group(0) @binding(2) var<storage, read_write> scores: array<atomic<u32>>;

fn load1(i: u32) -> f32 {
    return unpack_word(atomicLoad(&scores[i / 2u]), i);
}

fn load4_behind(i: u32, vectors: u32) -> vec4<f32> {
    return load4(i + 4u * vectors);
}

fn load4(i: u32) -> vec4<f32> {
    return vec4(load1(i), load1(i + 1u), load1(i + 2u), load1(i + 3u));
}
