// Columns of so few classes that a thread holds its four rows in registers.

fn resident_numbers(s: RowTile, c: u32) -> vec4<u32> {
    return vec4(s.first + c);
}

fn resident_load(s: RowTile, c: u32) -> vec4<f32> {
    return load4(s.scores + c * params.inner);
}

fn resident_store(s: RowTile, c: u32, g: vec4<f32>) {
    if (all(s.exists)) {
        store4(s.grad + c * params.inner, g);
    } else {
        store_some(s.grad + c * params.inner, g, s.exists);
    }
}

fn resident_values(s: RowTile, t: ptr<function, Target>, c: u32) -> vec4<f32> {
    return target_values(t, vec4(s.first + c), s.dense + c * params.inner);
}
