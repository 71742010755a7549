//! Some rows of random scores and targets, as bytes, with what they come to.

use gpu_loss::batch::{TargetForm, bf16, f16};
use gpu_loss::reference::{self, Reference};
use gpu_loss::{Batch, Dtype, Result, Shape};
use ndarray::{ArrayD, Axis, IxDyn};

use super::cases::Case;
use super::random::Random;

/// Elements of a tile: few enough for the float64 reference, which is slow.
const TILE: usize = 1 << 18;

pub(super) struct Tile {
    pub(super) scores: Vec<u8>,
    pub(super) targets: Vec<u8>,
    /// What it comes to as a part of a case's mean.
    pub(super) expected: Reference,
}

/// How many `n` a tile has: whole words of every array, so that a tile begins where a copy may.
pub(super) fn tile_n(case: &Case) -> usize {
    let unit = if case.n_bytes().is_multiple_of(4) { 1 } else { 2 };
    let n = (TILE / (case.shape.classes * case.shape.inner)).min(case.shape.n);
    (n / unit * unit).max(unit)
}

impl Tile {
    /// The tile of a case's first `n`.
    pub(super) fn new(case: &Case, n: usize) -> Result<Self> {
        let Shape { classes, inner, .. } = case.shape;
        let mut random = Random(case.shape.elements() as u64);
        let dims = if inner == 1 { vec![n, classes] } else { vec![n, classes, inner] };
        let scores = ArrayD::from_shape_simple_fn(IxDyn(&dims), || {
            rounded(8.0 * (random.unit() + random.unit() - 1.0), case.dtype)
        });
        let mut spec = case.spec();
        // The mean is over the whole batch, whose rows all count.
        let count = if spec.kind.per_row() { case.shape.rows() } else { case.shape.elements() };
        spec.denominator = Some(count as f32);
        let (targets, expected) = match case.form {
            TargetForm::Classes => {
                let row_dims = if inner == 1 { vec![n] } else { vec![n, inner] };
                let labels = ArrayD::from_shape_simple_fn(IxDyn(&row_dims), || random.below(classes) as i64);
                let bytes = labels.iter().flat_map(|label| label.to_le_bytes()).collect();
                (bytes, reference::run(&spec, &Batch::new(scores.view(), &labels))?)
            }
            _ => {
                let mut given = ArrayD::from_shape_simple_fn(IxDyn(&dims), || random.unit());
                if spec.kind.per_row() {
                    let sums = given.sum_axis(Axis(1)).insert_axis(Axis(1));
                    given /= &sums;
                }
                let bytes = given.iter().flat_map(|value| value.to_le_bytes()).collect();
                (bytes, reference::run(&spec, &Batch::new(scores.view(), given.view()))?)
            }
        };
        Ok(Tile { scores: stored(&scores, case.dtype), targets, expected })
    }
}

/// The nearest number of a type.
fn rounded(value: f32, dtype: Dtype) -> f32 {
    match dtype {
        Dtype::F32 => value,
        Dtype::F16 => f16::from_f32(value).to_f32(),
        Dtype::Bf16 => bf16::from_f32(value).to_f32(),
    }
}

/// Numbers of a type as bytes.
fn stored(values: &ArrayD<f32>, dtype: Dtype) -> Vec<u8> {
    match dtype {
        Dtype::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Dtype::F16 => values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect(),
        Dtype::Bf16 => values.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes()).collect(),
    }
}
