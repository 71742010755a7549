// Sigmoid cross-entropy, per element, with target t and the positive term's weight q (all of it times `unit`, q too):
//
//     loss = (1−t)·u + (1 + (q−1)·t)·softplus(−u)      ∂loss/∂u = (q·t + 1 − t)·σ(u) − q·t

struct Term {
    loss: vec4<f32>,
    slope: vec4<f32>,
    outside: vec4<bool>, // the score is not a probability
}

fn term(u: vec4<f32>, t: vec4<f32>, q: vec4<f32>, unit: vec4<f32>) -> Term {
    let e = exp_nonpositive(-abs(u));
    let inverse = 1.0 / (1.0 + e);
    let sigma = select(e, vec4(1.0), u >= vec4(0.0)) * inverse;        // σ(u)
    let complement = select(vec4(1.0), e, u >= vec4(0.0)) * inverse;   // 1 − σ(u)
    // softplus(−u) = max(−u, 0) + log1p(e), softplus(u) = max(u, 0) + log1p(e): two terms that are never negative,
    // and a weight of 0 makes an infinite one count for nothing.
    let tail = log1p_nonnegative(e);
    let positive = q * t;
    let negative = (1.0 - t) * unit;
    let loss = select(positive * (max(-u, vec4(0.0)) + tail), vec4(0.0), positive == vec4(0.0))
        + select(negative * (max(u, vec4(0.0)) + tail), vec4(0.0), negative == vec4(0.0));
    let slope = negative * sigma - positive * complement;
    let poison = is_nan(u);
    return Term(select(loss, nan(), poison), select(slope, nan(), poison), vec4(false));
}
