// Quads lie in memory as they are.

alias Stored = Quad;

fn quad_of(stored: Stored) -> Quad {
    return stored;
}

fn stored_of(quad: Quad) -> Stored {
    return quad;
}

fn word_at(i: u32) -> Word {
    return scores[i / 4u][i / ELEMENTS_PER_WORD % (4u / ELEMENTS_PER_WORD)];
}
