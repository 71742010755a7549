//! `loss = −Σ_j B_j·log z_j`, `∂loss/∂z_j = −B_j / z_j`; logs clamped at −100, denominators at 1e-12.

use super::RowLoss;

/// One row of probabilities.
pub(super) fn row(z: &[f64], b: &[f64]) -> RowLoss {
    let terms = b.iter().zip(z).filter(|(b, _)| **b != 0.0);
    let grad = b.iter().zip(z).map(|(b, z)| if *b == 0.0 { 0.0 } else { -b / z.max(1e-12) }).collect();
    let loss = terms.map(|(b, z)| -b * z.ln().max(-100.0)).sum();
    RowLoss { loss, lse: 0.0, grad, terms: vec![0.0; z.len()] }
}
