//! Divergences between `p = softmax(x/τ)` and `t = softmax(v/τ)`: see [`Distillation`](crate::loss::Distillation).

use super::{RowLoss, logits};
use crate::loss::{Divergence, Spec};

/// The logarithms of a softmax over scores over `τ`, and the log-sum-exp. A mask has `−∞`.
fn log_softmax(scores: &[f64], temperature: f64) -> (Vec<f64>, f64) {
    let u: Vec<f64> = scores.iter().map(|v| v / temperature).collect();
    let top = logits::argmax(&u);
    let log_sum = logits::rest(&u, top).ln_1p();
    (u.iter().map(|v| (v - u[top]) - log_sum).collect(), u[top] + log_sum)
}

/// `weight·value`, 0 where the weight is.
fn weighed(weight: f64, value: f64) -> f64 {
    if weight == 0.0 { 0.0 } else { weight * value }
}

/// One row of scores without NaN or `+∞`, not all of them `−∞`, with the teacher's.
pub(super) fn row(spec: &Spec, x: &[f64], v: &[f64]) -> RowLoss {
    let temperature = f64::from(spec.temperature);
    let (log_p, lse) = log_softmax(x, temperature);
    let nothing =
        |v: &[f64]| v.iter().any(|v| v.is_nan() || *v == f64::INFINITY) || v.iter().all(|v| *v == f64::NEG_INFINITY);
    if nothing(v) {
        return RowLoss { loss: f64::NAN, lse, grad: vec![f64::NAN; x.len()], terms: vec![0.0; x.len()] };
    }
    let (log_t, _) = log_softmax(v, temperature);
    let (loss, slopes) = match spec.divergence {
        Divergence::ForwardKl => forward_kl(&log_p, &log_t),
        Divergence::ReverseKl => reverse_kl(&log_p, &log_t),
        Divergence::JensenShannon => jensen_shannon(&log_p, &log_t, f64::from(spec.lambda)),
    };
    let factor = if spec.times_temperature_squared { temperature * temperature } else { 1.0 };
    let scale = factor / temperature;
    let grad = slopes.iter().map(|(slope, _)| slope * scale).collect();
    let terms = slopes.iter().map(|(_, terms)| terms * scale).collect();
    RowLoss { loss: factor * loss, lse, grad, terms }
}

/// Loss, and the slope of each class with the size of its terms, but for the factors of `τ`.
type Slopes = (f64, Vec<(f64, f64)>);

fn forward_kl(log_p: &[f64], log_t: &[f64]) -> Slopes {
    let pairs = || log_p.iter().zip(log_t);
    // A mask is −∞ by its logarithm: a probability that underflows is none.
    let term = |(p, t): (&f64, &f64)| if *t == f64::NEG_INFINITY { 0.0 } else { weight_of(*p, t.exp(), t - p) };
    let loss = pairs().map(term).sum();
    (loss, pairs().map(|(p, t)| (p.exp() - t.exp(), p.exp() + t.exp())).collect())
}

/// A weight times a logarithm, endless where the other side has a mask, however small the weight.
fn weight_of(other: f64, weight: f64, log: f64) -> f64 {
    if other == f64::NEG_INFINITY { f64::INFINITY } else { weighed(weight, log) }
}

fn reverse_kl(log_p: &[f64], log_t: &[f64]) -> Slopes {
    let pairs = || log_p.iter().zip(log_t);
    let term = |(p, t): (&f64, &f64)| if *p == f64::NEG_INFINITY { 0.0 } else { weight_of(*t, p.exp(), p - t) };
    let loss: f64 = pairs().map(term).sum();
    if loss == f64::INFINITY {
        return (loss, vec![(f64::NAN, 0.0); log_p.len()]);
    }
    let slope =
        |(p, t): (&f64, &f64)| (weighed(p.exp(), (p - t) - loss), weighed(p.exp(), p.abs() + t.abs() + loss.abs()));
    (loss, pairs().map(slope).collect())
}

fn jensen_shannon(log_p: &[f64], log_t: &[f64], lambda: f64) -> Slopes {
    let pairs = || log_p.iter().zip(log_t);
    // log(p/m) = −log(1 + λ·(t/p − 1)), and the same of t with λ and 1 − λ exchanged.
    let of_mixture = |share: f64, own: f64, other: f64| -(share * (other - own).exp_m1()).ln_1p();
    let of_p = |p: f64, t: f64| if t == f64::NEG_INFINITY { -(-lambda).ln_1p() } else { of_mixture(lambda, p, t) };
    let of_t = |p: f64, t: f64| if p == f64::NEG_INFINITY { -lambda.ln() } else { of_mixture(1.0 - lambda, t, p) };
    let over_t: f64 = pairs().map(|(p, t)| weighed(t.exp(), of_t(*p, *t))).sum();
    let over_p: f64 = pairs().map(|(p, t)| weighed(p.exp(), of_p(*p, *t))).sum();
    let slope = |(p, t): (&f64, &f64)| {
        let log = of_p(*p, *t);
        let weight = (1.0 - lambda) * p.exp();
        let sizes = if t.is_finite() { p.abs() + t.abs() } else { p.abs() };
        (weighed(weight, log - over_p), weighed(weight, sizes + over_p.abs()))
    };
    (lambda * over_t + (1.0 - lambda) * over_p, pairs().map(slope).collect())
}
