// One byte an element, 0 or not, four to a word: t is 0 or 1.

@group(0) @binding(4) var<storage, read_write> targets: array<u32>;

const COUNTED = true; // M is the row's sum of t

// The bytes of elements i..i+3, which may lie across two words.
fn target_values(t: ptr<function, Target>, classes: vec4<u32>, i: u32) -> vec4<f32> {
    let shift = 8u * (i % 4u);
    var word = targets[i / 4u] >> shift;
    if (shift != 0u) {
        word |= targets[i / 4u + 1u] << (32u - shift);
    }
    let bytes = (vec4(word) >> vec4(0u, 8u, 16u, 24u)) & vec4(0xffu);
    return select(vec4(0.0), vec4(1.0), bytes != vec4(0u));
}
