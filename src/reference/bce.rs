//! `loss = −t·log z − (1−t)·log(1−z)`, `∂loss/∂z = (z − t) / (z·(1−z))`; logs clamped at −100, the denominator at 1e-12.

use super::ElementLoss;

/// One element's loss and gradient.
pub(super) fn element(z: f64, t: f64) -> ElementLoss {
    let loss = -t * z.ln().max(-100.0) - (1.0 - t) * (-z).ln_1p().max(-100.0);
    ElementLoss { loss, grad: (z - t) / (z * (1.0 - z)).max(1e-12), terms: 0.0 }
}
