//! `loss = t·q^γ₊·min(softplus(−u), 100) + (1−t)·m^γ₋·min(−log(1−m), 100)`, with `q = 1 − p` and `m = max(p − clip, 0)`.

use super::ElementLoss;
use super::sigmoid_ce::{logistic, softplus};
use crate::loss::Spec;

/// One element's loss and gradient; `t` is 0 or 1.
pub(super) fn element(spec: &Spec, u: f64, t: f64) -> ElementLoss {
    if u.is_nan() {
        return ElementLoss::NAN;
    }
    if t == 0.0 { negative(spec, u) } else { positive(spec, u) }
}

/// What a clamped log is, and whether it still moves with its argument.
fn clamped(minus_log: f64) -> (f64, f64) {
    (minus_log.min(100.0), f64::from(u8::from(minus_log <= 100.0)))
}

fn positive(spec: &Spec, u: f64) -> ElementLoss {
    let gamma = f64::from(spec.gamma_positive);
    let (p, q) = (logistic(u), logistic(-u));
    let (minus_log, moves) = clamped(softplus(-u));
    let focus = q.powf(gamma);
    // d(q^γ)/du = −γ·q^γ·p.
    let grad = -focus * (moves * q + gamma * p * minus_log);
    ElementLoss { loss: focus * minus_log, grad, terms: -grad }
}

/// `−log(1 − m)`. Where m is next to 1, `rest` = q + clip still has the digits of 1 − m.
fn minus_log_of_rest(u: f64, m: f64, rest: f64, clip: f64) -> f64 {
    if clip == 0.0 {
        softplus(u)
    } else if m < 0.5 {
        -(-m).ln_1p()
    } else {
        -rest.ln()
    }
}

fn negative(spec: &Spec, u: f64) -> ElementLoss {
    let (gamma, clip) = (f64::from(spec.gamma_negative), f64::from(spec.clip));
    let (p, q) = (logistic(u), logistic(-u));
    let m = p - clip;
    if m <= 0.0 {
        return ElementLoss { loss: 0.0, grad: 0.0, terms: 0.0 };
    }
    let (minus_log, moves) = clamped(minus_log_of_rest(u, m, q + clip, clip));
    let focus = m.powf(gamma);
    // dm/du = p·q; q / (1 − m) is 1 without a clip, however small q.
    let share = if clip == 0.0 { p } else { p * q / (q + clip) };
    let grad = focus * (moves * share + gamma * minus_log * p * q / m);
    // p and the clip cancel in m, on which its power hangs.
    ElementLoss { loss: focus * minus_log, grad, terms: grad * (1.0 + gamma * clip / m) }
}
