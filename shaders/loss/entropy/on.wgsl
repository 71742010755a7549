// β·H is taken from a row's loss, never class-weighted; ∂H/∂u_j = −p_j·(log p_j + H) = −p_j·(Σ_k p_k·gap_k − gap_j), where
// gap_j = max − u_j.

// `count` is M: a row without a true class has no loss at all.
fn with_entropy(row: FinishedRow, count: vec4<f32>) -> FinishedRow {
    var r = row;
    r.entropy_factor = select(vec4(params.entropy_coefficient), vec4(0.0), count == vec4(0.0));
    r.loss -= select(r.entropy_factor * r.entropy, vec4(0.0), r.entropy_factor == vec4(0.0));
    return r;
}

// What arrives at the loss, and at the entropy itself; `scale` is all else that numerators are multiplied by.
fn entropy_arriving(
    row: FinishedRow,
    scale: vec4<f32>,
    at_loss: vec4<f32>,
    at_entropy: vec4<f32>,
) -> FinishedRow {
    var r = row;
    r.entropy_factor = (r.entropy_factor * at_loss - at_entropy) * scale;
    return r;
}

// Where p_j = 0, nothing is added.
fn plus_entropy_gradient(
    g: vec4<f32>,
    r: FinishedRow,
    x: vec4<f32>,
    numerator: vec4<f32>,
    classes: vec4<u32>,
) -> vec4<f32> {
    let gap = scaled(r.max - logit(x, classes));
    let more = r.entropy_factor * (numerator * (r.mean_gap - gap));
    return g + select(more, vec4(0.0), numerator == vec4(0.0));
}
