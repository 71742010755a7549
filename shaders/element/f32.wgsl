// Scores and gradients in f32: a vector is 16 bytes.

alias Packed4 = vec4<f32>;
alias Word = f32;
const ELEMENTS_PER_WORD = 1u;

fn unpack4(vector: Packed4) -> vec4<f32> {
    return vector;
}

fn pack4(values: vec4<f32>) -> Packed4 {
    return values;
}

fn unpack_word(word: Word, element: u32) -> f32 {
    return word;
}
