// The gradient that arrives at the reduced loss.

@group(0) @binding(7) var<storage, read_write> upstream: array<f32>;

fn scalar_upstream() -> f32 {
    return upstream[0];
}
