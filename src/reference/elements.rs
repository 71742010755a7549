//! Losses of elements over a batch: ignored rows, missing labels and weights of elements.

use super::targets::{RowState, RowTargets};
use super::{BiasGradient, ElementLoss, More, Reference, Scores, array, logits, position, reduce};
use crate::batch::Shape;
use crate::loss::Spec;

pub(super) fn by_elements(
    spec: &Spec,
    shape: &Shape,
    Scores { dims, values: scores }: Scores<'_>,
    (rows, missing): (&RowTargets, Vec<bool>),
    (upstream, weights): (&[f64], &[f64]),
    more: More,
    of_element: &dyn Fn(f64, f64, usize) -> ElementLoss,
) -> Reference {
    let mut losses = vec![0.0; scores.len()];
    let mut grad = vec![0.0; scores.len()];
    let mut terms = vec![0.0; scores.len()];
    let ignored = ignored(shape, rows, missing);
    let mut valid = 0_usize;
    for row in 0..shape.rows() {
        let start = position(shape, row, 0);
        for class in 0..shape.classes {
            let at = start + class * shape.inner;
            if ignored[at] {
                continue;
            }
            valid += 1;
            let (u, t) = (scores[at], rows.target(shape, row, class));
            let result = of_element(u + logits::bias(spec, class), t, class);
            losses[at] = weights[at] * result.loss;
            grad[at] = weights[at] * result.grad;
            terms[at] = weights[at] * result.terms;
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
            bias.add(at / shape.inner % shape.classes, grad[at], terms[at]);
        }
    }
    Reference {
        loss,
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
