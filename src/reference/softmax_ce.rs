//! `loss = A·lse − Σ_j B_j·u_j + z·lse²`, `∂loss/∂u_j = (A + 2z·lse)·p_j − B_j`. What an entropy adds is put to it where
//! entropies are.

use super::logits::argmax;
use super::{Row, RowLoss};
use crate::loss::Spec;

/// One row of scores without NaN or `+∞`, not all of them `−∞`; z-loss counts where a class is true.
pub(super) fn row(spec: &Spec, row: &Row<'_>) -> RowLoss {
    let (u, b) = (row.u, row.b);
    let top = argmax(u);
    let mut grad: Vec<f64> = u.iter().map(|u_j| (u_j - u[top]).exp()).collect();
    let e = &grad;
    let rest: f64 = e.iter().enumerate().filter(|(j, _)| *j != top).map(|(_, e)| e).sum();
    let lse = u[top] + rest.ln_1p();
    let z = if row.counts { f64::from(spec.z_loss) } else { 0.0 };
    let a: f64 = b.iter().sum();
    let distance: f64 = b.iter().zip(u).filter(|(b, _)| **b != 0.0).map(|(b, u_j)| b * (u[top] - u_j)).sum();
    // z-loss is a term of its own, which cancels against the others at the loss's minimum; so do the two parts of lse near 0.
    let lse_terms = u[top].abs() + rest.ln_1p();
    let terms = (0..u.len())
        .map(|j| {
            let p = e[j] / (1.0 + rest);
            a.abs() * p + b[j].abs() + 2.0 * z * lse_terms * p
        })
        .collect();
    for (j, g) in grad.iter_mut().enumerate() {
        // A·p_j − B_j over the common denominator, so that p_j → 1 does not cancel.
        let e = *g;
        let others = || b.iter().enumerate().filter(|(k, _)| *k != j).map(|(_, b)| b).sum::<f64>();
        let a_less_b = if j == top { others() } else { a * e - b[j] };
        *g = (a_less_b - b[j] * rest + 2.0 * z * lse * e) / (1.0 + rest);
    }
    RowLoss { loss: distance + a * rest.ln_1p() + z * lse * lse, lse, grad, terms }
}
