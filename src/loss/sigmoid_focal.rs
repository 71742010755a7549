//! The options of `sigmoid_focal`.

use super::{EmptyMean, Reduction};

/// Focal loss on independent sigmoid outputs (RetinaNet; Lin et al. 2017). Soft targets are allowed.
///
/// With `p = σ(u)`, `p_t = p·t + (1−p)(1−t)` and `α_t = α·t + (1−α)(1−t)` (1 without `α`):
///
/// ```text
/// loss = α_t·(1−p_t)^γ·((1−t)·u + softplus(−u))
/// ```
///
/// A teacher's scores `v` ([`Targets::Logits`](crate::Targets::Logits)) are the soft targets `t = σ(v/τ)`, on `u = x/τ`.
///
/// ```
/// use gpu_loss::SigmoidFocal;
/// let loss = SigmoidFocal::default().alpha(0.25);
/// assert_eq!((loss.gamma, loss.alpha), (2.0, Some(0.25)));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SigmoidFocal {
    /// How the losses of elements are reduced.
    pub reduction: Reduction,
    /// What the mean divides by, in place of its own count (token counts under gradient accumulation).
    pub denominator: Option<f32>,
    /// What a mean over nothing is.
    pub empty_mean: EmptyMean,
    /// The label whose rows have loss and gradient 0 and are not counted; class targets only.
    pub ignore_index: Option<i64>,
    /// The focusing exponent `γ`, at least 0; 0 is the plain cross-entropy.
    pub gamma: f32,
    /// The balance in [0, 1] between positives (`α`) and negatives (`1 − α`); absent: 1 for both.
    pub alpha: Option<f32>,
    /// What is added to each class's score behind scale and softcap (logit adjustment), one finite number a class.
    pub class_bias: Option<Vec<f32>>,
    /// `τ`, which a teacher's scores and these are divided by; with [`Targets::Logits`](crate::Targets::Logits) only.
    pub temperature: f32,
    /// Whether loss and gradient are multiplied by `τ²`, so that the gradient keeps its size whatever the temperature.
    pub times_temperature_squared: bool,
}

impl Default for SigmoidFocal {
    fn default() -> Self {
        SigmoidFocal {
            reduction: Reduction::Mean,
            denominator: None,
            empty_mean: EmptyMean::Nan,
            ignore_index: None,
            gamma: 2.0,
            alpha: None,
            class_bias: None,
            temperature: 1.0,
            times_temperature_squared: false,
        }
    }
}

loss!(
    SigmoidFocal:
    reduction, denominator, empty_mean, ignore_index, gamma, alpha, class_bias, temperature, times_temperature_squared
);
