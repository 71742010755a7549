//! `loss = A·lse − Σ_j B_j·u_j + z·lse²`, `∂loss/∂u_j = (A + 2z·lse)·p_j − B_j`, `u = T(x)`.

use super::RowLoss;
use crate::loss::Spec;

/// One row of scores without NaN or `+∞`, not all of them `−∞`; `counts` is false in a row without a true class.
pub(super) fn row(spec: &Spec, x: &[f64], b: &[f64], counts: bool) -> RowLoss {
    let u: Vec<f64> = x.iter().map(|x| transform(spec, *x)).collect();
    let top = argmax(&u);
    let mut grad: Vec<f64> = u.iter().map(|u_j| (u_j - u[top]).exp()).collect();
    let e = &grad;
    let rest: f64 = e.iter().enumerate().filter(|(j, _)| *j != top).map(|(_, e)| e).sum();
    let lse = u[top] + rest.ln_1p();
    let z = if counts { f64::from(spec.z_loss) } else { 0.0 };
    let a: f64 = b.iter().sum();
    let distance: f64 = b.iter().zip(&u).filter(|(b, _)| **b != 0.0).map(|(b, u_j)| b * (u[top] - u_j)).sum();
    // z-loss is a term of its own, which cancels against the others at the loss's minimum.
    let terms = (0..x.len())
        .map(|j| {
            let p = e[j] / (1.0 + rest);
            (a.abs() * p + b[j].abs() + (2.0 * z * lse).abs() * p) * slope(spec, x[j])
        })
        .collect();
    for (j, g) in grad.iter_mut().enumerate() {
        // A·p_j − B_j over the common denominator, so that p_j → 1 does not cancel.
        let e = *g;
        let others = || b.iter().enumerate().filter(|(k, _)| *k != j).map(|(_, b)| b).sum::<f64>();
        let a_less_b = if j == top { others() } else { a * e - b[j] };
        *g = (a_less_b - b[j] * rest + 2.0 * z * lse * e) / (1.0 + rest) * slope(spec, x[j]);
    }
    RowLoss { loss: distance + a * rest.ln_1p() + z * lse * lse, lse, grad, terms }
}

/// `T(x)`; `−∞` stays a mask.
pub(super) fn transform(spec: &Spec, x: f64) -> f64 {
    if x == f64::NEG_INFINITY {
        return x;
    }
    let u = spec.scale() * x;
    spec.softcap.map_or(u, |cap| f64::from(cap) * (u / f64::from(cap)).tanh())
}

/// `T'(x)`
pub(super) fn slope(spec: &Spec, x: f64) -> f64 {
    let scale = spec.scale();
    spec.softcap.map_or(scale, |cap| scale / (scale * x / f64::from(cap)).cosh().powi(2))
}

/// The first of the greatest.
pub(super) fn argmax(u: &[f64]) -> usize {
    (1..u.len()).fold(0, |best, j| if u[j] > u[best] { j } else { best })
}

/// `Σ exp(u_j − u_top)` over all classes but `top`.
pub(super) fn rest(u: &[f64], top: usize) -> f64 {
    u.iter().enumerate().filter(|(j, _)| *j != top).map(|(_, v)| (v - u[top]).exp()).sum()
}
