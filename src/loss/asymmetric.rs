//! The options of `asymmetric`.

use super::{EmptyMean, Reduction};

/// Asymmetric loss (ASL; Ridnik et al. 2021) on independent sigmoid outputs: focal exponents of their own for positives and
/// negatives, and easy negatives clipped away. For multi-label data of few positives. Not on probabilities.
///
/// With `p = σ(u)` and `p_m = max(p − clip, 0)`, logs clamped at −100 as in [`Bce`](crate::Bce):
///
/// ```text
/// loss = −t·(1−p)^γ₊·log p − (1−t)·p_m^γ₋·log(1 − p_m)
/// ```
///
/// The gradient is its derivative, that of the powers included (the authors' code has a switch for that).
///
/// ```
/// use gpu_loss::loss::Asymmetric;
/// let loss = Asymmetric::default().gamma_positive(0.0);
/// assert_eq!((loss.gamma_positive, loss.gamma_negative, loss.clip), (0.0, 4.0, 0.05));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Asymmetric {
    /// How the losses of elements are reduced.
    pub reduction: Reduction,
    /// What the mean divides by, in place of its own count (token counts under gradient accumulation).
    pub denominator: Option<f32>,
    /// What a mean over nothing is.
    pub empty_mean: EmptyMean,
    /// The label whose rows have loss and gradient 0 and are not counted; class targets only.
    pub ignore_index: Option<i64>,
    /// The focusing exponent `γ₊` of positives, at least 0.
    pub gamma_positive: f32,
    /// The focusing exponent `γ₋` of negatives, at least 0.
    pub gamma_negative: f32,
    /// What is taken off the probability of a negative, in [0, 1]: negatives below it have no loss.
    pub clip: f32,
}

impl Default for Asymmetric {
    fn default() -> Self {
        Asymmetric {
            reduction: Reduction::Mean,
            denominator: None,
            empty_mean: EmptyMean::Nan,
            ignore_index: None,
            gamma_positive: 1.0,
            gamma_negative: 4.0,
            clip: 0.05,
        }
    }
}

loss!(Asymmetric: reduction, denominator, empty_mean, ignore_index, gamma_positive, gamma_negative, clip);
