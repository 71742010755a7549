//! The options of `sigmoid_ce`.

use super::{EmptyMean, Reduction};

/// Sigmoid cross-entropy: binary cross-entropy with logits, logistic loss, one binary problem an element.
///
/// With target `t`, positive weight `q_j` and element weight `v` (given with the batch):
///
/// ```text
/// loss = v·((1−t)·u + (1 + (q_j−1)·t)·softplus(−u))        ∂loss/∂u = v·((q_j·t + 1 − t)·σ(u) − q_j·t)
/// ```
///
/// Scores of ±∞ give the limits, a loss of 0 or `+∞`; NaN stays NaN.
///
/// On a teacher's scores `v` ([`Targets::Logits`](crate::Targets::Logits), any of the three types) it is distillation of
/// independent outputs: `t = σ(v/τ)` on `u = x/τ`, and on request times `τ²`.
///
/// ```
/// use gpu_loss::SigmoidCe;
/// let loss = SigmoidCe::default().pos_weight([1.0, 3.0]);
/// assert_eq!(loss.pos_weight, Some(vec![1.0, 3.0]));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SigmoidCe {
    /// How the losses of elements are reduced.
    pub reduction: Reduction,
    /// What the mean divides by, in place of its own count (token counts under gradient accumulation).
    pub denominator: Option<f32>,
    /// What a mean over nothing is.
    pub empty_mean: EmptyMean,
    /// The label whose rows have loss and gradient 0 and are not counted; class targets only.
    pub ignore_index: Option<i64>,
    /// `q`, the weight of the positive term, one a class, finite and at least 0.
    pub pos_weight: Option<Vec<f32>>,
    /// What is added to each class's score behind scale and softcap (logit adjustment), one finite number a class.
    pub class_bias: Option<Vec<f32>>,
    /// `τ`, which a teacher's scores and these are divided by; with [`Targets::Logits`](crate::Targets::Logits) only.
    pub temperature: f32,
    /// Whether loss and gradient are multiplied by `τ²`, so that the gradient keeps its size whatever the temperature.
    pub times_temperature_squared: bool,
}

impl Default for SigmoidCe {
    fn default() -> Self {
        SigmoidCe {
            reduction: Reduction::Mean,
            denominator: None,
            empty_mean: EmptyMean::Nan,
            ignore_index: None,
            pos_weight: None,
            class_bias: None,
            temperature: 1.0,
            times_temperature_squared: false,
        }
    }
}

loss!(
    SigmoidCe:
    reduction, denominator, empty_mean, ignore_index, pos_weight, class_bias, temperature, times_temperature_squared
);
