// z·lse² on top of a row's loss, never class-weighted; 2z·lse·p_j on top of its gradient.

// `count` is M: a row without a true class has no loss at all.
fn with_z_loss(row: FinishedRow, count: vec4<f32>) -> FinishedRow {
    var r = row;
    let z = select(vec4(params.z_loss), vec4(0.0), count == vec4(0.0));
    r.loss += z * r.lse * r.lse;
    r.z_factor = 2.0 * z;
    return r;
}

fn z_arriving(row: FinishedRow, scale: vec4<f32>) -> FinishedRow {
    var r = row;
    // The factors of the greatest and the least size first: only what is out of range in the end is so on the way.
    let x = r.z_factor;
    let y = abs(r.lse);
    let z = abs(scale);
    let most = max(max(x, y), z);
    let least = min(min(x, y), z);
    let middle = max(min(x, y), min(max(x, y), z));
    r.z_factor = ((most * least) * middle) * (sign(r.lse) * sign(scale));
    return r;
}

// Where p_j = 0, nothing is added.
fn plus_z_gradient(g: vec4<f32>, r: FinishedRow, numerator: vec4<f32>) -> vec4<f32> {
    return g + select(r.z_factor * numerator, vec4(0.0), numerator == vec4(0.0));
}
