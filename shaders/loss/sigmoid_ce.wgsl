// Sigmoid cross-entropy, per element, with target t and the positive term's weight q (all of it times `unit`, q too):
//
//     loss = (1−t)·u + (1 + (q−1)·t)·softplus(−u)      ∂loss/∂u = (q·t + 1 − t)·σ(u) − q·t

struct Term {
    loss: vec4<f32>,
    slope: vec4<f32>,
    outside: vec4<bool>, // the score is not a probability
}

fn term(s: Sides, q: vec4<f32>, unit: vec4<f32>) -> Term {
    // Beside a huge q counts what f32 does not hold without it: e is taken 2^64 times as large.
    let lifted = vec4(WEIGHTED) & (unit < vec4(1.0)) & (abs(s.u) > vec4(64.0));
    let sunk = select(vec4(1.0), vec4(5.421011e-20), lifted);
    let high = exp_minus_abs(s, select(vec4(0.0), vec4(44.36142), lifted));
    let e = high * sunk;
    let inverse = 1.0 / (1.0 + e);
    let above = s.u >= vec4(0.0);
    let sigma = select(e, vec4(1.0), above) * inverse;           // σ(u)
    let complement = select(vec4(1.0), high, above) * inverse;   // 1 − σ(u), but for `sunk`
    // softplus(−u) = max(−u, 0) + log1p(e), softplus(u) = max(u, 0) + log1p(e): two terms that are never negative,
    // and a weight of 0 makes an infinite one count for nothing.
    let tail = log1p_nonnegative(e);
    let positive = q * s.t;
    let negative = s.rest * unit;
    let pulled = positive * max(-s.u, vec4(0.0)) + (positive * select(tail, high, lifted)) * sunk;
    let loss = select(pulled, vec4(0.0), positive == vec4(0.0))
        + select(negative * (max(s.u, vec4(0.0)) + tail), vec4(0.0), negative == vec4(0.0));
    let slope = negative * sigma - (positive * complement) * select(vec4(1.0), sunk, above);
    let poison = is_nan(s.u);
    return Term(select(loss, nan(), poison), select(slope, nan(), poison), vec4(false));
}

// exp(shift − |u|). Where targets are soft, they may be all but σ(u), and every digit counts.
fn exp_minus_abs(s: Sides, shift: vec4<f32>) -> vec4<f32> {
    if (SPARSE || COUNTED) {
        return exp_nonpositive(shift - abs(s.u));
    }
    return shifted(exp_nonpositive_exact(shift - abs(s.u)), s);
}
