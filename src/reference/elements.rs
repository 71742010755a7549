//! Losses of elements over a batch: ignored rows, missing labels and weights of elements.

use super::sigmoid_ce::logistic;
use super::targets::{RowState, RowTargets};
use super::{
    BiasGradient, ElementLoss, FLUSHED, LEAST_NORMAL, More, Reference, Scores, array, logits, position, reduce,
};
use crate::batch::Shape;
use crate::loss::Spec;

/// A target, and what it leaves of 1: of a teacher's scores neither has lost a digit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    pub(super) t: f64,
    pub(super) rest: f64,
}

impl Share {
    /// Of a target as it is given, or of a teacher's score.
    fn of(spec: &Spec, given: f64, from_teacher: bool) -> Self {
        if !from_teacher {
            return Share { t: given, rest: 1.0 - given };
        }
        let v = given / f64::from(spec.temperature);
        if v.is_nan() { Share { t: v, rest: v } } else { Share { t: logistic(v), rest: logistic(-v) } }
    }
}

pub(super) fn by_elements(
    spec: &Spec,
    shape: &Shape,
    Scores { dims, values: scores }: Scores<'_>,
    (rows, missing): (&RowTargets, Vec<bool>),
    (upstream, weights): (&[f64], &[f64]),
    more: More,
    of_element: &dyn Fn(f64, Share, usize) -> ElementLoss,
) -> Reference {
    let mut losses = vec![0.0; scores.len()];
    let mut grad = vec![0.0; scores.len()];
    let mut terms = vec![0.0; scores.len()];
    let mut slack = vec![0.0; scores.len()];
    let ignored = ignored(shape, rows, missing);
    let mut valid = 0_usize;
    let factor = if spec.times_temperature_squared { f64::from(spec.temperature).powi(2) } else { 1.0 };
    let scale_of_scores = spec.scale();
    for row in 0..shape.rows() {
        let start = position(shape, row, 0);
        for class in 0..shape.classes {
            let at = start + class * shape.inner;
            if ignored[at] {
                continue;
            }
            valid += 1;
            let t = Share::of(spec, rows.target(shape, row, class), rows.is_from_teacher());
            let u = logits::transform(spec, scores[at]) + logits::bias(spec, class);
            let result = if t.t.is_nan() { ElementLoss::NAN } else { of_element(u, t, class) };
            losses[at] = weights[at] * factor * result.loss;
            grad[at] = weights[at] * factor * scale_of_scores * result.grad;
            terms[at] = weights[at] * factor * scale_of_scores * (result.terms + FLUSHED);
            slack[at] = weights[at] * factor * LEAST_NORMAL;
        }
    }
    let (loss, scale) = reduce(spec, shape, &losses, valid as f64);
    // What arrives at an ignored element, or at one of weight 0, counts for nothing, NaN too.
    let mut bias = more.class_bias.then(|| BiasGradient::new(shape.classes, 0));
    for (at, up) in upstream.iter().enumerate() {
        if grad[at] != 0.0 || (weights[at] != 0.0 && !ignored[at]) {
            grad[at] *= scale * up;
            terms[at] *= (scale * up).abs();
        }
        if let Some(bias) = &mut bias {
            let on_u = |on_score: f64| on_score / scale_of_scores;
            bias.add(at / shape.inner % shape.classes, on_u(grad[at]), on_u(terms[at]));
        }
    }
    Reference {
        loss,
        loss_slack: slack.iter().sum::<f64>() * scale,
        slack: array(dims, slack),
        losses: array(dims, losses),
        lse: None,
        grad: array(dims, grad),
        terms: array(dims, terms),
        reduction: spec.reduction,
        argmax: None,
        correct: None,
        log_prob: None,
        entropy: None,
        rank: None,
        rank_slack: None,
        class_bias_terms: bias.as_ref().map(|bias| array(&[shape.classes], bias.terms.clone())),
        grad_class_bias: bias.map(|bias| array(&[shape.classes], bias.grad)),
    }
}

/// The elements that count for nothing: those of ignored rows, and those whose labels are missing.
fn ignored(shape: &Shape, rows: &RowTargets, missing: Vec<bool>) -> Vec<bool> {
    let mut ignored = missing;
    for row in (0..shape.rows()).filter(|row| rows.state(*row) == RowState::Ignored) {
        (0..shape.classes).for_each(|class| ignored[position(shape, row, class)] = true);
    }
    ignored
}
