//! Every loss as a composition of Burn's own operations: what serves where the kernels cannot. Burn differentiates it.
//!
//! It follows gpu-loss's formulas, its conventions for ignored rows and for what a mean divides by included. It keeps
//! several tensors of the scores' size, and it has neither the kernels' accuracy in rows of one confident class nor
//! their care for labels out of range.

use burn::tensor::activation::{log_sigmoid, log_softmax};
use burn::tensor::{DType, Int, Tensor};

use crate::plan::{EmptyMean, Job, Kind, Reduce, Spec};
use crate::run::Given;

/// The loss, or under no reduction the losses one after another.
pub(crate) fn loss<const D: usize>(job: &Job, scores: Tensor<D>, given: Given) -> Tensor<1> {
    // As the kernels do: f32, whatever the scores' type.
    let scores = scores.cast(DType::F32).reshape(job.shape);
    let (losses, own) =
        if job.spec.kind.per_row() { by_rows(job, scores, given) } else { by_elements(job, scores, given) };
    reduce(job, losses, own)
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

/// Losses of rows, and what their mean divides by.
fn by_rows(job: &Job, scores: Tensor<3>, given: Given) -> (Tensor<1>, Tensor<1>) {
    let (spec, device) = (&job.spec, scores.device());
    let x = rows(job, scores);
    // log p and, for the z-loss, the log-sum-exp.
    let (log_p, lse) = if spec.kind == Kind::Ce {
        (log(x), None)
    } else {
        let u = transformed(spec, x);
        let top = u.clone().detach().max_dim(1);
        let lse = (u.clone() - top.clone()).exp().sum_dim(1).log() + top;
        (log_softmax(u, 1), Some(lse))
    };
    let weights: Option<Tensor<2>> =
        spec.class_weights.as_ref().map(|w| Tensor::<1>::from_floats(w.as_slice(), &device).unsqueeze());
    let with_z = |losses: Tensor<2>| match lse {
        Some(lse) if spec.z_loss != 0.0 => losses + lse.clone() * lse * spec.z_loss,
        _ => losses,
    };
    let (losses, own) = match given {
        Given::Classes(labels) => {
            let ignored = spec.ignore_index.map(|ignored| labels.clone().equal_scalar(ignored).unsqueeze_dim(1));
            let mut labels: Tensor<2, Int> = labels.unsqueeze_dim(1);
            if let Some(ignored) = &ignored {
                labels = labels.mask_fill(ignored.clone(), 0);
            }
            let own = match &weights {
                Some(w) => w.clone().repeat_dim(0, job.rows()).gather(1, labels.clone()),
                None => Tensor::ones([job.rows(), 1], &device),
            };
            let losses = with_z(of_true_classes(job, log_p, labels, own.clone(), weights));
            match ignored {
                Some(ignored) => (losses.mask_fill(ignored.clone(), 0), own.mask_fill(ignored, 0)),
                None => (losses, own),
            }
        }
        other => {
            let (targets, some) = dense(job, other);
            let even = spec.label_smoothing / job.shape[1] as f32;
            let mut targets = targets * (1.0 - spec.label_smoothing) + even;
            if let Some(w) = weights {
                targets = targets * w;
            }
            // A weight of 0 counts for nothing, where log p is −∞ too.
            let nothing = targets.clone().equal_scalar(0);
            let mut losses = with_z((log_p * targets).mask_fill(nothing, 0).sum_dim(1).neg());
            if let Some(some) = some {
                losses = losses.mask_fill(some.equal_scalar(0), 0);
            }
            (losses, Tensor::ones([job.rows(), 1], &device))
        }
    };
    (losses.squeeze_dim(1), own.sum())
}

/// Losses of rows against their classes `[R, 1]`, whose weights are `own`.
fn of_true_classes(
    job: &Job,
    log_p: Tensor<2>,
    labels: Tensor<2, Int>,
    own: Tensor<2>,
    weights: Option<Tensor<2>>,
) -> Tensor<2> {
    let spec = &job.spec;
    let log_y = log_p.clone().gather(1, labels);
    match spec.kind {
        Kind::SoftmaxFocal => {
            let others = (log_y.clone().exp().neg() + 1.0).clamp_min(f32::MIN_POSITIVE);
            others.powf_scalar(spec.gamma) * log_y.neg() * own
        }
        Kind::Poly1 => {
            let others = log_y.clone().exp().neg() + 1.0;
            (others * spec.epsilon - log_y) * own
        }
        _ => {
            let sharp = log_y.neg() * own * (1.0 - spec.label_smoothing);
            if spec.label_smoothing == 0.0 {
                return sharp;
            }
            let even = match weights {
                Some(w) => log_p * w,
                None => log_p,
            };
            sharp - even.sum_dim(1) * (spec.label_smoothing / job.shape[1] as f32)
        }
    }
}

/// Targets as `[R, C]`, lists as 1/M with M itself, `[R, 1]`.
fn dense(job: &Job, given: Given) -> (Tensor<2>, Option<Tensor<2>>) {
    match given {
        Given::Lists(offsets, indices) => {
            let hot = multi_hot(job, offsets, indices);
            let count = hot.clone().sum_dim(1);
            (hot / count.clone().clamp_min(1), Some(count))
        }
        Given::MultiHot(targets) => {
            let hot = rows(job, targets.float());
            let count = hot.clone().sum_dim(1);
            (hot / count.clone().clamp_min(1), Some(count))
        }
        Given::Probabilities(targets) | Given::Weighted(targets, _) => (rows(job, targets), None),
        Given::Classes(labels) => (labels.one_hot::<2>(job.shape[1]).float(), None),
    }
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

/// Losses of elements in the scores' order, and what their mean divides by.
fn by_elements(job: &Job, scores: Tensor<3>, given: Given) -> (Tensor<1>, Tensor<1>) {
    let (spec, device) = (&job.spec, scores.device());
    let [n, classes, inner] = job.shape;
    let back = |rows: Tensor<2>| rows.reshape([n, inner, classes]).swap_dims(1, 2);
    let (mut ignored, mut weights) = (None, None);
    let targets: Tensor<3> = match given {
        Given::Classes(labels) => {
            let mask = spec.ignore_index.map(|ignored| labels.clone().equal_scalar(ignored));
            let labels = match &mask {
                Some(mask) => labels.mask_fill(mask.clone(), 0),
                None => labels,
            };
            ignored = mask.map(|mask| mask.reshape([n, 1, inner]).expand(job.shape));
            back(labels.one_hot::<2>(classes).float())
        }
        Given::Lists(offsets, indices) => back(multi_hot(job, offsets, indices)),
        Given::MultiHot(targets) => targets.float(),
        Given::Probabilities(targets) => targets,
        Given::Weighted(targets, given) => {
            weights = Some(given);
            targets
        }
    };
    let others = targets.clone().neg() + 1.0;
    let mut losses = if spec.kind == Kind::Bce {
        (targets * log(scores.clone()) + others * log(scores.neg() + 1.0)).neg()
    } else {
        let u = transformed(spec, scores);
        let softplus = log_sigmoid(u.clone()).neg();
        let positive = match &spec.pos_weight {
            Some(q) => Tensor::<1>::from_floats(q.as_slice(), &device).reshape([1, classes, 1]) * targets.clone(),
            None => targets.clone(),
        };
        let plain = others.clone() * u.clone() + (others.clone() + positive) * softplus;
        if spec.kind == Kind::SigmoidFocal {
            let p = burn::tensor::activation::sigmoid(u);
            let p_t = p.clone() * targets.clone() + (p.neg() + 1.0) * others.clone();
            let focus = (p_t.neg() + 1.0).clamp_min(f32::MIN_POSITIVE).powf_scalar(spec.gamma);
            let balance = spec.alpha.map(|alpha| targets * alpha + others * (1.0 - alpha));
            let focal = plain * focus;
            match balance {
                Some(balance) => focal * balance,
                None => focal,
            }
        } else {
            plain
        }
    };
    if let Some(weights) = weights {
        losses = losses * weights;
    }
    let mut own = Tensor::<1>::full([1], job.unreduced() as f32, &device);
    if let Some(ignored) = ignored {
        own = own - ignored.clone().int().sum().float();
        losses = losses.mask_fill(ignored, 0);
    }
    (losses.reshape([job.unreduced()]), own)
}

/// `u`: scale, then cap.
fn transformed<const D: usize>(spec: &Spec, x: Tensor<D>) -> Tensor<D> {
    let u = if spec.logit_scale == 1.0 { x } else { x * spec.logit_scale };
    match spec.softcap {
        Some(cap) => (u / cap).tanh() * cap,
        None => u,
    }
}

/// Logarithms of probabilities, clamped at −100.
fn log<const D: usize>(p: Tensor<D>) -> Tensor<D> {
    // The clamp's gradient below is 0 where the kernels' is finite: −1e12 at most.
    p.clamp_min(f32::MIN_POSITIVE).log().clamp_min(-100.0)
}
