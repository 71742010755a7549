// B of a class in each of four held rows, as the targets tell it class by class.

fn open_held(t: Target, live: vec4<bool>) {}

fn held_weights(s: Strip, t: ptr<function, Target>, c: u32) -> vec4<f32> {
    return target_weights(held_values(s, t, c), (*t).count, held_numbers(s, c));
}
