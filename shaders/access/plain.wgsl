// Vectors lie in memory as they are.

alias Stored = Packed4;

fn packed_of(stored: Stored) -> Packed4 {
    return stored;
}

fn stored_of(vector: Packed4) -> Stored {
    return vector;
}

fn word_at(i: u32) -> Word {
    return scores[i / 4u][i / ELEMENTS_PER_WORD % (4u / ELEMENTS_PER_WORD)];
}
