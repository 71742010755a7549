//! `loss = α_t·s^γ·bce`, where `s = 1 − p_t = p·(1−t) + (1−p)·t`, `bce = (1−t)·u + softplus(−u)` and
//! `α_t = α·t + (1−α)·(1−t)`.

use super::ElementLoss;
use super::elements::Share;
use super::sigmoid_ce::{logistic, softplus};
use crate::loss::Spec;

/// One element's loss and gradient.
pub(super) fn element(spec: &Spec, u: f64, Share { t, rest }: Share) -> ElementLoss {
    if u.is_nan() {
        return ElementLoss::NAN;
    }
    let gamma = f64::from(spec.gamma);
    let alpha = spec.alpha.map_or(1.0, |a| f64::from(a) * t + (1.0 - f64::from(a)) * rest);
    let (p, q) = (logistic(u), logistic(-u));
    let weighed = |weight: f64, value: f64| if weight == 0.0 { 0.0 } else { weight * value };
    let bce = weighed(t, softplus(-u)) + weighed(rest, softplus(u));
    let s = p * rest + q * t;
    let focus = s.powf(gamma);
    // d(s^γ)/du = γ·s^(γ−1)·(1 − 2t)·p·q; p·q / s stays finite as s → 0.
    let curvature = if s == 0.0 { 0.0 } else { p * q / s };
    let bend = weighed(gamma * curvature * (rest - t), bce);
    let slope = rest * p - t * q;
    ElementLoss {
        loss: weighed(alpha * focus, bce),
        grad: weighed(alpha * focus, slope + bend),
        terms: weighed(alpha * focus, p + t + bend.abs()),
    }
}
