//! What comes back of a one-call batch: outputs from the bytes that were read, or the error that the status tells of.

use ndarray::{Array, ArrayD, Dimension, IxDyn};

use super::places::Places;
use crate::batch::check::row_dims;
use crate::batch::{Batch, Element, Output, Targets};
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::loss::{Reduction, Spec};
use crate::plan::Status;

/// The results from the staging buffer's bytes, or the error that the status tells of.
pub(super) fn collect<T: Element, D: Dimension>(
    spec: &Spec,
    batch: &Batch<'_, T, D>,
    layout: &Layout,
    places: &Places,
    bytes: &[u8],
    summed: Option<f32>,
) -> Result<Output<T, D>> {
    let status: Status = take(bytes, places.status, 1)[0];
    complain(&status, batch, layout)?;
    let rows = layout.shape.rows();
    let row_dims = row_dims(batch.scores.shape());
    let losses_dims = if spec.kind.per_row() { row_dims.clone() } else { batch.scores.shape().to_vec() };
    let loss_count = losses_dims.iter().product();
    Ok(Output {
        loss: summed.unwrap_or_else(|| take(bytes, places.loss, 1)[0]),
        grad: places
            .grad
            .map(|at| {
                let all: Vec<T> = take(bytes, at, layout.grad_bytes() as usize / size_of::<T>());
                array(batch.scores.raw_dim(), without_gaps(all, layout.shape.slab(), layout.grad_step() as usize))
            })
            .transpose()?,
        losses: places
            .losses
            .filter(|_| layout.outputs.hands_out_losses(spec))
            .map(|at| array(IxDyn(&losses_dims), take(bytes, at, loss_count)))
            .transpose()?,
        lse: places.lse.map(|at| array(IxDyn(&row_dims), take(bytes, at, rows))).transpose()?,
        argmax: places.argmax.map(|at| array(IxDyn(&row_dims), take(bytes, at, rows))).transpose()?,
        correct: layout.outputs.correct.then_some(u64::from(status.correct_rows)),
        log_prob: places.log_prob.map(|at| array(IxDyn(&row_dims), take(bytes, at, rows))).transpose()?,
        entropy: places.entropy.map(|at| array(IxDyn(&row_dims), take(bytes, at, rows))).transpose()?,
        rank: places.rank.map(|at| array(IxDyn(&row_dims), take(bytes, at, rows))).transpose()?,
        grad_class_bias: places
            .grad_class_bias
            .map(|at| array(IxDyn(&[layout.shape.classes]), take(bytes, at, layout.shape.classes)))
            .transpose()?,
    })
}

pub(super) fn take<E: bytemuck::Pod>(bytes: &[u8], at: u64, count: usize) -> Vec<E> {
    let at = at as usize;
    bytemuck::pod_collect_to_vec(&bytes[at..at + count * size_of::<E>()])
}

/// The first `slab` of every `step` elements.
fn without_gaps<E: Copy>(elements: Vec<E>, slab: usize, step: usize) -> Vec<E> {
    if slab == step {
        return elements;
    }
    elements.chunks(step).flat_map(|chunk| &chunk[..slab]).copied().collect()
}

/// An array over as many elements as its shape has.
fn array<E, D: Dimension>(shape: D, elements: Vec<E>) -> Result<Array<E, D>> {
    let got = vec![elements.len()];
    let expected = shape.slice().to_vec();
    Array::from_shape_vec(shape, elements).map_err(|_| Error::Shape { what: "result", got, expected })
}

/// The error that a status tells of.
fn complain<T: Element, D: Dimension>(status: &Status, batch: &Batch<'_, T, D>, layout: &Layout) -> Result<()> {
    if let Some(row) = status.first_bad_row() {
        let count = u64::from(status.bad_rows);
        return Err(match &batch.targets {
            Targets::Classes(labels) => Error::ClassOutOfRange {
                row: u64::from(row),
                class: labels.iter().nth(row as usize).unwrap_or_default(),
                classes: layout.shape.classes as u64,
                count,
            },
            _ => {
                let problem = "its list is not strictly increasing within the classes".to_owned();
                Error::ClassList { row: u64::from(row), problem, count }
            }
        });
    }
    if let Some(row) = status.first_outside_row() {
        return Err(Error::ProbabilityOutOfRange { row: u64::from(row), count: u64::from(status.outside_rows) });
    }
    Ok(())
}

/// The results of a batch without rows.
pub(super) fn empty<T: Element, D: Dimension>(spec: &Spec, batch: &Batch<'_, T, D>) -> Output<T, D> {
    let row_dims = row_dims(batch.scores.shape());
    let losses_dims = if spec.kind.per_row() { row_dims.clone() } else { batch.scores.shape().to_vec() };
    let outputs = batch.outputs;
    let over_nothing = match spec.reduction {
        Reduction::Mean => spec.denominator.is_none(),
        Reduction::BatchMean => batch.scores.shape().first() == Some(&0),
        Reduction::None | Reduction::Sum => false,
    };
    Output {
        loss: if over_nothing { spec.empty_mean.value() } else { 0.0 },
        grad: outputs.grad.then(|| Array::from_shape_simple_fn(batch.scores.raw_dim(), T::default)),
        losses: outputs.hands_out_losses(spec).then(|| ArrayD::zeros(IxDyn(&losses_dims))),
        lse: outputs.lse.then(|| ArrayD::zeros(IxDyn(&row_dims))),
        argmax: outputs.argmax.then(|| ArrayD::zeros(IxDyn(&row_dims))),
        correct: outputs.correct.then_some(0),
        log_prob: outputs.log_prob.then(|| ArrayD::zeros(IxDyn(&row_dims))),
        entropy: outputs.entropy.then(|| ArrayD::zeros(IxDyn(&row_dims))),
        rank: outputs.rank.then(|| ArrayD::zeros(IxDyn(&row_dims))),
        grad_class_bias: outputs
            .grad_class_bias
            .then(|| ArrayD::zeros(IxDyn(batch.scores.shape().get(1..2).unwrap_or_default()))),
    }
}
