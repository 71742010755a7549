// Scores by vectors: `i` is a multiple of 4 elements.

@group(0) @binding(2) var<storage, read_write> scores: array<Stored>;

fn load4(i: u32) -> vec4<f32> {
    return unpack4(packed_of(scores[i / 4u]));
}

// The vector that many vectors behind element `i`.
fn load4_behind(i: u32, vectors: u32) -> vec4<f32> {
    return unpack4(packed_of(scores[i / 4u + vectors]));
}

fn load1(i: u32) -> f32 {
    return unpack_word(word_at(i), i);
}
