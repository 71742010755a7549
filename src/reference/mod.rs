//! The definition of each loss in float64 on `ndarray`, written from the formulas and sharing no code with the kernels.
//!
//! One file a loss: a row's or an element's loss and gradient. This page puts them over a batch: targets, ignored and
//! poisoned rows, reductions.
//!
//! ```
//! use gpu_loss::{Batch, SoftmaxCe, reference};
//! let logits = ndarray::array![[0.0_f32, 0.0]];
//! let expected = reference::run(&SoftmaxCe::default(), &Batch::new(&logits, &[1]))?;
//! assert!((expected.loss - 2.0_f64.ln()).abs() < 1e-15);
//! assert_eq!(expected.grad.as_slice(), Some(&[0.5, -0.5][..]));
//! # Ok::<(), gpu_loss::Error>(())
//! ```

mod asymmetric;
mod bce;
mod ce;
mod compare;
mod distillation;
mod info_nce;
mod linear_ce;
mod logits;
mod poly_1;
mod sigmoid_ce;
mod sigmoid_focal;
mod softmax_ce;
mod softmax_focal;
mod targets;

use ndarray::{ArrayD, Dimension, IxDyn};

pub use compare::{Difference, compare, compare_linear};
pub use linear_ce::{LinearReference, run_linear};

use crate::batch::check::{check, row_dims};
use crate::batch::{Batch, Element, MISSING_LABEL, Shape, Targets};
use crate::error::Result;
use crate::loss::{EmptyMean, Kind, Loss, Reduction, Spec};
use targets::{RowState, Rows};

/// What a batch must come to.
#[derive(Debug, Clone)]
pub struct Reference {
    /// The reduced loss; under [`Reduction::None`] the plain sum of `losses`.
    pub loss: f64,
    /// The losses before reduction: `[N, d…]` for per-row losses, the scores' shape for the others.
    pub losses: ArrayD<f64>,
    /// Each row's log-sum-exp, `[N, d…]`; softmax losses only.
    pub lse: Option<ArrayD<f64>>,
    /// The gradient with respect to the scores.
    pub grad: ArrayD<f64>,
    /// What the terms of each element's gradient come to before they are subtracted from each other, `s·(A·p_j + B_j)`
    /// for softmax losses: where a prediction is close to its target they cancel, and no f32 has the digits of what is
    /// left. 0 for `ce` and `bce`, where nothing cancels.
    pub terms: ArrayD<f64>,
    /// How the losses were reduced.
    pub reduction: Reduction,
    /// Each row's class with the highest score; per-row losses only.
    pub argmax: Option<ArrayD<u32>>,
    /// Rows whose highest score is at a true class; per-row losses only.
    pub correct: Option<u64>,
    /// Each row's `u_y − lse` of its true class, `[N, d…]`; softmax losses on classes only.
    pub log_prob: Option<ArrayD<f64>>,
    /// Each row's entropy, `[N, d…]`; softmax losses only, where it is wanted or counts.
    pub entropy: Option<ArrayD<f64>>,
    /// The place of each row's true class, `[N, d…]`; softmax losses on classes only.
    pub rank: Option<ArrayD<u32>>,
    /// How far f32 may place it otherwise: 0 but where scores have a bias or a margin.
    pub rank_slack: Option<ArrayD<u32>>,
    /// The gradient with respect to the class bias, `[C]`, where it is wanted.
    pub grad_class_bias: Option<ArrayD<f64>>,
    /// The sizes of what it is a sum of: `Σ |gradient on u|` and its terms.
    pub class_bias_terms: Option<ArrayD<f64>>,
}

/// One row's loss and its gradient with respect to `u` (to the scores themselves, where they are probabilities).
struct RowLoss {
    loss: f64,
    lse: f64,
    grad: Vec<f64>,
    /// The sizes of the gradient's terms.
    terms: Vec<f64>,
}

/// One element's loss and its gradient with respect to the score.
struct ElementLoss {
    loss: f64,
    grad: f64,
    /// The sizes of the gradient's terms.
    terms: f64,
}

