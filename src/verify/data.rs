//! Batches made up for a case, always the same ones.

use ndarray::{ArrayD, IxDyn};

use super::case::{Case, Scores};
use super::random::Random;
use crate::batch::check::row_dims;
use crate::batch::{Batch, Dtype, Element, OwnedIntegers, TargetForm, Targets, bf16, f16};
use crate::layout::IntegerType;
use crate::loss::{Kind, Reduction, Spec};

/// A type of scores that made-up values can be rounded to.
pub(super) trait Rounded: Element {
    fn rounded(value: f32) -> Self;
}

impl Rounded for f32 {
    fn rounded(value: f32) -> Self {
        value
    }
}

impl Rounded for f16 {
    fn rounded(value: f32) -> Self {
        f16::from_f32(value)
    }
}

impl Rounded for bf16 {
    fn rounded(value: f32) -> Self {
        bf16::from_f32(value)
    }
}

/// All that a batch borrows.
pub(super) struct Data<T> {
    scores: ArrayD<T>,
    targets: TargetData,
    element_weights: Option<ArrayD<f32>>,
    upstream: Option<ArrayD<f32>>,
}

enum TargetData {
    Classes(OwnedIntegers),
    Lists { offsets: Vec<u32>, indices: Vec<i64> },
    MultiHot(ArrayD<u8>),
    Probabilities(ArrayD<f32>),
    Logits(ArrayD<f32>),
    LogitsF16(ArrayD<f16>),
    LogitsBf16(ArrayD<bf16>),
}

/// The place of a row's element of class `class` in the scores' row-major order.
struct Layout {
    classes: usize,
    inner: usize,
    rows: usize,
}

impl Layout {
    fn of(dims: &[usize]) -> Self {
        let inner = dims[2..].iter().product();
        Layout { classes: dims[1], inner, rows: dims[0] * inner }
    }

    fn at(&self, row: usize, class: usize) -> usize {
        (row / self.inner * self.classes + class) * self.inner + row % self.inner
    }

    fn elements(&self) -> usize {
        self.rows * self.classes
    }
}

impl<T: Rounded> Data<T> {
    pub(super) fn new(case: &Case) -> Self {
        let mut random = Random::new(case.seed);
        let layout = Layout::of(&case.dims);
        let truth = true_classes(case, &layout, &mut random);
        let spec = case.spec();
        let scores = scores(case, &layout, &truth, &mut random);
        let scores = scores.into_iter().map(|score| T::rounded(suited(&spec, score))).collect();
        let rows = row_dims(&case.dims);
        let losses = if case.kind.per_row() { rows.clone() } else { case.dims.to_vec() };
        let targets = targets(case, &layout, &truth, rows, &mut random);
        let weights = |count: usize, random: &mut Random| (0..count).map(|_| 2.0 * random.unit()).collect::<Vec<f32>>();
        let element_weights =
            case.group.element_weights.then(|| shaped(&case.dims, weights(layout.elements(), &mut random)));
        let upstream = (spec.reduction == Reduction::None && case.reduce == super::case::Reduce::Upstream).then(|| {
            let values = weights(losses.iter().product(), &mut random).into_iter().map(|w| w - 0.5).collect();
            shaped(&losses, values)
        });
        Data { scores: shaped(&case.dims, scores), targets, element_weights, upstream }
    }

    pub(super) fn batch(&self, case: &Case) -> Batch<'_, T, IxDyn> {
        let targets = match &self.targets {
            TargetData::Classes(labels) => Targets::Classes(labels.view()),
            TargetData::Lists { offsets, indices } => Targets::lists(offsets, indices),
            TargetData::MultiHot(bytes) => bytes.into(),
            TargetData::Probabilities(values) => values.into(),
            TargetData::Logits(values) => Targets::logits(values),
            TargetData::LogitsF16(values) => Targets::logits(values),
            TargetData::LogitsBf16(values) => Targets::logits(values),
        };
        let mut batch = Batch::new(self.scores.view(), targets);
        batch.element_weights = self.element_weights.as_ref().map(|array| array.view());
        batch.upstream = self.upstream.as_ref().map(|array| array.view());
        batch.outputs = case.outputs();
        batch
    }
}

