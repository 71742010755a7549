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
    let given = Given { spec, shape, scores, rows };
    let mut found = Found::new(shape, more);
    let mut numbers = Numbers::default();
    for row in given.valid_rows() {
        found.find(given, row, &mut numbers, of_row);
    }
    let own = match rows.labels() {
        Some(_) => found.valid_weight,
        None => shape.rows() as f64,
    };
    let (loss, scale) = reduce(spec, shape, &found.losses, own);
    // What arrives at an ignored row counts for nothing, NaN too.
    for row in given.valid_rows() {
        found.arrive(given, row, scale * upstream[row], scale * at_entropy[row]);
    }
    found.reference(given, dims, loss)
}

/// What a batch gives.
#[derive(Clone, Copy)]
struct Given<'a> {
    spec: &'a Spec,
    shape: &'a Shape,
    scores: &'a [f64],
    rows: &'a RowTargets,
}

impl<'a> Given<'a> {
    fn valid_rows(self) -> impl Iterator<Item = usize> + 'a {
        (0..self.shape.rows()).filter(move |row| self.rows.state(*row) == RowState::Valid)
    }

    /// Where a row's classes lie.
    fn places(self, row: usize) -> impl Iterator<Item = usize> {
        let (start, inner) = (position(self.shape, row, 0), self.shape.inner);
        (0..self.shape.classes).map(move |class| start + class * inner)
    }
}

/// One row's numbers, in place of those of the row before.
#[derive(Default)]
struct Numbers {
    /// Its scores.
    x: Vec<f64>,
    /// Its targets.
    t: Vec<f64>,
    /// What each class weighs.
    b: Vec<f64>,
    /// What the softmax is over.
    u: Vec<f64>,
    /// `∂u/∂x`.
    slopes: Vec<f64>,
}

impl Numbers {
    /// Scores and targets.
    fn read(&mut self, given: Given<'_>, row: usize) {
        refill(&mut self.x, given.places(row).map(|at| given.scores[at]));
        refill(&mut self.t, (0..given.shape.classes).map(|class| given.rows.target(given.shape, row, class)));
    }

    /// Whether no loss can be told of the scores.
    fn are_poisoned(&self) -> bool {
        self.x.iter().any(|v| v.is_nan() || *v == f64::INFINITY) || self.x.iter().all(|v| *v == f64::NEG_INFINITY)
    }

    /// What follows from scores and targets.
    fn derive(&mut self, Given { spec, rows, .. }: Given<'_>, row: usize) {
        row_weights(spec, rows, row, &self.t, &mut self.b);
        match spec.kind.is_softmax() {
            true => logits::logits(spec, &self.x, rows.label(row), &mut self.u, &mut self.slopes),
            false => {
                refill(&mut self.u, self.x.iter().copied());
                refill(&mut self.slopes, self.x.iter().map(|_| 1.0));
            }
        }
    }
}

/// What is found of all rows; gradients at first as if 1 arrived at each loss.
struct Found {
    losses: Vec<f64>,
    lse: Vec<f64>,
    argmax: Vec<u32>,
    grad: Vec<f64>,
    terms: Vec<f64>,
    details: Details,
    entropies: Option<Entropies>,
    bias: Option<BiasGradient>,
    correct: u64,
    /// The weights of the classes of labelled rows.
    valid_weight: f64,
}

impl Found {
    /// Where every row is ignored.
    fn new(shape: &Shape, more: More) -> Self {
        let (rows, elements) = (shape.rows(), shape.elements());
        Found {
            losses: vec![0.0; rows],
            lse: vec![0.0; rows],
            argmax: vec![u32::MAX; rows],
            grad: vec![0.0; elements],
            terms: vec![0.0; elements],
            details: Details::new(rows),
            entropies: more.entropy.then(|| Entropies::new(elements)),
            bias: more.class_bias.then(|| BiasGradient::new(shape.classes, elements)),
            correct: 0,
            valid_weight: 0.0,
        }
    }

