// The classes of lists: integers of one or two words.

override INDEX_WORDS: u32 = 1u;

@group(0) @binding(5) var<storage, read_write> target_indices: array<u32>;

fn index_total() -> u32 {
    return arrayLength(&target_indices) / INDEX_WORDS;
}

fn index_at(entry: u32) -> u32 {
    if (INDEX_WORDS == 2u && target_indices[entry * 2u + 1u] != 0u) {
        return NO_CLASS;
    }
    return target_indices[entry * INDEX_WORDS];
}
