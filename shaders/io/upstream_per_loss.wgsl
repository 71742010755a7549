// The gradient that arrives at each unreduced loss.

@group(0) @binding(7) var<storage, read_write> upstream: array<f32>;

fn upstream_at(i: u32) -> f32 {
    return upstream[i];
}

fn upstream4(i: u32) -> vec4<f32> {
    return vec4(upstream[i], upstream[i + 1u], upstream[i + 2u], upstream[i + 3u]);
}
