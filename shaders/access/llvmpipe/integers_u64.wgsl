// Labels and list offsets: integers of 64 bits, loaded as such.

@group(0) @binding(4) var<storage, read_write> targets: array<u64>;

// Element `i` as (low, high) words.
fn target_integer(i: u32) -> vec2<u32> {
    return halves_of(targets[i]);
}
