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

fn term(u: vec4<f32>, t: vec4<f32>, q: vec4<f32>, unit: vec4<f32>) -> Term {
    let e = exp_nonpositive(-abs(u));
    let inverse = 1.0 / (1.0 + e);
    let p = select(e, vec4(1.0), u >= vec4(0.0)) * inverse;
    let complement = select(vec4(1.0), e, u >= vec4(0.0)) * inverse;
    let tail = log1p_nonnegative(e);
    let alpha = params.alpha * t + params.alpha_negative * (1.0 - t);
    let bce = select(t * (max(-u, vec4(0.0)) + tail), vec4(0.0), t == vec4(0.0))
        + select((1.0 - t) * (max(u, vec4(0.0)) + tail), vec4(0.0), t == vec4(1.0));
    let s = p * (1.0 - t) + complement * t;
    let focus = alpha * power(s, params.gamma);
    let difference = (1.0 - t) * p - t * complement; // p − t
    let curvature = select(p * complement / s, vec4(0.0), s == vec4(0.0));
    let bend = select(params.gamma * bce * curvature, vec4(0.0), curvature == vec4(0.0)) * (1.0 - 2.0 * t);
    // s^γ > 0 may be too small for f32 beside an infinite term.
    let endless = is_positive_infinity(bce) & (s > vec4(0.0)) & (alpha > vec4(0.0));
    let loss = select(select(focus * bce, vec4(0.0), focus == vec4(0.0)), bce, endless);
    let slope = select(focus * (difference + bend), vec4(0.0), focus == vec4(0.0));
    let poison = is_nan(u);
    return Term(select(loss, nan(), poison), select(slope, nan(), poison), vec4(false));
}
