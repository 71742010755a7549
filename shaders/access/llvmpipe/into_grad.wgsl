// Gradients by wide stores go into a buffer of their own.

@group(0) @binding(3) var<storage, read_write> grad: array<Wide>;

fn put_wide(i: u32, wide: Wide) {
    grad[i] = wide;
}

fn put_word(i: u32, word: u32, value: u64) {
    grad[i][word] = value;
}

fn written_word(i: u32, word: u32) -> u64 {
    return grad[i][word];
}
