//! The options of `softmax_ce`.

use super::{EmptyMean, Reduction};

/// Softmax cross-entropy: categorical cross-entropy, "softmax loss"; with several true classes a row, each weighs `1/M`.
///
/// With `u = softcap(logit_scale·x)`, `lse = log Σ_j exp(u_j)` and `p_j = exp(u_j − lse)`, a row's loss is
///
/// ```text
/// loss = A·lse − Σ_j B_j·u_j + z·lse² − β·H        ∂loss/∂u_j = (A + 2z·lse)·p_j − B_j + β·p_j·(log p_j + H)
/// A = Σ_j B_j        H = lse − Σ_j p_j·u_j
/// ```
///
/// | target | `B_j` |
/// |---|---|
/// | classes, true class y | `(1−ε)·w_y·[j=y] + (ε/C)·w_j` |
/// | probabilities t | `w_j·((1−ε)·t_j + ε/C)` |
/// | class lists, multi-hot: M true classes P | `w_j·((1−ε)·[j∈P]/M + ε/C)`; a row with M = 0 has loss and gradient 0 |
///
/// A class bias is added to `u`. On classes whose scores are cosines, the true one may have a margin (CosFace, ArcFace,
/// SphereFace): with `θ = acos x_y`, its `x_y` becomes `cos(m₁·θ + m₂) − m₃`, or `x_y − m₂·sin m₂ − m₃` where
/// `m₁·θ + m₂ > π`.
///
/// ```
/// use gpu_loss::{Reduction, SoftmaxCe};
/// let loss = SoftmaxCe::default().label_smoothing(0.1).ignore_index(-100).reduction(Reduction::Sum);
/// assert_eq!(loss.label_smoothing, 0.1);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SoftmaxCe {
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
    /// `z`: adds `z·lse²` to each row's loss (never class-weighted).
    pub z_loss: f32,
    /// Multiplies the scores before anything else.
    pub logit_scale: f32,
    /// Bounds the scores: `u = cap·tanh(scale·x / cap)`.
    pub softcap: Option<f32>,
    /// What is added to each class's score behind scale and softcap (logit adjustment), one finite number a class.
    pub class_bias: Option<Vec<f32>>,
    /// `β`: takes `β·H` from each row's loss, `H = lse − Σ p_j·u_j` the entropy of its softmax (never class-weighted).
    pub entropy_coefficient: f32,
    /// `m₁`, what the angle of the true class is multiplied by (SphereFace); 1 without. Class targets only.
    pub margin_multiplier: f32,
    /// `m₂`, what is added to the angle of the true class in radians (ArcFace). Class targets only.
    pub margin_angle: f32,
    /// `m₃`, what is taken from the cosine of the true class (CosFace). Class targets only.
    pub margin_cosine: f32,
}

impl Default for SoftmaxCe {
    fn default() -> Self {
        SoftmaxCe {
            reduction: Reduction::Mean,
            denominator: None,
            empty_mean: EmptyMean::Nan,
            ignore_index: None,
            label_smoothing: 0.0,
            class_weights: None,
            z_loss: 0.0,
            logit_scale: 1.0,
            softcap: None,
            class_bias: None,
            entropy_coefficient: 0.0,
            margin_multiplier: 1.0,
            margin_angle: 0.0,
            margin_cosine: 0.0,
        }
    }
}

loss!(
    SoftmaxCe:
    reduction, denominator, empty_mean, ignore_index, label_smoothing, class_weights, z_loss, logit_scale, softcap,
    class_bias, entropy_coefficient, margin_multiplier, margin_angle, margin_cosine
);
