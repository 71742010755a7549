// Focal loss on a sigmoid, per element, with p = σ(u), s = p·(1−t) + (1−p)·t = 1 − p_t, and soft t allowed:
//
//     loss = α_t·s^γ·bce      ∂loss/∂u = α_t·s^γ·((p − t) + γ·bce·(1 − 2t)·p·(1−p) / s)

struct Term {
    loss: vec4<f32>,
    slope: vec4<f32>,
    outside: vec4<bool>,
}

// q^γ for q in [0, 1], γ ≥ 0; 0^0 = 1.
fn power(q: vec4<f32>, gamma: f32) -> vec4<f32> {
    if (gamma == 0.0) {
        return vec4(1.0);
    }
    if (gamma == 2.0) {
        return q * q;
    }
    return select(exp_nonpositive(min(gamma * log_nonnegative(q), vec4(0.0))), vec4(0.0), q == vec4(0.0));
}

// exp(−|u|). Without a focus, soft targets may be all but σ(u), and every digit counts.
fn exp_minus_abs(s: Sides) -> vec4<f32> {
    if (SPARSE || COUNTED || params.gamma > 0.0) {
        return shifted(exp_nonpositive(-abs(s.u)), s);
    }
    return shifted(exp_nonpositive_exact(-abs(s.u)), s);
}

fn term(s: Sides, q: vec4<f32>, unit: vec4<f32>) -> Term {
    let u = s.u;
    let t = s.t;
    let e = exp_minus_abs(s);
    let inverse = 1.0 / (1.0 + e);
    let p = select(e, vec4(1.0), u >= vec4(0.0)) * inverse;
    let complement = select(vec4(1.0), e, u >= vec4(0.0)) * inverse;
    let tail = log1p_nonnegative(e);
    let alpha = params.alpha * t + params.alpha_negative * s.rest;
    let bce = select(t * (max(-u, vec4(0.0)) + tail), vec4(0.0), t == vec4(0.0))
        + select(s.rest * (max(u, vec4(0.0)) + tail), vec4(0.0), s.rest == vec4(0.0));
    let miss = p * s.rest + complement * t;
    let focus = alpha * power(miss, params.gamma);
    let difference = s.rest * p - t * complement; // p − t
    let curvature = select(p * complement / miss, vec4(0.0), miss == vec4(0.0));
    let bend = select(params.gamma * bce * curvature, vec4(0.0), curvature == vec4(0.0)) * (s.rest - t);
    // s^γ > 0 may be too small for f32 beside an infinite term.
    let endless = is_positive_infinity(bce) & (miss > vec4(0.0)) & (alpha > vec4(0.0));
    let loss = select(select(focus * bce, vec4(0.0), focus == vec4(0.0)), bce, endless);
    let slope = select(focus * (difference + bend), vec4(0.0), focus == vec4(0.0));
    let poison = is_nan(u);
    return Term(select(loss, nan(), poison), select(slope, nan(), poison), vec4(false));
}
