//! The common form of every loss.

use super::{Divergence, EmptyMean, Reduction};

/// Which loss. What is known of each, its name first, is a row of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// [`Ce`](super::Ce): cross-entropy of given probabilities.
    Ce,
    /// [`Bce`](super::Bce): binary cross-entropy of given probabilities.
    Bce,
    /// [`SoftmaxCe`](super::SoftmaxCe): softmax cross-entropy.
    SoftmaxCe,
    /// [`SigmoidCe`](super::SigmoidCe): sigmoid cross-entropy.
    SigmoidCe,
    /// [`SoftmaxFocal`](super::SoftmaxFocal): softmax focal loss.
    SoftmaxFocal,
    /// [`SigmoidFocal`](super::SigmoidFocal): sigmoid focal loss.
    SigmoidFocal,
    /// [`Poly1`](super::Poly1): poly-1 cross-entropy.
    Poly1,
    /// [`Asymmetric`](super::Asymmetric): asymmetric loss of elements.
    Asymmetric,
    /// [`Distillation`](super::Distillation): a divergence from a teacher.
    Distillation,
    /// [`InfoNce`](super::InfoNce): cross-entropy over similarities.
    InfoNce,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// A loss with its options, in the form that every layer below reads.
///
/// Options that a loss does not have keep their neutral value; another is refused.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Spec {
    /// Which loss.
    pub kind: Kind,
    /// How losses are reduced.
    pub reduction: Reduction,
    /// What the mean divides by, in place of its own count.
    pub denominator: Option<f32>,
    /// What a mean over nothing is.
    pub empty_mean: EmptyMean,
    /// The label whose rows count for nothing.
    pub ignore_index: Option<i64>,
    /// `ε`, in [0, 1].
    pub label_smoothing: f32,
    /// `w`, one weight a class.
    pub class_weights: Option<Vec<f32>>,
    /// `q`, the weight of the positive term, one a class.
    pub pos_weight: Option<Vec<f32>>,
    /// `z`, the factor of `lse²`.
    pub z_loss: f32,
    /// The factor of the scores.
    pub logit_scale: f32,
    /// The bound of the scores, applied after `logit_scale`.
    pub softcap: Option<f32>,
    /// The focusing exponent `γ`.
    pub gamma: f32,
    /// The focal balance `α` between positives (`α`) and negatives (`1 − α`).
    pub alpha: Option<f32>,
    /// `ε` of poly-1, the factor of `1 − p_y`.
    pub epsilon: f32,
    /// What is added to each class's score behind scale and softcap, one number a class.
    pub class_bias: Option<Vec<f32>>,
    /// `β`, the factor of each row's entropy, which is taken from its loss.
    pub entropy_coefficient: f32,
    /// `m₁`, what the angle of the true class is multiplied by.
    pub margin_multiplier: f32,
    /// `m₂`, what is added to it.
    pub margin_angle: f32,
    /// `m₃`, what is taken from the cosine of the true class.
    pub margin_cosine: f32,
    /// The focusing exponent `γ₊` of positives, in the asymmetric loss.
    pub gamma_positive: f32,
    /// The focusing exponent `γ₋` of negatives, in the asymmetric loss.
    pub gamma_negative: f32,
    /// What the asymmetric loss takes off the probabilities of negatives.
    pub clip: f32,
    /// `τ` of distillation and InfoNCE.
    pub temperature: f32,
    /// The divergence of distillation.
    pub divergence: Divergence,
    /// `λ` of Jensen–Shannon.
    pub lambda: f32,
    /// Whether distillation is multiplied by `τ²`.
    pub times_temperature_squared: bool,
    /// Whether InfoNCE goes down the columns too.
    pub symmetric: bool,
}

impl Spec {
    /// The plain loss, every option neutral.
    #[must_use]
    pub fn plain(kind: Kind) -> Self {
        Spec {
            kind,
            reduction: Reduction::Mean,
            denominator: None,
            empty_mean: EmptyMean::Nan,
            ignore_index: None,
            label_smoothing: 0.0,
            class_weights: None,
            pos_weight: None,
            z_loss: 0.0,
            logit_scale: 1.0,
            softcap: None,
            gamma: 0.0,
            alpha: None,
            epsilon: 0.0,
            class_bias: None,
            entropy_coefficient: 0.0,
            margin_multiplier: 1.0,
            margin_angle: 0.0,
            margin_cosine: 0.0,
            gamma_positive: 0.0,
            gamma_negative: 0.0,
            clip: 0.0,
            temperature: 1.0,
            divergence: Divergence::ForwardKl,
            lambda: 0.5,
            times_temperature_squared: false,
            symmetric: false,
        }
    }
}

impl Spec {
    /// What scores are multiplied by before anything else: the logit scale, or 1/τ.
    pub(crate) fn scale(&self) -> f64 {
        match self.kind {
            Kind::InfoNce | Kind::SigmoidCe | Kind::SigmoidFocal => 1.0 / f64::from(self.temperature),
            _ => f64::from(self.logit_scale),
        }
    }

    /// Whether scores are multiplied one by one, and not their differences alone: where a bias is added to them, and where the
    /// scale is so small that differences beyond f32 count. None of these is above 104 then, and loses little.
    pub(crate) fn scales_first(&self) -> bool {
        self.class_bias.is_some() || (self.scale() as f32) < 3.1e-37
    }

    /// Whether the true class's score has a margin.
    #[must_use]
    pub fn has_margin(&self) -> bool {
        self.margin_multiplier != 1.0 || self.margin_angle != 0.0 || self.margin_cosine != 0.0
    }
}

impl super::sealed::Sealed for Spec {}

impl super::Loss for Spec {
    fn spec(&self) -> Spec {
        self.clone()
    }
}
