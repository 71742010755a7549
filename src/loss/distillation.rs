//! The options of `distillation`.

use super::{EmptyMean, Reduction};

/// How far the student's distribution is from the teacher's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Divergence {
    /// `KL(t‖p) = Σ t·log(t/p)`: the student covers all that the teacher finds likely (Hinton et al. 2015).
    #[default]
    ForwardKl,
    /// `KL(p‖t) = Σ p·log(p/t)`: the student keeps to what the teacher finds likely (MiniLLM; Gu et al. 2024).
    ReverseKl,
    /// `λ·KL(t‖m) + (1−λ)·KL(p‖m)` with `m = λ·t + (1−λ)·p`: between the two, and bounded (GKD; Agarwal et al. 2024).
    JensenShannon,
}

impl Divergence {
    /// All of them.
    pub const ALL: [Divergence; 3] = [Divergence::ForwardKl, Divergence::ReverseKl, Divergence::JensenShannon];

    /// Their names in that order: `forward-kl`, `reverse-kl`, `jensen-shannon`.
    pub(crate) const NAMES: [&'static str; 3] = ["forward-kl", "reverse-kl", "jensen-shannon"];

    /// The name: `forward-kl`, `reverse-kl`, `jensen-shannon`.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// Distillation: a divergence between the student's distribution and a teacher's, from both one's scores. Targets are
/// [`Targets::Logits`](crate::Targets::Logits), of the scores' shape and any of the three types; they get no gradient.
///
/// With `p = softmax(x/τ)` of the scores and `t = softmax(v/τ)` of the teacher's:
///
/// | divergence | loss | `∂loss/∂x_j` |
/// |---|---|---|
/// | forward KL | `Σ t·log(t/p)` | `(p_j − t_j)/τ` |
/// | reverse KL | `Σ p·log(p/t)` | `p_j·(log(p_j/t_j) − KL)/τ` |
/// | Jensen–Shannon | `λ·KL(t‖m) + (1−λ)·KL(p‖m)`, `m = λ·t + (1−λ)·p` | `(1−λ)·p_j·(log(p_j/m_j) − Σ p·log(p/m))/τ` |
///
/// A score of `−∞` is a mask on either side. A class that the student masks and the teacher does not makes forward KL `+∞`;
/// the reverse makes reverse KL `+∞` and its gradient NaN. A row of the teacher's with NaN or `+∞`, or with nothing but
/// masks, is NaN.
///
/// ```
/// use gpu_loss::loss::{Distillation, Divergence};
/// let loss = Distillation::default().temperature(2.0).divergence(Divergence::ReverseKl);
/// assert_eq!(loss.temperature, 2.0);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Distillation {
    /// How the losses of rows are reduced.
    pub reduction: Reduction,
    /// What the mean divides by, in place of its own count (token counts under gradient accumulation).
    pub denominator: Option<f32>,
    /// What a mean over nothing is.
    pub empty_mean: EmptyMean,
    /// `τ`, above 0: what both sides' scores are divided by.
    pub temperature: f32,
    /// Which divergence.
    pub divergence: Divergence,
    /// `λ` of Jensen–Shannon, between 0 and 1 and neither; it counts for nothing else.
    pub lambda: f32,
    /// Whether loss and gradient are multiplied by `τ²`, so that the gradient keeps its size whatever the temperature.
    pub times_temperature_squared: bool,
}

impl Default for Distillation {
    fn default() -> Self {
        Distillation {
            reduction: Reduction::Mean,
            denominator: None,
            empty_mean: EmptyMean::Nan,
            temperature: 1.0,
            divergence: Divergence::ForwardKl,
            lambda: 0.5,
            times_temperature_squared: false,
        }
    }
}

loss!(Distillation: reduction, denominator, empty_mean, temperature, divergence, lambda, times_temperature_squared);
