// B of a class in each of four held rows, as the targets tell it class by class.

fn open_held(t: Target, live: vec4<bool>) {}

fn held_weights(s: Strip, t: ptr<function, Target>, c: u32) -> vec4<f32> {
    return target_weights(held_values(s, t, c), (*t).count, held_numbers(s, c));
}

// All of it is gathered class by class.
fn held_listed(s: Strip, t: Target, live: vec4<bool>, top: vec4<f32>) -> array<vec4<f32>, 3> {
    return array<vec4<f32>, 3>(vec4(0.0), vec4(0.0), vec4(0.0));
}