impl ElementLoss {
    const NAN: ElementLoss = ElementLoss { loss: f64::NAN, grad: f64::NAN, terms: 0.0 };
}

/// Computes a loss over a batch in float64.
///
/// # Errors
/// As [`GpuLoss::run`](crate::GpuLoss::run): wrong shapes, options and targets, and labels out of range.
pub fn run<L: Loss, T: Element, D: Dimension>(loss: &L, batch: &Batch<'_, T, D>) -> Result<Reference> {
    let spec = &loss.spec();
    let shape = check(spec, batch)?;
    if spec.symmetric {
        return info_nce::symmetric(spec, batch);
    }
    // Labels out of range are found before anything is computed.
    let rows = Rows::new(spec, &batch.targets, &shape)?;
    let scores: Vec<f64> = batch.scores.iter().map(|v| v.to_f64()).collect();
    let flat = |a: &Option<ndarray::ArrayViewD<'_, f32>>, count: usize| -> Vec<f64> {
        a.as_ref().map_or_else(|| vec![1.0; count], |a| a.iter().map(|v| f64::from(*v)).collect())
    };
    let dims = batch.scores.shape();
    let scores = Scores { dims, values: &scores };
    let entropy = batch.outputs.entropy || batch.entropy_upstream.is_some() || spec.entropy_coefficient != 0.0;
    let more = More { entropy, class_bias: batch.outputs.grad_class_bias };
    let missing: Vec<bool> = match &batch.targets {
        Targets::MultiHot(bytes) => bytes.iter().map(|byte| byte == MISSING_LABEL).collect(),
        _ => vec![false; scores.values.len()],
    };
    Ok(match function(spec) {
        Function::OfRow(of_row) => {
            let upstream = flat(&batch.upstream, shape.rows());
            let at_entropy = batch.entropy_upstream.as_ref().map(|up| up.iter().map(|v| f64::from(*v)).collect());
            let at_entropy = at_entropy.unwrap_or_else(|| vec![0.0; shape.rows()]);
            by_rows(spec, &shape, scores, &rows, (&upstream, &at_entropy), more, &*of_row)
        }
        Function::OfElement(of_element) => {
            let upstream = flat(&batch.upstream, shape.elements());
            let weights = flat(&batch.element_weights, shape.elements());
            by_elements(spec, &shape, scores, (&rows, missing), (&upstream, &weights), more, &*of_element)
        }
    })
}

/// What is only found where it is wanted: the reference is slow enough.
#[derive(Clone, Copy)]
struct More {
    entropy: bool,
    class_bias: bool,
}

/// The scores of a batch, in their order.
#[derive(Clone, Copy)]
struct Scores<'a> {
    dims: &'a [usize],
    values: &'a [f64],
}

/// One row to compute the loss of.
struct Row<'a> {
    /// Its scores: for softmax losses without NaN and `+∞`, and not all of them `−∞`.
    x: &'a [f64],
    /// What the softmax is over; the scores, where they are probabilities.
    u: &'a [f64],
    /// `B_j`: what each class weighs in a cross-entropy.
    b: &'a [f64],
    /// Whether it has a true class.
    counts: bool,
    /// The true class, where there is one.
    label: usize,
}

/// What a loss is defined by: the loss of a row, or of an element from its score, target and class.
enum Function<'a> {
    OfRow(Box<dyn Fn(&Row<'_>) -> RowLoss + 'a>),
    OfElement(Box<dyn Fn(f64, f64, usize) -> ElementLoss + 'a>),
}

/// The one list of losses beside the registry, which lies below this room and does not know it.
fn function(spec: &Spec) -> Function<'_> {
    use Function::{OfElement, OfRow};
    match spec.kind {
        Kind::Ce => OfRow(Box::new(|row| ce::row(row.x, row.b))),
        Kind::Bce => OfElement(Box::new(|u, t, _| bce::element(u, t))),
        Kind::SoftmaxCe | Kind::InfoNce => OfRow(Box::new(|row| softmax_ce::row(spec, row))),
        Kind::SigmoidCe => OfElement(Box::new(|u, t, class| {
            sigmoid_ce::element(u, t, spec.pos_weight.as_ref().map_or(1.0, |q| f64::from(q[class])))
        })),
        Kind::SoftmaxFocal => OfRow(Box::new(|row| softmax_focal::row(spec, row))),
        Kind::SigmoidFocal => OfElement(Box::new(|u, t, _| sigmoid_focal::element(spec, u, t))),
        Kind::Asymmetric => OfElement(Box::new(|u, t, _| asymmetric::element(spec, u, t))),
        Kind::Distillation => OfRow(Box::new(|row| distillation::row(spec, row.x, row.b))),
        Kind::Poly1 => OfRow(Box::new(|row| poly_1::row(spec, row))),
    }
}

