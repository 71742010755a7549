//! The batches of the self-test: small, edge cases in them, and always the same.

use ndarray::{ArrayD, IxDyn};

use super::test_key::TestKey;
use crate::batch::check::row_dims;
use crate::batch::{Batch, Dtype, Element, MISSING_LABEL, OwnedIntegers, TargetForm, Targets, bf16, f16};
use crate::loss::{Reduction, Spec};

/// A batch that is made up, always the same for the same sort.
pub(super) struct KnownAnswers<T> {
    scores: ArrayD<T>,
    targets: Made,
    upstream: ArrayD<f32>,
    element_weights: ArrayD<f32>,
}

enum Made {
    Classes(OwnedIntegers),
    Lists(OwnedIntegers, OwnedIntegers),
    MultiHot(ArrayD<u8>),
    Probabilities(ArrayD<f32>),
    Logits(ArrayD<f32>),
    LogitsF16(ArrayD<f16>),
    LogitsBf16(ArrayD<bf16>),
}

/// Numbers from 0 to 1, always the same ones.
struct Units(u64);

impl Units {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 24) as f32
    }

    /// An array of what is made of them, element by element.
    fn array(&mut self, dims: &[usize], of: impl Fn(usize, f32) -> f32) -> ArrayD<f32> {
        shaped(dims, (0..dims.iter().product()).map(|element| of(element, self.next())).collect())
    }
}

fn shaped<E: Default>(dims: &[usize], values: Vec<E>) -> ArrayD<E> {
    ArrayD::from_shape_vec(IxDyn(dims), values).unwrap_or_default()
}

/// What the rows of a batch are like: every ninth is of the same sort.
struct Pattern<'a> {
    spec: &'a Spec,
    key: &'a TestKey,
    classes: usize,
    inner: usize,
    /// A true class of each row.
    truth: Vec<usize>,
}

impl<'a> Pattern<'a> {
    fn new(spec: &'a Spec, key: &'a TestKey) -> Self {
        let (classes, inner) = (key.dims[1], key.dims[2..].iter().product::<usize>());
        let truth = (0..key.dims[0] * inner).map(|row| (row * 7 + 3) % classes).collect();
        Pattern { spec, key, classes, inner, truth }
    }

    /// The row and the class of an element.
    fn place(&self, element: usize) -> (usize, usize) {
        let (classes, inner) = (self.classes, self.inner);
        (element / (classes * inner) * inner + element % inner, element / inner % classes)
    }

    fn score(&self, element: usize, unit: f32, nan: bool) -> f32 {
        let (spec, (row, class)) = (self.spec, self.place(element));
        // With a margin, scores are cosines; with a bias, f32 rounds large ones.
        let (spread, large) = match (spec.has_margin(), spec.class_bias.is_some()) {
            (true, _) => (0.125, 0.5),
            (false, true) => (1.0, 50.0),
            (false, false) => (1.0, 1e4),
        };
        match (spec.kind.takes_probabilities(), row % 9) {
            (true, _) => unit,
            // A confident row, one of masks, one of large scores, one with a NaN.
            (false, 1) if class == self.truth[row] => 24.0 * spread,
            (false, 2) if class % 3 == 1 && class != self.truth[row] => f32::NEG_INFINITY,
            (false, 3) if self.key.dtype == Dtype::F32 => large + 4.0 * spread * unit,
            (false, 4) if nan && class == self.classes / 2 => f32::NAN,
            _ => spread * (8.0 * unit - 4.0),
        }
    }

