// Every vector's gradient is written at once, true classes included.

fn gradient_at(s: RowTile, t: ptr<function, Target>, r: FinishedRow, c: u32, x: vec4<f32>) -> vec4<f32> {
    return gradient(r, x, weights_at(s, t, c), numbers(s, c));
}

fn patch_gradient(s: RowTile, t: Target, r: FinishedRow) {}
