//! The options of `softmax_focal`.

use super::{EmptyMean, Reduction};

/// Multi-class focal loss on softmax probabilities (Lin et al. 2017, in its softmax form). Class targets only.
///
/// ```text
/// loss = w_y·(1−p_y)^γ·(−log p_y)        ∂loss/∂u_j = K·(p_j − [j=y])
/// K = w_y·((1−p_y)^γ − γ·(1−p_y)^(γ−1)·p_y·log p_y)
/// ```
///
/// ```
/// use gpu_loss::SoftmaxFocal;
/// assert_eq!(SoftmaxFocal::default().gamma, 2.0);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SoftmaxFocal {
    /// How the losses of rows are reduced.
    pub reduction: Reduction,
    /// What the mean divides by, in place of its own count (token counts under gradient accumulation).
    pub denominator: Option<f32>,
    /// What a mean over nothing is.
    pub empty_mean: EmptyMean,
    /// The label whose rows have loss and gradient 0 and are not counted; class targets only.
    pub ignore_index: Option<i64>,
    /// The focusing exponent `γ`, at least 0; 0 is the plain cross-entropy.
    pub gamma: f32,
    /// `w`, one weight a class, finite and at least 0.
    pub class_weights: Option<Vec<f32>>,
    /// Multiplies the scores before anything else.
    pub logit_scale: f32,
    /// Bounds the scores: `u = cap·tanh(scale·x / cap)`.
    pub softcap: Option<f32>,
    /// What is added to each class's score behind scale and softcap (logit adjustment), one finite number a class.
    pub class_bias: Option<Vec<f32>>,
}

impl Default for SoftmaxFocal {
    fn default() -> Self {
        SoftmaxFocal {
            reduction: Reduction::Mean,
            denominator: None,
            empty_mean: EmptyMean::Nan,
            ignore_index: None,
            gamma: 2.0,
            class_weights: None,
            logit_scale: 1.0,
            softcap: None,
            class_bias: None,
        }
    }
}

loss!(
    SoftmaxFocal:
    reduction, denominator, empty_mean, ignore_index, gamma, class_weights, logit_scale, softcap, class_bias
);
