// 16-bit gradients by words of two: `i` is even. The first two lanes are stored, both or neither.

fn store4(i: u32, values: vec4<f32>) {
    put_pair(i / 2u, pack4(values).x);
}

fn store_some(i: u32, values: vec4<f32>, inside: vec4<bool>) {
    if (inside.x) {
        store4(i, values);
    }
}
