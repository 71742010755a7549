// Wide loads of two vectors of f32.

const VECTORS_PER_LOAD = 2u; // vectors
alias Wide = vec4<u64>;

fn vectors_of(wide: Wide) -> array<vec4<f32>, VECTORS_PER_LOAD> {
    return array<vec4<f32>, VECTORS_PER_LOAD>(floats_of(wide.xy), floats_of(wide.zw));
}

fn wide_of(vectors: array<vec4<f32>, VECTORS_PER_LOAD>) -> Wide {
    return vec4(words_of(vectors[0]), words_of(vectors[1]));
}

fn load4(i: u32) -> vec4<f32> {
    let word = i / 2u % 4u;
    return floats_of(vec2(scores[i / 8u][word], scores[i / 8u][word + 1u]));
}

fn load1(i: u32) -> f32 {
    return bitcast<f32>(halves_of(scores[i / 8u][i / 2u % 4u])[i % 2u]);
}
