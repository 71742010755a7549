//! A linear layer and its loss in one, on one adapter.

use ndarray::{Array1, Array2};

use super::data::Rounded;
use super::random::Random;
use super::scope::Scope;
use crate::GpuLoss;
use crate::batch::{Dtype, bf16, f16};
use crate::error::Result;
use crate::linear::{LinearBatch, LinearCe};
use crate::loss::{Reduction, SoftmaxCe};
use crate::reference::{Difference, compare_linear, run_linear};

/// What is made of a batch's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Loss and gradients, all logits at once.
    Whole,
    /// Loss and gradients, so many rows at once.
    Chunks(usize),
    /// Losses alone, without logits.
    Evaluation,
}

/// One thing to check of [`LinearCe`]: options on a batch of one type and shape, one way. See [`linear_cases`].
#[derive(Debug, Clone, Copy)]
pub struct LinearCase {
    dtype: Dtype,
    /// Rows, the length of a hidden state, and classes.
    dims: [usize; 3],
    options: bool,
    way: Way,
}

/// Shapes on and off the vectors, smaller than a tile and of several.
const SHAPES: [[usize; 3]; 4] = [[7, 5, 33], [64, 24, 301], [130, 64, 1000], [20, 33, 4099]];

/// All cases of a scope: of the quick one, each type and way meets two shapes.
#[must_use]
pub fn linear_cases(scope: Scope) -> Vec<LinearCase> {
    let mut cases = Vec::new();
    for &dtype in Dtype::ALL {
        for (turn, way) in [Way::Whole, Way::Chunks(13), Way::Evaluation].into_iter().enumerate() {
            for (at, dims) in SHAPES.into_iter().enumerate() {
                let both = [false, true].map(|options| LinearCase { dtype, dims, options, way });
                match scope.quick {
                    false => cases.extend(both),
                    true if (turn + at) % 2 == 0 => cases.extend(both.get(at / 2)),
                    true => {}
                }
            }
        }
    }
    cases
}

impl LinearCase {
    /// The type of hidden states and weights.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The loss with its options.
    #[must_use]
    pub fn loss(&self) -> LinearCe {
        let [rows, _, classes] = self.dims;
        let softmax = match self.options {
            false => SoftmaxCe::default().ignore_index(-100),
            true => SoftmaxCe::default()
                .ignore_index(-100)
                .label_smoothing(0.1)
                .softcap(5.0)
                .z_loss(1e-3)
                .class_weights((0..classes).map(|class| 0.5 + (class % 3) as f32).collect::<Vec<_>>())
                .reduction(Reduction::Sum),
        };
        let at_once = if let Way::Chunks(rows) = self.way { rows } else { rows };
        LinearCe::from(softmax).memory((at_once * classes.next_multiple_of(4) * 4) as u64)
    }
}

impl std::fmt::Display for LinearCase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [rows, hidden, classes] = self.dims;
        let options = if self.options { "every option" } else { "plain" };
        let way = match self.way {
            Way::Whole => "at once".to_owned(),
            Way::Chunks(rows) => format!("{rows} rows at once"),
            Way::Evaluation => "an evaluation".to_owned(),
        };
        write!(f, "linear_ce, {} {rows} × {hidden} × {classes}, {options}, {way}", self.dtype.name())
    }
}

/// Runs a case, and compares the result with the reference.
///
/// # Errors
/// As [`check`](super::check).
pub async fn check_linear(gpu: &GpuLoss, case: &LinearCase) -> Result<Difference> {
    match case.dtype {
        Dtype::F32 => check_typed::<f32>(gpu, case).await,
        Dtype::F16 => check_typed::<f16>(gpu, case).await,
        Dtype::Bf16 => check_typed::<bf16>(gpu, case).await,
    }
}

async fn check_typed<T: Rounded>(gpu: &GpuLoss, case: &LinearCase) -> Result<Difference> {
    let [rows, length, classes] = case.dims;
    let mut random = Random::new(rows as u64);
    let mut matrix = |rows, columns| Array2::from_shape_fn((rows, columns), |_| T::rounded(random.normal()));
    let (hidden, weight) = (matrix(rows, length), matrix(classes, length));
    let bias = Array1::from_shape_fn(classes, |_| T::rounded(random.normal()));
    let label = |row: usize| if row % 6 == 5 { -100 } else { random.below(classes) as i64 };
    let labels: Vec<i64> = (0..rows).map(label).collect();
    let mut batch = LinearBatch::new(&hidden, &weight, &labels).with_lse().with_argmax().with_correct();
    if case.options {
        batch = batch.bias(&bias);
    }
    if case.way == Way::Evaluation {
        batch = batch.loss_only().with_log_probs();
    }
    let loss = case.loss();
    let expected = run_linear(&loss, &batch)?;
    let output = gpu.linear_ce_async(&loss, &batch).await?;
    Ok(compare_linear(&output, &expected))
}
