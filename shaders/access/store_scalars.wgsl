// f32 gradients one by one, at any element.

fn store_some(i: u32, values: vec4<f32>, inside: vec4<bool>) {
    if (inside.x) { put(i, values.x); }
    if (inside.y) { put(i + 1u, values.y); }
    if (inside.z) { put(i + 2u, values.z); }
    if (inside.w) { put(i + 3u, values.w); }
}

fn store4_behind(i: u32, vectors: u32, values: vec4<f32>) {
    store4(i + 4u * vectors, values);
}

fn store4(i: u32, values: vec4<f32>) {
    store_some(i, values, vec4(true));
}
