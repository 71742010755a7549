//! Losses of single elements.

use burn::tensor::activation::{log_sigmoid, sigmoid};
use burn::tensor::{Bool, Tensor};

use super::{log, multi_hot, transformed};
use crate::plan::{Job, Kind, Spec};
use crate::run::Given;

/// Losses of elements in the scores' order, and what their mean divides by.
pub(super) fn losses(job: &Job, scores: Tensor<3>, given: Given) -> (Tensor<1>, Tensor<1>) {
    let (spec, device) = (&job.spec, scores.device());
    let Elements { targets, ignored, weights } = Elements::new(job, given);
    let others = targets.clone().neg() + 1.0;
    let mut losses = match spec.kind {
        Kind::Bce => (targets * log(scores.clone()) + others * log(scores.neg() + 1.0)).neg(),
        Kind::Asymmetric => asymmetric(spec, scores, targets, others),
        _ => of_sigmoids(job, transformed(spec, scores, 1), targets, others),
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

/// Targets of all elements; which of them count for nothing, and how much the others do.
struct Elements {
    targets: Tensor<3>,
    ignored: Option<Tensor<3, Bool>>,
    weights: Option<Tensor<3>>,
}

impl Elements {
    fn new(job: &Job, given: Given) -> Self {
        let [n, classes, inner] = job.shape;
        let back = |rows: Tensor<2>| rows.reshape([n, inner, classes]).swap_dims(1, 2);
        let (mut ignored, mut weights) = (None, None);
        let targets = match given {
            Given::Classes(labels) => {
                let mask = job.spec.ignore_index.map(|ignored| labels.clone().equal_scalar(ignored));
                let labels = match &mask {
                    Some(mask) => labels.mask_fill(mask.clone(), 0),
                    None => labels,
                };
                ignored = mask.map(|mask| mask.reshape([n, 1, inner]).expand(job.shape));
                back(labels.one_hot::<2>(classes).float())
            }
            Given::Lists(offsets, indices) => back(multi_hot(job, offsets, indices)),
            Given::MultiHot(targets) => targets.float(),
            Given::Probabilities(targets) | Given::Teacher(targets) => targets,
            Given::Weighted(targets, given) => {
                weights = Some(given);
                targets
            }
        };
        Elements { targets, ignored, weights }
    }
}

/// Sigmoid cross-entropy, and what a focal loss makes of it.
fn of_sigmoids(job: &Job, u: Tensor<3>, targets: Tensor<3>, others: Tensor<3>) -> Tensor<3> {
    let spec = &job.spec;
    let softplus = log_sigmoid(u.clone()).neg();
    let positive = match &spec.pos_weight {
        Some(q) => Tensor::<1>::from_floats(q.as_slice(), &u.device()).reshape([1, job.shape[1], 1]) * targets.clone(),
        None => targets.clone(),
    };
    let plain = others.clone() * u.clone() + (others.clone() + positive) * softplus;
    if spec.kind != Kind::SigmoidFocal {
        return plain;
    }
    let p = sigmoid(u);
    let p_t = p.clone() * targets.clone() + (p.neg() + 1.0) * others.clone();
    let focus = (p_t.neg() + 1.0).clamp_min(f32::MIN_POSITIVE).powf_scalar(spec.gamma);
    match spec.alpha {
        Some(alpha) => plain * focus * (targets * alpha + others * (1.0 - alpha)),
        None => plain * focus,
    }
}

/// Losses of elements that have focal exponents of their own for positives and negatives.
fn asymmetric(spec: &Spec, u: Tensor<3>, targets: Tensor<3>, others: Tensor<3>) -> Tensor<3> {
    let power = |base: Tensor<3>, exponent| base.clamp_min(f32::MIN_POSITIVE).powf_scalar(exponent);
    let (p, q) = (sigmoid(u.clone()), sigmoid(u.clone().neg()));
    let positive = power(q.clone(), spec.gamma_positive) * log_sigmoid(u.clone()).neg().clamp_max(100);
    // −log(1 − m): without a clip a softplus, with one 1 − m is q + clip.
    let minus_log = if spec.clip == 0.0 {
        log_sigmoid(u.neg()).neg().clamp_max(100)
    } else {
        (q + spec.clip).clamp_max(1).log().neg()
    };
    let negative = power(p - spec.clip, spec.gamma_negative) * minus_log;
    targets * positive + others * negative
}