/// With a margin, scores are cosines; beside a bias, f32 rounds large ones.
fn suited(spec: &Spec, score: f32) -> f32 {
    match score.is_finite() {
        true if spec.has_margin() => (score / 16.0).clamp(-1.0, 1.0),
        true if spec.class_bias.is_some() => score % 64.0,
        _ => score,
    }
}

fn shaped<V: Clone + Default>(dims: &[usize], mut values: Vec<V>) -> ArrayD<V> {
    // As many as the shape has, so that nothing is added.
    values.resize(dims.iter().product(), V::default());
    ArrayD::from_shape_vec(IxDyn(dims), values).unwrap_or_default()
}

/// Each row's true classes, strictly increasing: one for class targets, and up to five else.
fn true_classes(case: &Case, layout: &Layout, random: &mut Random) -> Vec<Vec<usize>> {
    let one = case.form == TargetForm::Classes;
    let row = |random: &mut Random| {
        let count = if one { 1 } else { random.below(6).min(layout.classes) };
        let mut classes: Vec<usize> = (0..count).map(|_| random.below(layout.classes)).collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    };
    (0..layout.rows).map(|_| row(random)).collect()
}

fn scores(case: &Case, layout: &Layout, truth: &[Vec<usize>], random: &mut Random) -> Vec<f32> {
    let mut scores = vec![0.0; layout.elements()];
    let large = if case.dtype == Dtype::F32 { 3.0 } else { 100.0 };
    for (row, true_classes) in truth.iter().enumerate() {
        let sign = if row % 3 == 0 { -1.0 } else { 1.0 };
        for class in 0..layout.classes {
            let is_true = true_classes.contains(&class);
            scores[layout.at(row, class)] = if case.kind.takes_probabilities() {
                probability(case.scores, is_true, random)
            } else {
                match case.scores {
                    Scores::Ordinary | Scores::NotANumber | Scores::AllIgnored => 2.0 * random.normal(),
                    Scores::Confident if is_true => 12.0 + 20.0 * random.unit(),
                    Scores::Confident => random.normal() - 4.0,
                    Scores::Large => sign * 1e4 + large * random.normal(),
                    // A true class stays, but for every seventh row, whose loss is then infinite.
                    Scores::Masked if random.one_in(4) && (!is_true || row % 7 == 6) => f32::NEG_INFINITY,
                    Scores::Masked => 2.0 * random.normal(),
                }
            };
        }
    }
    if case.scores == Scores::NotANumber && layout.rows > 0 {
        let last = layout.rows - 1;
        scores[layout.at(last / 2, layout.classes - 1)] = f32::NAN;
        if case.kind.is_softmax() && last > 3 {
            scores[layout.at(last, 0)] = f32::INFINITY;
            for class in 0..layout.classes {
                scores[layout.at(0, class)] = f32::NEG_INFINITY;
            }
        }
    }
    scores
}

fn probability(scores: Scores, is_true: bool, random: &mut Random) -> f32 {
    match scores {
        Scores::Confident => match (is_true, random.below(4)) {
            (true, 0 | 1) => 1.0,
            (true, 2) => 1.0 - 1e-3 * random.unit(),
            (false, 0 | 1) => 0.0,
            (false, 2) => 1e-3 * random.unit(),
            // Now and then, surely wrong: the clamps.
            (true, _) => 0.0,
            (false, _) => 1.0,
        },
        _ => 0.01 + 0.98 * random.unit(),
    }
}

