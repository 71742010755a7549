//! c
use crate::batch::*;
use crate::error::*;
use crate::loss::Spec;
use ndarray::Dimension;
pub(crate) fn check<T: Element, D: Dimension>(spec: &Spec, batch: &Batch<'_, T, D>) -> Result<Shape> {
    let s = Shape::of(batch.scores.shape()).unwrap();
    spec.check(s.classes)?;
    Ok(s)
}
