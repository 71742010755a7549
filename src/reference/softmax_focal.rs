//! `loss = w_y·(1−p_y)^γ·(lse − u_y)`, `∂loss/∂u_j = K·(p_j − [j=y])`,
//! `K = w_y·((1−p_y)^γ − γ·(1−p_y)^(γ−1)·p_y·log p_y)`.

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
    // 1 − p_j as the sum over the others.
    let others = |j: usize| {
        u.iter().enumerate().filter(|(k, _)| *k != j).map(|(_, v)| (v - u[top]).exp()).sum::<f64>() / (1.0 + rest)
    };
    let gamma = f64::from(spec.gamma);
    let weight = class_weight(spec, class);
    let nll = (u[top] - u[class]) + log_sum;
    let miss = others(class);
    let focus = miss.powf(gamma);
    let (loss, factor) = if weight == 0.0 {
        (0.0, 0.0)
    } else if miss == 0.0 {
        // p_y = 1: the loss is 0, and so is the gradient's (p_y − 1).
        (0.0, if gamma == 0.0 { weight } else { 0.0 })
    } else {
        // p·log p → 0 as p → 0; −log p / (1−p) → 1 as p → 1.
        let bend = if p(class) == 0.0 { 0.0 } else { gamma * p(class) * nll / miss };
        (weight * focus * nll, weight * focus * (1.0 + bend))
    };
    let grad = (0..u.len())
        .map(|j| {
            let difference = if j == class { -others(j) } else { p(j) };
            factor * difference
        })
        .collect();
    let terms = (0..u.len()).map(|j| factor.abs() * (p(j) + if j == class { 1.0 } else { 0.0 })).collect();
    RowLoss { loss, lse: u[top] + log_sum, grad, terms }
}
