// B is gathered with the statistics, class by class.

fn gathered_weights(s: RowTile, t: ptr<function, Target>, c: u32) -> vec4<f32> {
    return weights_at(s, t, c);
}
