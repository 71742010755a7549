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

impl<T: Element> KnownAnswers<T> {
    pub(super) fn new(spec: &Spec, key: &TestKey, nan: bool, rounded: &impl Fn(f32) -> T) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut unit = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 24) as f32
        };
        let dims = &key.dims;
        let (classes, inner) = (dims[1], dims[2..].iter().product::<usize>());
        let row_dims = row_dims(dims);
        let rows = dims[0] * inner;
        let truth: Vec<usize> = (0..rows).map(|row| (row * 7 + 3) % classes).collect();
        let row_of =
            |element: usize| (element / (classes * inner) * inner + element % inner, element / inner % classes);
        let score = |element: usize, unit: f32| {
            let (row, class) = row_of(element);
            // With a margin, scores are cosines; with a bias, f32 rounds large ones.
            let (spread, large) = match (spec.has_margin(), spec.class_bias.is_some()) {
                (true, _) => (0.125, 0.5),
                (false, true) => (1.0, 50.0),
                (false, false) => (1.0, 1e4),
            };
            match (spec.kind.takes_probabilities(), row % 9) {
                (true, _) => unit,
                // A confident row, one of masks, one of large scores, one with a NaN.
                (false, 1) if class == truth[row] => 24.0 * spread,
                (false, 2) if class % 3 == 1 && class != truth[row] => f32::NEG_INFINITY,
                (false, 3) if key.dtype == Dtype::F32 => large + 4.0 * spread * unit,
                (false, 4) if nan && class == classes / 2 => f32::NAN,
                _ => spread * (8.0 * unit - 4.0),
            }
        };
        let elements = rows * classes;
        let shaped = |dims: &[usize], values: Vec<f32>| ArrayD::from_shape_vec(IxDyn(dims), values).unwrap_or_default();
        let scores: Vec<T> = (0..elements).map(|element| rounded(score(element, unit()))).collect();
        let targets = match key.targets {
            TargetForm::Classes => {
                let labels = truth.iter().enumerate().map(|(row, class)| match spec.ignore_index {
                    Some(ignored) if row % 9 == 5 && key.integers.0.holds(ignored) => ignored,
                    _ => *class as i64,
                });
                Made::Classes(OwnedIntegers::new(labels, &row_dims, key.integers.0))
            }
            TargetForm::Lists => {
                let lists: Vec<Vec<i64>> = (0..rows)
                    .map(|row| {
                        (0..classes as i64).filter(|class| (class * 5 + row as i64) % 4 == 0).take(row % 6).collect()
                    })
                    .collect();
                let offsets = (0..=rows).map(|row| lists[..row].iter().map(Vec::len).sum::<usize>() as i64);
                let indices: Vec<i64> = lists.concat();
                let count = indices.len();
                Made::Lists(
                    OwnedIntegers::new(offsets, &[rows + 1], key.integers.0),
                    OwnedIntegers::new(indices.into_iter(), &[count], key.integers.1),
                )
            }
            TargetForm::MultiHot => {
                let bytes = (0..elements).map(|element| match (row_of(element).1 + row_of(element).0) % 5 {
                    3 if key.missing_labels => MISSING_LABEL,
                    sum => u8::from(sum == 0),
                });
                Made::MultiHot(ArrayD::from_shape_vec(IxDyn(dims), bytes.collect()).unwrap_or_default())
            }
            TargetForm::Logits => {
                // Masks where the student may have them, and where it has none in reverse: no other loss is endless.
                let teacher = |element: usize, unit: f32| match row_of(element) {
                    (row, class) if row % 9 == 2 && class % 3 == 1 && class != truth[row] => f32::NEG_INFINITY,
                    _ => 8.0 * unit - 4.0,
                };
                let values = ArrayD::from_shape_vec(IxDyn(dims), (0..elements).map(|at| teacher(at, unit())).collect());
                let values: ArrayD<f32> = values.unwrap_or_default();
                match key.teacher {
                    Dtype::F32 => Made::Logits(values),
                    Dtype::F16 => Made::LogitsF16(values.mapv(f16::from_f32)),
                    Dtype::Bf16 => Made::LogitsBf16(values.mapv(bf16::from_f32)),
                }
            }
            TargetForm::Probabilities => {
                let scale = if spec.kind.per_row() { 2.0 / classes as f32 } else { 1.0 };
                Made::Probabilities(shaped(dims, (0..elements).map(|_| scale * unit()).collect()))
            }
        };
        let loss_dims = if spec.kind.per_row() { row_dims } else { dims.clone() };
        let losses = loss_dims.iter().product::<usize>();
        KnownAnswers {
            scores: ArrayD::from_shape_vec(IxDyn(dims), scores).unwrap_or_default(),
            targets,
            upstream: shaped(&loss_dims, (0..losses).map(|_| unit() - 0.5).collect()),
            element_weights: shaped(dims, (0..elements).map(|_| 2.0 * unit()).collect()),
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
