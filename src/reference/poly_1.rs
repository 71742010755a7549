//! `loss = w_y·((lse − u_y) + ε·(1 − p_y))`, `∂loss/∂u_j = w_y·(1 + ε·p_y)·(p_j − [j=y])`, `u = T(x)`.

use super::{RowLoss, class_weight, softmax_ce};
use crate::loss::Spec;

/// One row of scores without NaN or `+∞`, not all of them `−∞`, with its true class.
pub(super) fn row(spec: &Spec, x: &[f64], class: usize) -> RowLoss {
    let u: Vec<f64> = x.iter().map(|x| softmax_ce::transform(spec, *x)).collect();
    let top = softmax_ce::argmax(&u);
    let rest = softmax_ce::rest(&u, top);
    let log_sum = rest.ln_1p();
    let p = |j: usize| (u[j] - u[top]).exp() / (1.0 + rest);
    // 1 − p_y as the sum over the others.
    let miss =
        u.iter().enumerate().filter(|(k, _)| *k != class).map(|(_, v)| (v - u[top]).exp()).sum::<f64>() / (1.0 + rest);
    let epsilon = f64::from(spec.epsilon);
    let weight = class_weight(spec, class);
    let nll = (u[top] - u[class]) + log_sum;
    // 1 + ε·p_y with terms of one sign.
    let slope = if epsilon < 0.0 { (1.0 + epsilon) - epsilon * miss } else { 1.0 + epsilon * p(class) };
    let (loss, factor) = if weight == 0.0 { (0.0, 0.0) } else { (weight * (nll + epsilon * miss), weight * slope) };
    let grad = (0..x.len())
        .map(|j| {
            let difference = if j == class { -miss } else { p(j) };
            factor * difference * softmax_ce::slope(spec, x[j])
        })
        .collect();
    let terms = (0..x.len())
        .map(|j| factor * (p(j) + if j == class { 1.0 } else { 0.0 }) * softmax_ce::slope(spec, x[j]))
        .collect();
    RowLoss { loss, lse: u[top] + log_sum, grad, terms }
}
