//! `x = hidden·weightᵀ + bias`, then `softmax_ce`: `d_hidden = g·weight`, `d_weight = gᵀ·hidden`, `d_bias = Σ_rows g`.

use ndarray::{Array1, Array2, ArrayD};

use super::logits::transform;
use super::rows::by_rows;
use super::targets::{RowState, RowTargets};
use super::{More, Row, Scores, softmax_ce};
use crate::batch::{Element, Shape};
use crate::error::Result;
use crate::linear::{LinearBatch, LinearCe};
use crate::loss::{Loss as _, Reduction};

/// What a linear batch must come to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LinearReference {
    /// The reduced loss; under [`Reduction::None`](crate::Reduction::None) the plain sum of `losses`.
    pub loss: f64,
    /// How the losses were reduced.
    pub reduction: Reduction,
    /// The losses before reduction, `[N]`.
    pub losses: ArrayD<f64>,
    /// Each row's log-sum-exp, `[N]`.
    pub lse: ArrayD<f64>,
    /// The log-probability of each row's true class, unweighted and unsmoothed; 0 in ignored rows.
    pub log_probs: Array1<f64>,
    /// Each row's class with the highest logit.
    pub argmax: ArrayD<u32>,
    /// Rows whose highest logit is at the true class.
    pub correct: u64,
    /// The gradient of the hidden states, `[N, H]`.
    pub grad_hidden: Array2<f64>,
    /// The gradient of the weights, `[V, H]`.
    pub grad_weight: Array2<f64>,
    /// The gradient of the bias, `[V]`.
    pub grad_bias: Array1<f64>,
}

/// Computes a linear loss in float64, the logits of the whole batch at once.
///
/// # Errors
/// As [`GpuLoss::linear_ce`](crate::GpuLoss::linear_ce): wrong shapes and options, and labels out of range.
pub fn run_linear<T: Element>(loss: &LinearCe, batch: &LinearBatch<'_, T>) -> Result<LinearReference> {
    let spec = loss.softmax.spec();
    batch.check(&spec)?;
    let (rows, classes) = (batch.hidden.nrows(), batch.weight.nrows());
    let shape = Shape::new(rows, classes);
    let labelled = RowTargets::new(&spec, &batch.targets, &shape)?;
    let hidden = batch.hidden.mapv(Element::to_f64);
    let weight = batch.weight.mapv(Element::to_f64);
    let mut logits = hidden.dot(&weight.t());
    if let Some(bias) = &batch.bias {
        logits += &bias.mapv(Element::to_f64);
    }
    let upstream = batch.upstream.map_or_else(|| vec![1.0; rows], |up| up.iter().map(|v| f64::from(*v)).collect());
    let scores: Vec<f64> = logits.iter().copied().collect();
    let scores = Scores { dims: &[rows, classes], values: &scores };
    let of_row = |row: &Row<'_>| softmax_ce::row(&spec, row);
    let at_entropy = vec![0.0; rows];
    let more = More { entropy: false, class_bias: false };
    let result = by_rows(&spec, &shape, scores, &labelled, (&upstream, &at_entropy), more, &of_row);
    let grad = Array2::from_shape_fn((rows, classes), |(row, class)| result.grad[[row, class]]);
    // What an ignored row holds counts for nothing, NaN too.
    let mut counted = hidden;
    for (row, mut values) in counted.rows_mut().into_iter().enumerate() {
        if labelled.state(row) == RowState::Ignored {
            values.fill(0.0);
        }
    }
    let lse = result.lse.unwrap_or_else(|| ArrayD::zeros(vec![rows]));
    let log_prob = |row: usize| {
        let of = |class: usize| transform(&spec, logits[[row, class]]) - lse[[row]];
        labelled.label(row).map_or(0.0, of)
    };
    Ok(LinearReference {
        loss: result.loss,
        reduction: spec.reduction,
        losses: result.losses,
        log_probs: Array1::from_shape_fn(rows, log_prob),
        lse,
        argmax: result.argmax.unwrap_or_else(|| ArrayD::zeros(vec![rows])),
        correct: result.correct.unwrap_or_default(),
        grad_hidden: grad.dot(&weight),
        grad_weight: grad.t().dot(&counted),
        grad_bias: grad.sum_axis(ndarray::Axis(0)),
    })
}
