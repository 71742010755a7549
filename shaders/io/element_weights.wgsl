// One weight an element.

@group(0) @binding(11) var<storage, read_write> element_weights: array<f32>;

fn element_weights4(i: u32) -> vec4<f32> {
    return vec4(element_weights[i], element_weights[i + 1u], element_weights[i + 2u], element_weights[i + 3u]);
}
