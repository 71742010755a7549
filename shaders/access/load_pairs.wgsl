// 16-bit scores by words of two: `i` is even. The first two lanes are loaded.

@group(0) @binding(2) var<storage, read_write> scores: array<Word>;

fn load1(i: u32) -> f32 {
    return unpack_word(scores[i / 2u], i);
}

fn load4(i: u32) -> vec4<f32> {
    let word = scores[i / 2u];
    return vec4(unpack_word(word, 0u), unpack_word(word, 1u), 0.0, 0.0);
}
