// Poly-1 cross-entropy on one true class y, with q = 1 − p_y taken as a sum of the others:
//
//     loss = w_y·((lse − u_y) + ε·q)      ∂loss/∂u_j = w_y·(1 + ε·p_y)·(p_j − [j = y])

// a = w_y, d = w_y·(max − u_y)
fn with_loss(row: FinishedRow, a: vec4<f32>, d: vec4<f32>, log_sum: vec4<f32>, count: vec4<f32>) -> FinishedRow {
    var r = row;
    let gap = select(d / a, vec4(0.0), a == vec4(0.0));
    let e = exp_nonpositive(-gap);
    let p = e * r.scale;
    let q = select(r.rest + (1.0 - e), r.rest, gap == vec4(0.0)) * r.scale;
    // 1 + ε·p_y with terms of one sign: for ε near −1 it is as small as q in confident rows.
    let factor = select(1.0 + params.epsilon * p, (1.0 + params.epsilon) - params.epsilon * q, params.epsilon < 0.0);
    r.loss = a * ((gap + log_sum) + params.epsilon * q);
    r.p_factor = a * factor;
    r.b_factor = factor;
    return r;
}
