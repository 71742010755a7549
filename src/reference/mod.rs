//! The definition of each loss in float64 on `ndarray`, written from the formulas and sharing no code with the kernels.
//!
//! One file a loss: a row's or an element's loss and gradient. `rows` and `elements` put them over a batch: targets,
//! ignored and poisoned rows, reductions.
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
mod elements;
mod info_nce;
mod linear_ce;
mod logits;
mod poly_1;
mod rows;
mod sigmoid_ce;
mod sigmoid_focal;
mod softmax_ce;
mod softmax_focal;
mod targets;

use ndarray::{ArrayD, Dimension, IxDyn};

pub use compare::{Difference, compare, compare_linear};
pub use linear_ce::{LinearReference, run_linear};

use crate::batch::check::check;
use crate::batch::{Batch, Element, MISSING_LABEL, Shape, Targets};
use crate::error::Result;
use crate::loss::{EmptyMean, Kind, Loss, Reduction, Spec};
use elements::by_elements;
use rows::by_rows;
use targets::RowTargets;

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
    let rows = RowTargets::new(spec, &batch.targets, &shape)?;
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
