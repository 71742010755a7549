// Words of 64 bits. Mesa's software adapters load one word of one lane at a time, whatever the type of an array's
// elements: larger words are fewer loads.

fn halves_of(word: u64) -> vec2<u32> {
    return vec2(u32(word), u32(word >> 32u));
}

fn word_of(halves: vec2<u32>) -> u64 {
    return u64(halves.x) | (u64(halves.y) << 32u);
}

fn floats_of(words: vec2<u64>) -> vec4<f32> {
    return bitcast<vec4<f32>>(vec4(halves_of(words.x), halves_of(words.y)));
}

fn words_of(vector: vec4<f32>) -> vec2<u64> {
    let bits = bitcast<vec4<u32>>(vector);
    return vec2(word_of(bits.xy), word_of(bits.zw));
}
