// a in f32 whatever the type of b, lines on vectors: the gradient of a chunk's logits.

@group(0) @binding(21) var<storage, read> a: array<vec4<f32>>;

// The elements from `at` on of a stored line; 0 outside.
fn load_a(line: u32, at: u32, lines: u32, width: u32) -> vec4<f32> {
    if (line >= lines || at >= width) {
        return vec4(0.0);
    }
    let values = a[(product.a_at + line * product.a_stride + at) / 4u];
    return select(vec4(0.0), values, vec4(at) + vec4(0u, 1u, 2u, 3u) < vec4(width));
}
