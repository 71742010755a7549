// Vectors of f32 as two words of 64 bits.

alias Stored = vec2<u64>;

fn packed_of(stored: Stored) -> Packed4 {
    return floats_of(stored);
}

fn stored_of(vector: Packed4) -> Stored {
    return words_of(vector);
}

fn word_at(i: u32) -> Word {
    return bitcast<f32>(halves_of(scores[i / 4u][i / 2u % 2u])[i % 2u]);
}
