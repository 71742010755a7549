// The gradient that arrives at each row's entropy.

@group(0) @binding(23) var<storage, read_write> entropy_upstream: array<f32>;

fn entropy_upstream_at(i: u32) -> f32 {
    return entropy_upstream[i];
}
