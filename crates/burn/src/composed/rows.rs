//! Losses of rows.

use burn::tensor::activation::log_softmax;
use burn::tensor::{DType, Int, Tensor};

use super::{log, multi_hot, rows, transformed};
use crate::plan::{Divergence, Job, Kind, Spec};
use crate::run::Given;

/// Losses of rows, and what their mean divides by.
pub(super) fn losses(job: &Job, scores: Tensor<3>, given: Given) -> (Tensor<1>, Tensor<1>) {
    let (spec, device) = (&job.spec, scores.device());
    let x = rows(job, scores);
    let (log_p, more) = if spec.kind == Kind::Ce {
        (log(x), None)
    } else {
        let u = transformed(spec, x, 1);
        let log_p = log_softmax(u.clone(), 1);
        let more = more_terms(spec, u, &log_p);
        (log_p, more)
    };
    let with_more = |losses: Tensor<2>| match more {
        Some(more) => losses + more,
        None => losses,
    };
    let weights: Option<Tensor<2>> =
        spec.class_weights.as_ref().map(|w| Tensor::<1>::from_floats(w.as_slice(), &device).unsqueeze());
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
            let losses = with_more(of_true_classes(job, log_p, labels, own.clone(), weights));
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
            let losses = with_more(weighed(targets, log_p).sum_dim(1).neg());
            let losses = match some {
                Some(some) => losses.mask_fill(some.equal_scalar(0), 0),
                None => losses,
            };
            (losses, Tensor::ones([job.rows(), 1], &device))
        }
    };
    (losses.squeeze_dim(1), own.sum())
}

/// The z-loss, and `−β·H` with `H = −Σ p·log p`: what each row has beside its cross-entropy, `[R, 1]`.
fn more_terms(spec: &Spec, u: Tensor<2>, log_p: &Tensor<2>) -> Option<Tensor<2>> {
    let z = (spec.z_loss != 0.0).then(|| {
        let top = u.clone().detach().max_dim(1);
        let lse = (u - top.clone()).exp().sum_dim(1).log() + top;
        lse.clone() * lse * spec.z_loss
    });
    let entropies = (spec.entropy_coefficient != 0.0)
        .then(|| weighed(log_p.clone().exp(), log_p.clone()).sum_dim(1) * spec.entropy_coefficient);
    match (z, entropies) {
        (Some(z), Some(entropies)) => Some(z + entropies),
        (z, entropies) => z.or(entropies),
    }
}

/// `weight·value`, 0 where the weight is.
fn weighed(weight: Tensor<2>, value: Tensor<2>) -> Tensor<2> {
    let nothing = weight.clone().equal_scalar(0);
    weight * value.mask_fill(nothing, 0)
}

/// Divergences of rows from a teacher's, and how many there are.
pub(super) fn distilled(job: &Job, scores: Tensor<3>, teacher: Tensor<3>) -> (Tensor<1>, Tensor<1>) {
    let spec = &job.spec;
    let own = Tensor::<1>::full([1], job.rows() as f32, &scores.device());
    let log_p = log_softmax(rows(job, scores) / spec.temperature, 1);
    let log_t = log_softmax(rows(job, teacher.cast(DType::F32)) / spec.temperature, 1);
    let (p, t) = (log_p.clone().exp(), log_t.clone().exp());
    let losses = match spec.divergence {
        Divergence::ForwardKl => weighed(t, log_t - log_p),
        Divergence::ReverseKl => weighed(p, log_p - log_t),
        Divergence::JensenShannon => {
            let log_m = (t.clone() * spec.lambda + p.clone() * (1.0 - spec.lambda)).log();
            weighed(t, log_t - log_m.clone()) * spec.lambda + weighed(p, log_p - log_m) * (1.0 - spec.lambda)
        }
    };
    let factor = if spec.times_temperature_squared { spec.temperature * spec.temperature } else { 1.0 };
    (losses.sum_dim(1).squeeze_dim(1) * factor, own)
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
        Given::Probabilities(targets) | Given::Weighted(targets, _) | Given::Teacher(targets) => {
            (rows(job, targets), None)
        }
        Given::Classes(labels) => (labels.one_hot::<2>(job.shape[1]).float(), None),
    }
}
