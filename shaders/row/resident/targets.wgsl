// B of a class in each of four resident rows, as the targets tell it class by class.

fn open_resident(t: Target, live: vec4<bool>) {}

fn resident_weights(s: RowTile, t: ptr<function, Target>, c: u32) -> vec4<f32> {
    return target_weights(resident_values(s, t, c), (*t).count, resident_numbers(s, c));
}
