// Scores and gradients in f32: a quad is 16 bytes.

alias Quad = vec4<f32>;
alias Word = f32;
const ELEMENTS_PER_WORD = 1u;

fn unpack_quad(quad: Quad) -> vec4<f32> {
    return quad;
}

fn pack_quad(values: vec4<f32>) -> Quad {
    return values;
}

fn unpack_word(word: Word, element: u32) -> f32 {
    return word;
}
