// Scores one by one, at any element.

@group(0) @binding(2) var<storage, read_write> scores: array<Word>;

fn load1(i: u32) -> f32 {
    return unpack_word(scores[i / ELEMENTS_PER_WORD], i);
}

fn load4_behind(i: u32, vectors: u32) -> vec4<f32> {
    return load4(i + 4u * vectors);
}

fn load4(i: u32) -> vec4<f32> {
    return vec4(load1(i), load1(i + 1u), load1(i + 2u), load1(i + 3u));
}