fn by_rows(
    spec: &Spec,
    shape: &Shape,
    Scores { dims, values: scores }: Scores<'_>,
    rows: &Rows,
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

/// The gradient with respect to the class bias: that on `u`, summed over rows.
struct BiasGradient {
    grad: Vec<f64>,
    terms: Vec<f64>,
    /// What is known of each element before it is known what arrives.
    on_u: Vec<f64>,
    terms_on_u: Vec<f64>,
}

impl BiasGradient {
    fn new(classes: usize, elements: usize) -> Self {
        BiasGradient {
            grad: vec![0.0; classes],
            terms: vec![0.0; classes],
            on_u: vec![0.0; elements],
            terms_on_u: vec![0.0; elements],
        }
    }

    fn add(&mut self, class: usize, grad: f64, terms: f64) {
        self.grad[class] += grad;
        self.terms[class] += grad.abs() + terms;
    }
}

fn by_elements(
    spec: &Spec,
    shape: &Shape,
    Scores { dims, values: scores }: Scores<'_>,
    (rows, missing): (&Rows, Vec<bool>),
    (upstream, weights): (&[f64], &[f64]),
    more: More,
    of_element: &dyn Fn(f64, f64, usize) -> ElementLoss,
) -> Reference {
    let mut losses = vec![0.0; scores.len()];
    let mut grad = vec![0.0; scores.len()];
    let mut terms = vec![0.0; scores.len()];
    let mut ignored = missing;
    let mut valid = 0_usize;
    for row in 0..shape.rows() {
        if rows.state(row) == RowState::Ignored {
            (0..shape.classes).for_each(|class| ignored[position(shape, row, class)] = true);
            continue;
        }
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

/// The reduced loss, and what each loss counts for in the gradient. `own` is the mean's own denominator.
fn reduce(spec: &Spec, shape: &Shape, losses: &[f64], own: f64) -> (f64, f64) {
    let sum: f64 = losses.iter().sum();
    let denominator = match spec.reduction {
        Reduction::None | Reduction::Sum => return (sum, 1.0),
        Reduction::BatchMean => shape.n as f64,
        Reduction::Mean => spec.denominator.map_or(own, f64::from),
    };
    if denominator > 0.0 {
        return (sum / denominator, 1.0 / denominator);
    }
    (if spec.empty_mean == EmptyMean::Nan { f64::NAN } else { sum * 0.0 }, 0.0)
}

/// `B_j = w_j·((1−ε)·t_j/M + ε/C)`; all 0 in a row without a true class.
fn row_weights(spec: &Spec, rows: &Rows, row: usize, t: &[f64], b: &mut Vec<f64>) {
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

fn class_weight(spec: &Spec, class: usize) -> f64 {
    spec.class_weights.as_ref().map_or(1.0, |w| f64::from(w[class]))
}

/// Where a row's class lies in `[N, C, D]`.
fn position(shape: &Shape, row: usize, class: usize) -> usize {
    (row / shape.inner * shape.classes + class) * shape.inner + row % shape.inner
}

#[expect(clippy::expect_used, reason = "vectors are made with one element for each place of these dimensions")]
fn array<E: Clone>(dims: &[usize], elements: Vec<E>) -> ArrayD<E> {
    ArrayD::from_shape_vec(IxDyn(dims), elements).expect("one element for each place")
}
