//! Symmetric InfoNCE: half of softmax cross-entropy along the rows, and half of the same down the first columns.

use ndarray::Dimension;

use super::{Reference, run};
use crate::batch::symmetric::Halves;
use crate::batch::{Batch, Element};
use crate::error::Result;
use crate::loss::Spec;

/// Both halves.
pub(super) fn symmetric<T: Element, D: Dimension>(spec: &Spec, batch: &Batch<'_, T, D>) -> Result<Reference> {
    let halves = Halves::of(spec, batch)?;
    let plain = Spec { symmetric: false, ..spec.clone() };
    let mut along = Batch::new(&halves.rows, &halves.positives);
    along.outputs = batch.outputs;
    let rows = run(&plain, &along)?;
    let columns = run(&plain, &Batch::new(&halves.columns, &halves.positives))?;
    let middle = |a: f64, b: f64| 0.5 * (a + b);
    Ok(Reference {
        loss: middle(rows.loss, columns.loss),
        losses: 0.5 * (rows.losses + columns.losses),
        grad: Halves::joined(rows.grad, &columns.grad, middle, |a| 0.5 * a),
        terms: Halves::joined(rows.terms, &columns.terms, middle, |a| 0.5 * a),
        ..rows
    })
}
