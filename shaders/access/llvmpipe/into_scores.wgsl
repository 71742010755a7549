// Gradients by wide stores take the scores' place.

fn put_wide(i: u32, wide: Wide) {
    scores[i] = wide;
}

fn put_word(i: u32, word: u32, value: u64) {
    scores[i][word] = value;
}

fn written_word(i: u32, word: u32) -> u64 {
    return scores[i][word];
}
