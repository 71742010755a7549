// Columns of so few classes that a thread holds its four rows in registers.

fn patches_held() -> bool {
    return false;
}

fn held_numbers(s: Strip, c: u32) -> vec4<u32> {
    return vec4(s.first + c);
}

fn held_load(s: Strip, c: u32) -> vec4<f32> {
    return load4(s.scores + c * params.inner);
}

fn held_store(s: Strip, c: u32, g: vec4<f32>) {
    if (all(s.exists)) {
        store4(s.grad + c * params.inner, g);
    } else {
        store_some(s.grad + c * params.inner, g, s.exists);
    }
}

fn held_values(s: Strip, t: ptr<function, Target>, c: u32) -> vec4<f32> {
    return target_values(t, vec4(s.first + c), s.dense + c * params.inner);
}
