// One bias a column of out, in the type of b.

@group(0) @binding(24) var<storage, read> bias: array<Word>;

fn bias_at(column: u32) -> f32 {
    let i = min(column, product.columns - 1u);
    return unpack_word(bias[i / ELEMENTS_PER_WORD], i);
}

fn with_bias(values: vec4<f32>, column: u32) -> vec4<f32> {
    return values + vec4(bias_at(column), bias_at(column + 1u), bias_at(column + 2u), bias_at(column + 3u));
}