    /// Finds all of a row.
    fn find(&mut self, given: Given<'_>, row: usize, numbers: &mut Numbers, of_row: &dyn Fn(&Row<'_>) -> RowLoss) {
        let Given { spec, rows, .. } = given;
        numbers.read(given, row);
        if let Some(label) = rows.label(row) {
            self.valid_weight += class_weight(spec, label);
        }
        if numbers.are_poisoned() {
            (self.losses[row], self.lse[row]) = (f64::NAN, f64::NAN);
            (self.details.log_prob[row], self.details.entropy[row]) = (f64::NAN, f64::NAN);
            given.places(row).for_each(|at| self.grad[at] = f64::NAN);
            if let Some(bias) = &mut self.bias {
                given.places(row).for_each(|at| bias.on_u[at] = f64::NAN);
            }
            return;
        }
        let top = logits::argmax(&numbers.x);
        self.argmax[row] = top as u32;
        let greatest = numbers.t.iter().copied().fold(0.0, f64::max);
        self.correct += u64::from(greatest > 0.0 && numbers.t[top] == greatest);
        numbers.derive(given, row);
        let Numbers { x, b, u, slopes, .. } = &*numbers;
        let label = rows.label(row);
        let counts = rows.true_classes(row) != Some(0);
        let result = of_row(&Row { x, u, b, counts, label: label.unwrap_or_default() });
        (self.losses[row], self.lse[row]) = (result.loss, result.lse);
        for ((at, slope), (g, t)) in given.places(row).zip(slopes).zip(result.grad.iter().zip(&result.terms)) {
            (self.grad[at], self.terms[at]) = (g * slope, t * slope.abs());
            if let Some(bias) = &mut self.bias {
                (bias.on_u[at], bias.terms_on_u[at]) = (*g, *t);
            }
        }
        self.find_entropy(given, row, u, slopes);
        if let Some(label) = label {
            self.details.log_prob[row] = logits::log_softmax(u, label);
            (self.details.rank[row], self.details.slack[row]) = logits::rank(spec, x, u, label);
        }
    }

    /// Finds a row's entropy where it is wanted, and takes it from the loss.
    fn find_entropy(&mut self, given: Given<'_>, row: usize, u: &[f64], slopes: &[f64]) {
        let Some(entropies) = &mut self.entropies else { return };
        let entropy = logits::entropy(u);
        let counts = given.rows.true_classes(row) != Some(0);
        let weight = if counts { f64::from(given.spec.entropy_coefficient) } else { 0.0 };
        self.details.entropy[row] = entropy.value;
        entropies.coefficients[row] = weight;
        self.losses[row] -= if weight == 0.0 { 0.0 } else { weight * entropy.value };
        for ((at, slope), (g, t)) in given.places(row).zip(slopes).zip(entropy.grad.iter().zip(&entropy.terms)) {
            entropies.grad[at] = (*g, *slope);
            entropies.terms[at] = *t;
        }
    }

    /// Multiplies a row's gradient by what arrives at its loss, and adds what arrives at its entropy.
    fn arrive(&mut self, given: Given<'_>, row: usize, up: f64, at_entropy: f64) {
        let at_entropy = self.entropies.as_ref().map_or(0.0, |entropies| {
            let coefficient = entropies.coefficients[row];
            at_entropy - if coefficient == 0.0 { 0.0 } else { coefficient * up }
        });
        for (class, at) in given.places(row).enumerate() {
            let (g, t, slope) = match self.entropies.as_ref().filter(|_| at_entropy != 0.0) {
                Some(entropies) => {
                    let (g, slope) = entropies.grad[at];
                    (g * at_entropy, entropies.terms[at] * at_entropy.abs(), slope)
                }
                None => (0.0, 0.0, 0.0),
            };
            self.grad[at] = self.grad[at] * up + g * slope;
            self.terms[at] = self.terms[at] * up.abs() + t * slope.abs();
            if let Some(bias) = &mut self.bias {
                bias.add(class, bias.on_u[at] * up + g, bias.terms_on_u[at] * up.abs() + t);
            }
        }
    }

    /// All of it, in the shapes of the batch.
    fn reference(self, Given { spec, shape, rows, .. }: Given<'_>, dims: &[usize], loss: f64) -> Reference {
        let row_dims = row_dims(dims);
        let softmax = spec.kind.is_softmax();
        let of_classes = softmax && rows.labels().is_some();
        let classes = [shape.classes];
        Reference {
            loss,
            losses: array(&row_dims, self.losses),
            lse: softmax.then(|| array(&row_dims, self.lse)),
            grad: array(dims, self.grad),
            terms: array(dims, self.terms),
            reduction: spec.reduction,
            argmax: Some(array(&row_dims, self.argmax)),
            correct: Some(self.correct),
            log_prob: of_classes.then(|| array(&row_dims, self.details.log_prob)),
            entropy: self.entropies.map(|_| array(&row_dims, self.details.entropy)),
            rank: of_classes.then(|| array(&row_dims, self.details.rank)),
            rank_slack: of_classes.then(|| array(&row_dims, self.details.slack)),
            class_bias_terms: self.bias.as_ref().map(|bias| array(&classes, bias.terms.clone())),
            grad_class_bias: self.bias.map(|bias| array(&classes, bias.grad)),
        }
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

/// Numbers in place of those of the row before: short rows are many.
fn refill(numbers: &mut Vec<f64>, of: impl Iterator<Item = f64>) {
    numbers.clear();
    numbers.extend(of);
}
