//! Every loss as a composition of Burn's own operations: what serves where the kernels cannot. Burn differentiates it.
//!
//! It follows gpu-loss's formulas, its conventions for ignored rows and for what a mean divides by included. It keeps
//! several tensors of the scores' size, and it has neither the kernels' accuracy in rows of one confident class nor
//! their care for labels out of range.

mod elements;
mod rows;

use burn::tensor::{DType, Int, Tensor};

use crate::plan::{EmptyMean, Job, Reduce, Spec};
use crate::run::Given;

/// The loss, or under no reduction the losses one after another.
pub(crate) fn loss<const D: usize>(job: &Job, scores: Tensor<D>, given: Given) -> Tensor<1> {
    // As the kernels do: f32, whatever the scores' type.
    let scores = scores.cast(DType::F32).reshape(job.shape);
    let (losses, own) = match given {
        Given::Teacher(teacher) => rows::distilled(job, scores, teacher),
        given if job.spec.kind.per_row() => rows::losses(job, scores, given),
        given => elements::losses(job, scores, given),
    };
    reduce(job, losses, own)
}

/// The loss of no rows: a sum is 0, and a mean what it is of nothing. Burn's own operations do not all bear such tensors.
pub(crate) fn of_nothing<const D: usize>(spec: &Spec, scores: Tensor<D>) -> Tensor<1> {
    let none = scores.cast(DType::F32).reshape([0]);
    let mean = if spec.empty_mean == EmptyMean::Nan { f32::NAN } else { 0.0 };
    match spec.reduction {
        Reduce::None => none,
        Reduce::Sum => none.sum(),
        _ if spec.denominator.is_some() => none.sum(),
        _ => none.sum() + mean,
    }
}

fn reduce(job: &Job, losses: Tensor<1>, own: Tensor<1>) -> Tensor<1> {
    let spec = &job.spec;
    match spec.reduction {
        Reduce::None => losses,
        Reduce::Sum => losses.sum(),
        Reduce::BatchMean => losses.sum() / job.shape[0] as f32,
        // The mean: this crate's `Reduction` has no other.
        _ => {
            let own = spec.denominator.map_or(own.clone(), |given| own.full_like(given));
            let empty = own.clone().lower_equal_scalar(0);
            let mean = losses.sum() / own.mask_fill(empty.clone(), 1);
            mean.mask_fill(empty, if spec.empty_mean == EmptyMean::Nan { f32::NAN } else { 0.0 })
        }
    }
}

/// Rows of `[N, C, D]` one after another: `[R, C]`.
fn rows(job: &Job, tensor: Tensor<3>) -> Tensor<2> {
    tensor.swap_dims(1, 2).reshape([job.rows(), job.shape[1]])
}

/// Lists as `[R, C]` of 0 and 1; they are read back for it.
fn multi_hot(job: &Job, offsets: Tensor<1, Int>, indices: Tensor<1, Int>) -> Tensor<2> {
    let device = offsets.device();
    let host = |integers: Tensor<1, Int>| -> Vec<i64> { integers.into_data().iter::<i64>().collect() };
    let (offsets, indices) = (host(offsets), host(indices));
    let classes = job.shape[1];
    let mut hot = vec![0.0_f32; job.rows() * classes];
    for (row, bounds) in hot.chunks_mut(classes).zip(offsets.windows(2)) {
        let list = indices.get(bounds[0].max(0) as usize..bounds[1].max(0) as usize).unwrap_or_default();
        for class in list {
            if let Some(one) = usize::try_from(*class).ok().and_then(|class| row.get_mut(class)) {
                *one = 1.0;
            }
        }
    }
    Tensor::<1>::from_floats(hot.as_slice(), &device).reshape([job.rows(), classes])
}

/// `u`: scale, then cap, then the bias of the classes, which are this dimension.
fn transformed<const D: usize>(spec: &Spec, x: Tensor<D>, classes: usize) -> Tensor<D> {
    let u = if spec.logit_scale == 1.0 { x } else { x * spec.logit_scale };
    let u = match spec.softcap {
        Some(cap) => (u / cap).tanh() * cap,
        None => u,
    };
    let mut shape = [1; D];
    match (&spec.class_bias, shape.get_mut(classes)) {
        (Some(bias), Some(count)) => {
            *count = bias.len();
            let bias = Tensor::<1>::from_floats(bias.as_slice(), &u.device()).reshape(shape);
            u + bias
        }
        _ => u,
    }
}

/// Logarithms of probabilities, clamped at −100.
fn log<const D: usize>(p: Tensor<D>) -> Tensor<D> {
    // The clamp's gradient below is 0 where the kernels' is finite: −1e12 at most.
    p.clamp_min(f32::MIN_POSITIVE).log().clamp_min(-100.0)
}
