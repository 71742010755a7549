// Lines of b that begin on vectors: four elements of a line at once.

@group(0) @binding(22) var<storage, read> b: array<Packed4>;

// The elements from `at` on of a stored line; 0 outside.
fn load_b(line: u32, at: u32, lines: u32, width: u32) -> vec4<f32> {
    if (line >= lines || at >= width) {
        return vec4(0.0);
    }
    let values = unpack4(b[(product.b_at + line * product.b_stride + at) / 4u]);
    return select(vec4(0.0), values, vec4(at) + vec4(0u, 1u, 2u, 3u) < vec4(width));
}
