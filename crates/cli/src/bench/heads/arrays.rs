//! The arrays of a head, and what they come to in float64. Hidden states repeat after some rows and weights after some
//! classes, of odd numbers both, so that the reference of a vocabulary takes a moment.

use gpu_loss::Dtype;
use gpu_loss::batch::{bf16, f16};
use ndarray::{Array1, Array2, Axis};

use super::Case;

/// Hidden states that differ.
const ROWS: usize = 61;
/// Classes whose weights differ.
const CLASSES: usize = 997;

/// The tiles that repeat, and all labels.
pub(super) struct Arrays {
    pub(super) hidden: Array2<f32>,
    pub(super) weight: Array2<f32>,
    pub(super) labels: Vec<usize>,
}

/// What they come to.
pub(super) struct Expected {
    pub(super) losses: Vec<f64>,
    /// Of the tile's rows, without their labels' part.
    grad_hidden: Array2<f64>,
    /// Of the tile's classes, without what labels add.
    grad_weight: Array2<f64>,
}

impl Arrays {
    pub(super) fn new(case: &Case) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut unit = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
        };
        let width = case.head.hidden;
        let scale = 4.0 / (width as f32).sqrt();
        let hidden = Array2::from_shape_simple_fn((ROWS, width), || rounded(unit(), case.dtype));
        let weight = Array2::from_shape_simple_fn((CLASSES, width), || rounded(scale * unit(), case.dtype));
        let label = |row: usize| (row * 7919 + 13) % case.head.vocabulary;
        Arrays { hidden, weight, labels: (0..case.rows).map(label).collect() }
    }

    /// By the definition, over the whole vocabulary; the mean over all rows.
    pub(super) fn expected(&self, case: &Case) -> Expected {
        let (hidden, weight) = (self.hidden.mapv(f64::from), self.weight.mapv(f64::from));
        let vocabulary = case.head.vocabulary;
        let classes_like = |k: usize| (vocabulary / CLASSES + usize::from(k < vocabulary % CLASSES)) as f64;
        let logits = hidden.dot(&weight.t());
        let maxima = logits.map_axis(Axis(1), |row| row.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        let sums: Array1<f64> = (0..ROWS)
            .map(|row| (0..CLASSES).map(|k| classes_like(k) * (logits[[row, k]] - maxima[row]).exp()).sum())
            .collect();
        let rows = case.rows as f64;
        let probabilities = Array2::from_shape_fn((ROWS, CLASSES), |(row, k)| {
            (logits[[row, k]] - maxima[row]).exp() / sums[row] / rows
        });
        let loss = |(row, label): (usize, &usize)| {
            let row = row % ROWS;
            maxima[row] + sums[row].ln() - logits[[row, label % CLASSES]]
        };
        let weighed = Array2::from_shape_fn((ROWS, CLASSES), |(row, k)| classes_like(k) * probabilities[[row, k]]);
        let rows_like = |row: usize| (case.rows / ROWS + usize::from(row < case.rows % ROWS)) as f64;
        let counted = Array2::from_shape_fn((ROWS, CLASSES), |(row, k)| rows_like(row) * probabilities[[row, k]]);
        Expected {
            losses: self.labels.iter().enumerate().map(loss).collect(),
            grad_hidden: weighed.dot(&weight),
            grad_weight: counted.t().dot(&hidden),
        }
    }

    /// A row of the hidden states' gradient.
    pub(super) fn grad_hidden(&self, expected: &Expected, row: usize) -> Array1<f64> {
        let true_class = self.weight.row(self.labels[row] % CLASSES).mapv(f64::from) / self.labels.len() as f64;
        &expected.grad_hidden.row(row % ROWS) - &true_class
    }

    /// A class's row of the weights' gradient.
    pub(super) fn grad_weight(&self, expected: &Expected, class: usize) -> Array1<f64> {
        let mut grad = expected.grad_weight.row(class % CLASSES).to_owned();
        for row in self.labels.iter().enumerate().filter_map(|(row, label)| (*label == class).then_some(row)) {
            grad -= &(self.hidden.row(row % ROWS).mapv(f64::from) / self.labels.len() as f64);
        }
        grad
    }
}

/// Numbers as a type stores them.
pub(super) fn stored<'a>(values: impl IntoIterator<Item = &'a f32>, dtype: Dtype) -> Vec<u8> {
    let values = values.into_iter();
    match dtype {
        Dtype::F32 => values.flat_map(|v| v.to_le_bytes()).collect(),
        Dtype::F16 => values.flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect(),
        Dtype::Bf16 => values.flat_map(|v| bf16::from_f32(*v).to_le_bytes()).collect(),
    }
}

/// Stored numbers, widened.
pub(super) fn widened(bytes: &[u8], dtype: Dtype) -> Vec<f64> {
    let halves = |widen: fn([u8; 2]) -> f64| bytes.as_chunks::<2>().0.iter().map(|b| widen(*b)).collect();
    match dtype {
        Dtype::F32 => bytes.as_chunks::<4>().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect(),
        Dtype::F16 => halves(|b| f16::from_le_bytes(b).to_f64()),
        Dtype::Bf16 => halves(|b| bf16::from_le_bytes(b).to_f64()),
    }
}

fn rounded(value: f32, dtype: Dtype) -> f32 {
    match dtype {
        Dtype::F32 => value,
        Dtype::F16 => f16::from_f32(value).to_f32(),
        Dtype::Bf16 => bf16::from_f32(value).to_f32(),
    }
}
