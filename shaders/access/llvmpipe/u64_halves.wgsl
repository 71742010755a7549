// Vectors of 16-bit elements as one word of 64 bits.

alias Stored = u64;

fn packed_of(stored: Stored) -> Packed4 {
    return halves_of(stored);
}

fn stored_of(vector: Packed4) -> Stored {
    return word_of(vector);
}

fn word_at(i: u32) -> Word {
    return halves_of(scores[i / 4u])[i / 2u % 2u];
}
