//! `loss = (1−t)·u + (1 + (q−1)·t)·softplus(−u)`, `∂loss/∂u = (q·t + 1 − t)·σ(u) − q·t`.

use super::ElementLoss;
use super::elements::Share;

/// One element's loss and gradient, with the positive term's weight `q`.
pub(super) fn element(u: f64, Share { t, rest }: Share, q: f64) -> ElementLoss {
    // The same, by terms that are never negative: q·t·softplus(−u) + (1−t)·softplus(u).
    let weighed = |weight: f64, value: f64| if weight == 0.0 { 0.0 } else { weight * value };
    let loss = weighed(q * t, softplus(-u)) + weighed(rest, softplus(u));
    if u.is_nan() {
        return ElementLoss::NAN;
    }
    let grad = rest * logistic(u) - q * t * logistic(-u);
    ElementLoss { loss, grad, terms: (q * t + rest) * logistic(u) + q * t }
}

/// `log(1 + exp(x))`
pub(super) fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// `1 / (1 + exp(−x))`
pub(super) fn logistic(x: f64) -> f64 {
    if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) }
}
