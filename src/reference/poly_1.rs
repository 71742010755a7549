//! `loss = w_y·((lse − u_y) + ε·(1 − p_y))`, `∂loss/∂u_j = w_y·(1 + ε·p_y)·(p_j − [j=y])`, `u = T(x)`.

use super::logits::{argmax, rest};
use super::{Row, RowLoss, class_weight};
use crate::loss::Spec;

/// One row of scores without NaN or `+∞`, not all of them `−∞`, with its true class.
pub(super) fn row(spec: &Spec, row: &Row<'_>) -> RowLoss {
    let (u, class) = (row.u, row.label);
    let top = argmax(u);
    let rest = rest(u, top);
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
    let grad = (0..u.len())
        .map(|j| {
            let difference = if j == class { -miss } else { p(j) };
            factor * difference
        })
        .collect();
    let terms = (0..u.len()).map(|j| factor * (p(j) + if j == class { 1.0 } else { 0.0 })).collect();
    RowLoss { loss, lse: u[top] + log_sum, grad, terms }
}
