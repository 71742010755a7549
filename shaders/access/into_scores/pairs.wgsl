// Pairs of 16-bit gradients take the scores' place.

fn put_pair(i: u32, pair: u32) {
    scores[i] = pair;
}
