//! Losses of rows over a batch: ignored and poisoned rows, weights of classes, and what is told of rows besides.

use super::targets::{RowState, RowTargets};
use super::{BiasGradient, More, Reference, Row, RowLoss, Scores, array, class_weight, logits, position, reduce};
use crate::batch::Shape;
use crate::batch::check::row_dims;
use crate::loss::Spec;

pub(super) fn by_rows(
    spec: &Spec,
    shape: &Shape,
    Scores { dims, values: scores }: Scores<'_>,
    rows: &RowTargets,
    (upstream, at_entropy): (&[f64], &[f64]),
    more: More,
    of_row: &dyn Fn(&Row<'_>) -> RowLoss,
) -> Reference {
    let (count, classes) = (shape.rows(), shape.classes);
    let mut losses = vec![0.0; count];
    let mut lse = vec![0.0; count];
    let mut argmax = vec![u32::MAX; count];
    let mut grad = vec![0.0; scores.len()];
    let mut terms = vec![0.0; scores.len()];
    let mut details = Details::new(count);
    let mut entropies = more.entropy.then(|| Entropies::new(scores.len()));
    let mut bias = more.class_bias.then(|| BiasGradient::new(classes, scores.len()));
    let mut correct = 0;
    let mut valid_weight = 0.0;
    let (mut x, mut t, mut b, mut u, mut slopes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for row in 0..count {
        let start = position(shape, row, 0);
        let at = |class: usize| start + class * shape.inner;
        if rows.state(row) == RowState::Ignored {
            continue;
        }
        refill(&mut x, (0..classes).map(|class| scores[at(class)]));
        refill(&mut t, (0..classes).map(|class| rows.target(shape, row, class)));
        if let Some(label) = rows.label(row) {
            valid_weight += class_weight(spec, label);
        }
        if x.iter().any(|v| v.is_nan() || *v == f64::INFINITY) || x.iter().all(|v| *v == f64::NEG_INFINITY) {
            (losses[row], lse[row]) = (f64::NAN, f64::NAN);
            (details.log_prob[row], details.entropy[row]) = (f64::NAN, f64::NAN);
            (0..classes).for_each(|class| grad[at(class)] = f64::NAN);
            continue;
        }
        let top = logits::argmax(&x);
        argmax[row] = top as u32;
        let greatest = t.iter().copied().fold(0.0, f64::max);
        correct += u64::from(greatest > 0.0 && t[top] == greatest);
        row_weights(spec, rows, row, &t, &mut b);
        match spec.kind.is_softmax() {
            true => logits::logits(spec, &x, rows.label(row), &mut u, &mut slopes),
            false => {
                refill(&mut u, x.iter().copied());
                refill(&mut slopes, x.iter().map(|_| 1.0));
            }
        }
        let result = of_row(&Row {
            x: &x,
            u: &u,
            b: &b,
            counts: rows.true_classes(row) != Some(0),
            label: rows.label(row).unwrap_or_default(),
        });
        (losses[row], lse[row]) = (result.loss, result.lse);
        for (class, (g, t)) in result.grad.iter().zip(&result.terms).enumerate() {
            let slope = slopes[class];
            (grad[at(class)], terms[at(class)]) = (g * slope, t * slope.abs());
            if let Some(bias) = &mut bias {
                (bias.on_u[at(class)], bias.terms_on_u[at(class)]) = (*g, *t);
            }
        }
        if let Some(entropies) = &mut entropies {
            let entropy = logits::entropy(&u);
            let weight = if rows.true_classes(row) == Some(0) { 0.0 } else { f64::from(spec.entropy_coefficient) };
            details.entropy[row] = entropy.value;
            entropies.coefficients[row] = weight;
            losses[row] -= if weight == 0.0 { 0.0 } else { weight * entropy.value };
            for (class, slope) in slopes.iter().enumerate() {
                entropies.grad[at(class)] = (entropy.grad[class], *slope);
                entropies.terms[at(class)] = entropy.terms[class];
            }
        }
        if let Some(label) = rows.label(row) {
            details.log_prob[row] = u[label] - result.lse;
            (details.rank[row], details.slack[row]) = logits::rank(spec, &x, &u, label);
        }
    }
    let own = match rows.labels() {
        Some(_) => valid_weight,
        None => count as f64,
    };
    let (loss, scale) = reduce(spec, shape, &losses, own);
    // What arrives at an ignored row counts for nothing, NaN too.
    for row in (0..count).filter(|row| rows.state(*row) == RowState::Valid) {
        let up = scale * upstream[row];
        let at_entropy = entropies.as_ref().map_or(0.0, |entropies| {
            let of_loss = entropies.coefficients[row] * up;
            scale * at_entropy[row] - if entropies.coefficients[row] == 0.0 { 0.0 } else { of_loss }
        });
        let start = position(shape, row, 0);
        for class in 0..classes {
            let at = start + class * shape.inner;
            let mut more = (0.0, 0.0, 0.0);
            if let Some(entropies) = entropies.as_ref().filter(|_| at_entropy != 0.0) {
                let (g, slope) = entropies.grad[at];
                more = (g * at_entropy, entropies.terms[at] * at_entropy.abs(), slope);
            }
            let (g, t, slope) = more;
            grad[at] = grad[at] * up + g * slope;
            terms[at] = terms[at] * up.abs() + t * slope.abs();
            if let Some(bias) = &mut bias {
                bias.add(class, bias.on_u[at] * up + g, bias.terms_on_u[at] * up.abs() + t);
            }
        }
    }
    let row_dims = row_dims(dims);
    let softmax = spec.kind.is_softmax();
    let of_classes = softmax && rows.labels().is_some();
    Reference {
        loss,
        losses: array(&row_dims, losses),
        lse: spec.kind.is_softmax().then(|| array(&row_dims, lse)),
        grad: array(dims, grad),
        terms: array(dims, terms),
        reduction: spec.reduction,
        argmax: Some(array(&row_dims, argmax)),
        correct: Some(correct),
        log_prob: of_classes.then(|| array(&row_dims, details.log_prob)),
        entropy: entropies.map(|_| array(&row_dims, details.entropy)),
        rank: of_classes.then(|| array(&row_dims, details.rank)),
        rank_slack: of_classes.then(|| array(&row_dims, details.slack)),
        class_bias_terms: bias.as_ref().map(|bias| array(&[classes], bias.terms.clone())),
        grad_class_bias: bias.map(|bias| array(&[classes], bias.grad)),
    }
}

/// What is told of each row beside its loss.
struct Details {
    log_prob: Vec<f64>,
    entropy: Vec<f64>,
    rank: Vec<u32>,
    slack: Vec<u32>,
}

impl Details {
    /// Those of ignored rows.
    fn new(rows: usize) -> Self {
        Details {
            log_prob: vec![0.0; rows],
            entropy: vec![0.0; rows],
            rank: vec![u32::MAX; rows],
            slack: vec![0; rows],
        }
    }
}

/// What entropies bring: `∂H/∂u` with `∂u/∂x`, the sizes of its terms, and what is taken from each row's loss.
struct Entropies {
    grad: Vec<(f64, f64)>,
    terms: Vec<f64>,
    coefficients: Vec<f64>,
}

impl Entropies {
    fn new(elements: usize) -> Self {
        Entropies { grad: vec![(0.0, 0.0); elements], terms: vec![0.0; elements], coefficients: vec![0.0; elements] }
    }
}

/// `B_j = w_j·((1−ε)·t_j/M + ε/C)`; all 0 in a row without a true class.
fn row_weights(spec: &Spec, rows: &RowTargets, row: usize, t: &[f64], b: &mut Vec<f64>) {
    let count = match rows.true_classes(row) {
        Some(0) => return refill(b, t.iter().map(|_| 0.0)),
        Some(count) => count as f64,
        None => 1.0,
    };
    let smoothing = f64::from(spec.label_smoothing);
    let even = smoothing / t.len() as f64;
    let weight = |(class, t): (usize, &f64)| class_weight(spec, class) * ((1.0 - smoothing) * t / count + even);
    refill(b, t.iter().enumerate().map(weight));
}

/// A row's numbers in place of those of the row before: short rows are many.
fn refill(numbers: &mut Vec<f64>, of: impl Iterator<Item = f64>) {
    numbers.clear();
    numbers.extend(of);
}
