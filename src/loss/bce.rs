//! The options of `bce`.

use super::{EmptyMean, Reduction};

/// Binary cross-entropy of given probabilities `z`, one binary problem an element.
///
/// ```text
/// loss = v·(−t·log z − (1−t)·log(1−z))        ∂loss/∂z = v·(z − t) / (z·(1−z))
/// ```
///
/// Logs are clamped at −100 and the gradient's denominator at `1e-12`, as PyTorch's `BCELoss` does.
/// A probability outside [0, 1] is an error.
///
/// ```
/// use gpu_loss::{Bce, Reduction};
/// assert_eq!(Bce::default().reduction, Reduction::Mean);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Bce {
    /// How the losses of elements are reduced.
    pub reduction: Reduction,
    /// What the mean divides by, in place of its own count (token counts under gradient accumulation).
    pub denominator: Option<f32>,
    /// What a mean over nothing is.
    pub empty_mean: EmptyMean,
    /// The label whose rows have loss and gradient 0 and are not counted; class targets only.
    pub ignore_index: Option<i64>,
}

impl Default for Bce {
    fn default() -> Self {
        Bce { reduction: Reduction::Mean, denominator: None, empty_mean: EmptyMean::Nan, ignore_index: None }
    }
}

loss!(Bce: reduction, denominator, empty_mean, ignore_index);
