// B of a class in each of four held rows, as the targets tell it class by class.

fn open_resident(t: Target, live: vec4<bool>) {}

fn resident_weights(s: RowTile, t: ptr<function, Target>, c: u32) -> vec4<f32> {
    return target_weights(resident_values(s, t, c), (*t).count, resident_numbers(s, c));
}

// All of it is gathered class by class.
fn resident_listed(s: RowTile, t: Target, live: vec4<bool>, row_max: vec4<f32>) -> array<vec4<f32>, 3> {
    return array<vec4<f32>, 3>(vec4(0.0), vec4(0.0), vec4(0.0));
}
