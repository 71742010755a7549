// Quads of 16-bit elements as one word of 64 bits.

alias Stored = u64;

fn quad_of(stored: Stored) -> Quad {
    return halves_of(stored);
}

fn stored_of(quad: Quad) -> Stored {
    return word_of(quad);
}

fn word_at(i: u32) -> Word {
    return halves_of(scores[i / 4u])[i / 2u % 2u];
}
