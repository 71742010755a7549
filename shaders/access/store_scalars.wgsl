// f32 gradients one by one, at any element.

@group(0) @binding(3) var<storage, read_write> grad: array<f32>;

fn store_some(i: u32, values: vec4<f32>, inside: vec4<bool>) {
    if (inside.x) { grad[i] = values.x; }
    if (inside.y) { grad[i + 1u] = values.y; }
    if (inside.z) { grad[i + 2u] = values.z; }
    if (inside.w) { grad[i + 3u] = values.w; }
}

fn store4(i: u32, values: vec4<f32>) {
    store_some(i, values, vec4(true));
}
