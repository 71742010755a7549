// Lines of b that begin anywhere: one element after another.

@group(0) @binding(22) var<storage, read> b: array<Word>;

// The elements from `at` on of a stored line; 0 outside.
fn load_b(line: u32, at: u32, lines: u32, width: u32) -> vec4<f32> {
    let i = product.b_at + min(line, lines - 1u) * product.b_stride;
    let inside = min(vec4(at) + vec4(0u, 1u, 2u, 3u), vec4(width - 1u));
    let values = vec4(
        element_of_b(i + inside.x),
        element_of_b(i + inside.y),
        element_of_b(i + inside.z),
        element_of_b(i + inside.w),
    );
    return select(vec4(0.0), values, vec4(line < lines) & (vec4(at) + vec4(0u, 1u, 2u, 3u) < vec4(width)));
}

fn element_of_b(i: u32) -> f32 {
    return unpack_word(b[i / ELEMENTS_PER_WORD], i);
}