fn targets(case: &Case, layout: &Layout, truth: &[Vec<usize>], rows: Vec<usize>, random: &mut Random) -> TargetData {
    match case.form {
        TargetForm::Classes => TargetData::Classes(labels(case, truth, &rows, random)),
        TargetForm::Lists => {
            let mut offsets = vec![0];
            offsets.extend(truth.iter().scan(0, |end, classes| {
                *end += classes.len() as u32;
                Some(*end)
            }));
            TargetData::Lists { offsets, indices: truth.iter().flatten().map(|class| *class as i64).collect() }
        }
        TargetForm::MultiHot => {
            let mut bytes = vec![0; layout.elements()];
            for (row, classes) in truth.iter().enumerate() {
                for class in classes {
                    bytes[layout.at(row, *class)] = 1;
                }
            }
            TargetData::MultiHot(shaped(&case.dims, bytes))
        }
        TargetForm::Logits => teacher(case, layout, truth, random),
        TargetForm::Probabilities => {
            let mut values = vec![0.0; layout.elements()];
            for (row, classes) in truth.iter().enumerate() {
                distribution(case.kind, layout, row, classes, &mut values, random);
            }
            TargetData::Probabilities(shaped(&case.dims, values))
        }
    }
}

/// A teacher's scores of each type in turn, surer of the true classes; now and then a mask.
fn teacher(case: &Case, layout: &Layout, truth: &[Vec<usize>], random: &mut Random) -> TargetData {
    let mut values = vec![0.0; layout.elements()];
    for (row, classes) in truth.iter().enumerate() {
        for class in 0..layout.classes {
            let is_true = classes.contains(&class);
            values[layout.at(row, class)] = match case.scores {
                Scores::Masked if !is_true && random.one_in(4) => f32::NEG_INFINITY,
                Scores::Confident if is_true => 12.0 + 20.0 * random.unit(),
                Scores::Confident => random.normal() - 4.0,
                _ => 2.0 * random.normal() + if is_true { 1.0 } else { 0.0 },
            };
        }
    }
    let values = shaped(&case.dims, values);
    match random.below(3) {
        0 => TargetData::LogitsF16(values.mapv(f16::from_f32)),
        1 => TargetData::LogitsBf16(values.mapv(bf16::from_f32)),
        _ => TargetData::Logits(values),
    }
}

/// Class labels of each integer type in turn, some of them ignored.
fn labels(case: &Case, truth: &[Vec<usize>], rows: &[usize], random: &mut Random) -> OwnedIntegers {
    let ignored = case.ignored();
    let label = |class: &usize, random: &mut Random| match ignored {
        Some(label) if case.scores == Scores::AllIgnored || random.one_in(4) => label,
        _ => *class as i64,
    };
    let values: Vec<i64> = truth.iter().flatten().map(|class| label(class, random)).collect();
    let negative = values.iter().any(|value| *value < 0);
    let of = match random.below(3) {
        0 if !negative => IntegerType::U32,
        1 => IntegerType::I32,
        _ => IntegerType::I64,
    };
    OwnedIntegers::new(values.into_iter(), rows, of)
}

/// A row of target probabilities: for losses of rows a distribution with most of its weight on the true classes, or
/// all zeros without any; for losses of elements anything in [0, 1].
fn distribution(kind: Kind, layout: &Layout, row: usize, classes: &[usize], values: &mut [f32], random: &mut Random) {
    let mut sum = 0.0;
    for class in 0..layout.classes {
        let value = match (kind.per_row(), classes.contains(&class)) {
            (true, true) => 1.0 + random.unit(),
            (true, false) if classes.is_empty() || random.one_in(2) => 0.0,
            (true, false) => 0.1 * random.unit() / layout.classes as f32,
            (false, true) => 1.0,
            (false, false) if random.one_in(2) => 0.0,
            (false, false) => random.unit(),
        };
        values[layout.at(row, class)] = value;
        sum += value;
    }
    if kind.per_row() && sum > 0.0 {
        for class in 0..layout.classes {
            values[layout.at(row, class)] /= sum;
        }
    }
}
