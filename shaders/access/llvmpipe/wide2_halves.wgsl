// Wide loads of two vectors of 16-bit elements.

const VECTORS_PER_LOAD = 2u; // vectors
alias Wide = vec2<u64>;

fn vectors_of(wide: Wide) -> array<vec4<f32>, VECTORS_PER_LOAD> {
    return array<vec4<f32>, VECTORS_PER_LOAD>(unpack4(halves_of(wide.x)), unpack4(halves_of(wide.y)));
}

fn wide_of(vectors: array<vec4<f32>, VECTORS_PER_LOAD>) -> Wide {
    return vec2(word_of(pack4(vectors[0])), word_of(pack4(vectors[1])));
}