    fn targets(&self, units: &mut Units) -> Made {
        let (spec, dims) = (self.spec, &self.key.dims);
        match self.key.targets {
            TargetForm::Classes => self.labels(),
            TargetForm::Lists => self.lists(),
            TargetForm::MultiHot => {
                let bytes = (0..self.truth.len() * self.classes).map(|element| match self.place(element) {
                    (row, class) if (row + class) % 5 == 3 && self.key.missing_labels => MISSING_LABEL,
                    (row, class) => u8::from((row + class) % 5 == 0),
                });
                Made::MultiHot(shaped(dims, bytes.collect()))
            }
            TargetForm::Logits => {
                // Masks where the student may have them, and where it has none in reverse: no other loss is endless.
                let values = units.array(dims, |element, unit| match self.place(element) {
                    (row, class) if row % 9 == 2 && class % 3 == 1 && class != self.truth[row] => f32::NEG_INFINITY,
                    _ => 8.0 * unit - 4.0,
                });
                match self.key.teacher {
                    Dtype::F32 => Made::Logits(values),
                    Dtype::F16 => Made::LogitsF16(values.mapv(f16::from_f32)),
                    Dtype::Bf16 => Made::LogitsBf16(values.mapv(bf16::from_f32)),
                }
            }
            TargetForm::Probabilities => {
                let scale = if spec.kind.per_row() { 2.0 / self.classes as f32 } else { 1.0 };
                Made::Probabilities(units.array(dims, |_, unit| scale * unit))
            }
        }
    }

    fn labels(&self) -> Made {
        let integers = self.key.integers.0;
        let labels = self.truth.iter().enumerate().map(|(row, class)| match self.spec.ignore_index {
            Some(ignored) if row % 9 == 5 && integers.holds(ignored) => ignored,
            _ => *class as i64,
        });
        Made::Classes(OwnedIntegers::new(labels, &row_dims(&self.key.dims), integers))
    }

    fn lists(&self) -> Made {
        let rows = self.truth.len();
        let list =
            |row: usize| (0..self.classes as i64).filter(move |class| (class * 5 + row as i64) % 4 == 0).take(row % 6);
        let lists: Vec<Vec<i64>> = (0..rows).map(|row| list(row).collect()).collect();
        let offsets = (0..=rows).map(|row| lists[..row].iter().map(Vec::len).sum::<usize>() as i64);
        let indices: Vec<i64> = lists.concat();
        let count = indices.len();
        Made::Lists(
            OwnedIntegers::new(offsets, &[rows + 1], self.key.integers.0),
            OwnedIntegers::new(indices.into_iter(), &[count], self.key.integers.1),
        )
    }
}

impl<T: Element> KnownAnswers<T> {
    pub(super) fn new(spec: &Spec, key: &TestKey, nan: bool, rounded: &impl Fn(f32) -> T) -> Self {
        let mut units = Units(0x9e37_79b9_7f4a_7c15);
        let pattern = Pattern::new(spec, key);
        let scores = units.array(&key.dims, |element, unit| pattern.score(element, unit, nan)).mapv(rounded);
        let targets = pattern.targets(&mut units);
        let loss_dims = if spec.kind.per_row() { row_dims(&key.dims) } else { key.dims.clone() };
        KnownAnswers {
            scores,
            targets,
            upstream: units.array(&loss_dims, |_, unit| unit - 0.5),
            element_weights: units.array(&key.dims, |_, unit| 2.0 * unit),
        }
    }

    pub(super) fn batch(&self, spec: &Spec, key: &TestKey) -> Batch<'_, T, IxDyn> {
        let targets = match &self.targets {
            Made::Classes(labels) => Targets::Classes(labels.view()),
            Made::Lists(offsets, indices) => Targets::Lists { offsets: offsets.view(), indices: indices.view() },
            Made::MultiHot(bytes) => bytes.into(),
            Made::Probabilities(values) => values.into(),
            Made::Logits(values) => Targets::logits(values),
            Made::LogitsF16(values) => Targets::logits(values),
            Made::LogitsBf16(values) => Targets::logits(values),
        };
        let mut batch = Batch::new(self.scores.view(), targets);
        batch.outputs = key.outputs;
        if spec.reduction == Reduction::None && key.upstream {
            batch.upstream = Some(self.upstream.view());
        }
        if key.entropy_upstream {
            batch.entropy_upstream = Some(self.upstream.view());
        }
        if key.element_weights {
            batch.element_weights = Some(self.element_weights.view());
        }
        batch
    }
}
