// The place of each row's true class.

@group(0) @binding(22) var<storage, read_write> ranks: array<u32>;

fn put_rank(i: u32, value: u32) {
    ranks[i] = value;
}
