//! The options of `poly_1`.

use super::{EmptyMean, Reduction};

/// Poly-1 cross-entropy (PolyLoss; Leng et al. 2022): cross-entropy whose first polynomial term has another weight. Class
/// targets only.
///
/// ```text
/// loss = w_y·(−log p_y + ε·(1 − p_y))        ∂loss/∂u_j = w_y·(1 + ε·p_y)·(p_j − [j=y])
/// ```
///
/// `ε = 0` is the plain cross-entropy; above it, confident rows count for more, below it, for less. Below −1,
/// training would push the true class of a confident row down: an error.
///
/// ```
/// use gpu_loss::Poly1;
/// assert_eq!(Poly1::default().epsilon, 1.0);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Poly1 {
    /// How the losses of rows are reduced.
    pub reduction: Reduction,
    /// What the mean divides by, in place of its own count (token counts under gradient accumulation).
    pub denominator: Option<f32>,
    /// What a mean over nothing is.
    pub empty_mean: EmptyMean,
    /// The label whose rows have loss and gradient 0 and are not counted; class targets only.
    pub ignore_index: Option<i64>,
    /// `ε`, the factor of `1 − p_y`, finite and at least −1; 0 is the plain cross-entropy.
    pub epsilon: f32,
    /// `w`, one weight a class, finite and at least 0.
    pub class_weights: Option<Vec<f32>>,
    /// Multiplies the scores before anything else.
    pub logit_scale: f32,
    /// Bounds the scores: `u = cap·tanh(scale·x / cap)`.
    pub softcap: Option<f32>,
    /// What is added to each class's score behind scale and softcap (logit adjustment), one finite number a class.
    pub class_bias: Option<Vec<f32>>,
}

impl Default for Poly1 {
    fn default() -> Self {
        Poly1 {
            reduction: Reduction::Mean,
            denominator: None,
            empty_mean: EmptyMean::Nan,
            ignore_index: None,
            epsilon: 1.0,
            class_weights: None,
            logit_scale: 1.0,
            softcap: None,
            class_bias: None,
        }
    }
}

loss!(
    Poly1:
    reduction, denominator, empty_mean, ignore_index, epsilon, class_weights, logit_scale, softcap, class_bias
);
