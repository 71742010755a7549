//! The options of `ce`.

use super::{EmptyMean, Reduction};

/// Cross-entropy of given probabilities `z`: the tutorial's `−Σ y_j·log z_j`, or the negative log-likelihood.
///
/// ```text
/// loss = −Σ_j B_j·log z_j        ∂loss/∂z_j = −B_j / z_j
/// ```
///
/// with `B_j` as in [`SoftmaxCe`](crate::SoftmaxCe). Logs are clamped at −100 and the gradient's denominators at
/// `1e-12`, as PyTorch's `BCELoss` does. A probability outside [0, 1] is an error.
///
/// ```
/// use gpu_loss::Ce;
/// assert_eq!(Ce::default().label_smoothing, 0.0);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Ce {
    /// How the losses of rows are reduced.
    pub reduction: Reduction,
    /// What the mean divides by, in place of its own count (token counts under gradient accumulation).
    pub denominator: Option<f32>,
    /// What a mean over nothing is.
    pub empty_mean: EmptyMean,
    /// The label whose rows have loss and gradient 0 and are not counted; class targets only.
    pub ignore_index: Option<i64>,
    /// `ε` in [0, 1]: the share of each row's target that is spread evenly over all classes.
    pub label_smoothing: f32,
    /// `w`, one weight a class, finite and at least 0.
    pub class_weights: Option<Vec<f32>>,
}

impl Default for Ce {
    fn default() -> Self {
        Ce {
            reduction: Reduction::Mean,
            denominator: None,
            empty_mean: EmptyMean::Nan,
            ignore_index: None,
            label_smoothing: 0.0,
            class_weights: None,
        }
    }
}

loss!(Ce: reduction, denominator, empty_mean, ignore_index, label_smoothing, class_weights);
