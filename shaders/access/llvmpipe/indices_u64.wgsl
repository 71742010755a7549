// The classes of lists: integers of 64 bits, loaded as such.

@group(0) @binding(5) var<storage, read_write> target_indices: array<u64>;

fn index_total() -> u32 {
    return arrayLength(&target_indices);
}

fn index_at(entry: u32) -> u32 {
    let words = halves_of(target_indices[entry]);
    return select(NO_CLASS, words.x, words.y == 0u);
}
