// Probabilities one by one, at any element.

@group(0) @binding(4) var<storage, read_write> targets: array<f32>;

fn dense4(i: u32) -> vec4<f32> {
    return vec4(targets[i], targets[i + 1u], targets[i + 2u], targets[i + 3u]);
}
