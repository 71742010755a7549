// Asymmetric loss, per element of target 0 or 1, with p = σ(u), q = 1 − p and m = max(p − clip, 0):
//
//     loss = t·q^γ₊·min(−log p, 100) + (1−t)·m^γ₋·min(−log(1−m), 100)
//     ∂loss/∂u = −t·q^γ₊·(q + γ₊·p·(−log p)) + (1−t)·m^γ₋·(1/(1−m) + γ₋·(−log(1−m))/m)·p·q

struct Term {
    loss: vec4<f32>,
    slope: vec4<f32>,
    outside: vec4<bool>,
}

// x^γ for x in [0, 1], γ ≥ 0; 0^0 = 1.
fn power(x: vec4<f32>, gamma: f32) -> vec4<f32> {
    if (gamma == 0.0) {
        return vec4(1.0);
    }
    if (gamma == 1.0) {
        return x;
    }
    if (gamma == 2.0) {
        return x * x;
    }
    if (gamma == 4.0) {
        return (x * x) * (x * x);
    }
    return select(exp_nonpositive(min(gamma * log_nonnegative(x), vec4(0.0))), vec4(0.0), x == vec4(0.0));
}

fn term(s: Sides, weight: vec4<f32>, unit: vec4<f32>) -> Term {
    let u = s.u;
    let e = exp_nonpositive(-abs(u));
    let inverse = 1.0 / (1.0 + e);
    let p = select(e, vec4(1.0), u >= vec4(0.0)) * inverse;
    let q = select(vec4(1.0), e, u >= vec4(0.0)) * inverse;
    let tail = log1p_nonnegative(e);

    // A log that is clamped does not move.
    let log_p = max(-u, vec4(0.0)) + tail;
    let positive_log = min(log_p, vec4(100.0));
    let positive_focus = power(q, params.gamma_positive);
    let pull = select(q, vec4(0.0), log_p > vec4(100.0)) + params.gamma_positive * p * positive_log;

    // Without a clip 1 − m = q, which may be too small for f32.
    let clipped = params.clip > 0.0;
    let m = p - params.clip;
    let left = q + params.clip;
    let log_left = select(max(u, vec4(0.0)) + tail, log1p_nonnegative(max(m, vec4(0.0)) / left), vec4(clipped));
    let negative_log = min(log_left, vec4(100.0));
    let counts = m > vec4(0.0);
    let negative_focus = power(max(m, vec4(0.0)), params.gamma_negative);
    let share = select(p, p * q / left, vec4(clipped));
    let bend = params.gamma_negative * negative_log * (p * q / m);
    let push = select(share, vec4(0.0), log_left > vec4(100.0)) + bend;

    let is_true = s.t != vec4(0.0);
    let loss = select(select(vec4(0.0), negative_focus * negative_log, counts), positive_focus * positive_log, is_true);
    let slope = select(select(vec4(0.0), negative_focus * push, counts), -positive_focus * pull, is_true);
    let poison = is_nan(u);
    return Term(select(loss, nan(), poison), select(slope, nan(), poison), vec4(false));
}
