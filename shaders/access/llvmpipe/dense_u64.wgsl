// Probabilities by vectors of two words: `i` is a multiple of 4 elements.

@group(0) @binding(4) var<storage, read_write> targets: array<vec2<u64>>;

fn dense4(i: u32) -> vec4<f32> {
    return floats_of(targets[i / 4u]);
}
