// Each row's entropy.

@group(0) @binding(21) var<storage, read_write> entropies: array<f32>;

fn put_entropy(i: u32, value: f32) {
    entropies[i] = value;
}
