// Softmax focal loss on one true class y, with q = 1 − p_y taken as a sum of the others:
//
//     loss = w_y·q^γ·(lse − u_y)      ∂loss/∂u_j = K·(p_j − [j = y])      K = w_y·(q^γ − γ·q^(γ−1)·p_y·log p_y)

// a = w_y, d = w_y·(max − u_y)
fn with_loss(row: FinishedRow, a: vec4<f32>, d: vec4<f32>, log_sum: vec4<f32>, count: vec4<f32>) -> FinishedRow {
    var r = row;
    let gap = select(d / a, vec4(0.0), a == vec4(0.0));
    let nll = gap + log_sum;
    let e = exp_nonpositive(-gap);
    let p = e * r.scale;
    let q = select(r.rest + (1.0 - e), r.rest, gap == vec4(0.0)) * r.scale; // 1 − p_y
    let focus = power(q, params.gamma);
    // γ·q^(γ−1)·p·log p, where −log p / q → 1 as q → 0
    let ratio = select(nll / q, vec4(1.0), q == vec4(0.0));
    let factor = focus * (1.0 + select(params.gamma * p * ratio, vec4(0.0), p == vec4(0.0)));
    r.loss = a * select(focus * nll, vec4(0.0), focus == vec4(0.0));
    r.p_factor = a * factor;
    r.b_factor = factor;
    return r;
}

// q^γ for q in [0, 1], γ ≥ 0; 0^0 = 1.
fn power(q: vec4<f32>, gamma: f32) -> vec4<f32> {
    if (gamma == 0.0) {
        return vec4(1.0);
    }
    if (gamma == 1.0) {
        return q;
    }
    if (gamma == 2.0) {
        return q * q;
    }
    return select(exp_nonpositive(min(gamma * log_nonnegative(q), vec4(0.0))), vec4(0.0), q == vec4(0.0));
}
