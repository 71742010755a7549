//! What comes out of a loss: which outputs are wanted, and the arrays that a one-call loss returns.

use ndarray::{Array, ArrayD, Dimension};

use crate::error::{Error, Result};
use crate::loss::{Reduction, Spec};

/// Which outputs are wanted besides the loss.
///
/// ```
/// use gpu_loss::batch::Outputs;
/// let outputs = Outputs::default().with_lse().with_correct();
/// assert!(outputs.grad && outputs.lse && !outputs.losses);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Outputs {
    /// The gradient (wanted unless switched off).
    pub grad: bool,
    /// The losses before reduction.
    pub losses: bool,
    /// Each row's log-sum-exp; softmax losses only.
    pub lse: bool,
    /// Each row's class with the highest score (the lowest index wins a tie); per-row losses only.
    pub argmax: bool,
    /// How many rows' highest score is at a true class; per-row losses only.
    pub correct: bool,
    /// Each row's `u_y − lse` of its true class; softmax losses on classes only.
    pub log_prob: bool,
    /// Each row's entropy; softmax losses only.
    pub entropy: bool,
    /// The place of each row's true class by its score; softmax losses on classes only.
    pub rank: bool,
    /// The gradient with respect to the class bias; losses that have one.
    pub grad_class_bias: bool,
}

/// The requests for outputs, alike for [`Outputs`] and for what holds them.
macro_rules! requests {
    ($($outputs:tt)*) => {
        /// Asks for the losses before reduction.
        #[must_use]
        pub fn with_losses(mut self) -> Self {
            self $($outputs)* .losses = true;
            self
        }

        /// Asks for each row's log-sum-exp; softmax losses only.
        #[must_use]
        pub fn with_lse(mut self) -> Self {
            self $($outputs)* .lse = true;
            self
        }

        /// Asks for each row's class with the highest score; losses of rows only.
        #[must_use]
        pub fn with_argmax(mut self) -> Self {
            self $($outputs)* .argmax = true;
            self
        }

        /// Asks for the number of rows whose highest score is at a true class; losses of rows only.
        #[must_use]
        pub fn with_correct(mut self) -> Self {
            self $($outputs)* .correct = true;
            self
        }

        /// Asks for each row's log-probability of its true class, `u_y − lse`; softmax losses on classes only.
        #[must_use]
        pub fn with_log_prob(mut self) -> Self {
            self $($outputs)* .log_prob = true;
            self
        }

        /// Asks for each row's entropy; softmax losses only.
        #[must_use]
        pub fn with_entropy(mut self) -> Self {
            self $($outputs)* .entropy = true;
            self
        }

        /// Asks for the place of each row's true class by its score; softmax losses on classes only.
        #[must_use]
        pub fn with_rank(mut self) -> Self {
            self $($outputs)* .rank = true;
            self
        }

        /// Asks for the gradient with respect to the class bias; losses that have one.
        #[must_use]
        pub fn with_grad_class_bias(mut self) -> Self {
            self $($outputs)* .grad_class_bias = true;
            self
        }

        /// Asks for no gradient.
        #[must_use]
        pub fn loss_only(mut self) -> Self {
            self $($outputs)* .grad = false;
            self
        }
    };
}
pub(crate) use requests;

impl Outputs {
    requests!();

    /// Whether losses before reduction are handed out: they are asked for, or never reduced.
    pub(crate) fn hands_out_losses(self, spec: &Spec) -> bool {
        self.losses || spec.reduction == Reduction::None
    }
}

impl Default for Outputs {
    fn default() -> Self {
        Outputs {
            grad: true,
            losses: false,
            lse: false,
            argmax: false,
            correct: false,
            log_prob: false,
            entropy: false,
            rank: false,
            grad_class_bias: false,
        }
    }
}

/// What a one-call loss returns.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Output<T, D: Dimension> {
    /// The reduced loss; under [`Reduction::None`](crate::Reduction::None) the plain sum of `losses`.
    pub loss: f32,
    /// The gradient with respect to the scores, of their shape and type; absent after
    /// [`Batch::loss_only`](super::Batch::loss_only).
    pub grad: Option<Array<T, D>>,
    /// The losses before reduction: `[N, d…]` for per-row losses, the scores' shape for the others.
    /// Present if wanted and under [`Reduction::None`](crate::Reduction::None).
    pub losses: Option<ArrayD<f32>>,
    /// Each row's log-sum-exp, `[N, d…]`, if wanted; 0 in ignored rows.
    pub lse: Option<ArrayD<f32>>,
    /// Each row's class with the highest score, `[N, d…]`, if wanted; `u32::MAX` in ignored rows and where the
    /// scores are NaN, hold `+∞`, or are all `−∞`.
    pub argmax: Option<ArrayD<u32>>,
    /// The number of rows whose highest score is at a true class, if wanted. For probabilities: at a class with the
    /// row's greatest target. Rows that are ignored, bad or without a true class do not count.
    pub correct: Option<u64>,
    /// Each row's `u_y − lse` of its true class, `[N, d…]`, if wanted: neither weighted nor smoothed; 0 in ignored rows.
    pub log_prob: Option<ArrayD<f32>>,
    /// Each row's entropy `H = lse − Σ p_j·u_j`, `[N, d…]`, if wanted; 0 in ignored rows.
    pub entropy: Option<ArrayD<f32>>,
    /// How many classes have a greater `u` than the row's true class, or an equal one and a lower index, `[N, d…]`, if
    /// wanted: below k, the row is among the top k. `u32::MAX` in ignored rows and where [`argmax`](Self::argmax) is.
    pub rank: Option<ArrayD<u32>>,
    /// The gradient with respect to the class bias, `[C]`, if wanted: that on `u`, summed over the rows.
    pub grad_class_bias: Option<ArrayD<f32>>,
}

impl<T, D: Dimension> Output<T, D> {
    /// A loss without any other output, which may be set: for results of your own that are held against the
    /// [reference](crate::reference::compare).
    #[must_use]
    pub fn new(loss: f32) -> Self {
        Output {
            loss,
            grad: None,
            losses: None,
            lse: None,
            argmax: None,
            correct: None,
            log_prob: None,
            entropy: None,
            rank: None,
            grad_class_bias: None,
        }
    }

    /// The gradient, for batches that ask for one, as they do unless told otherwise.
    ///
    /// # Errors
    /// [`Error::NotAsked`] after [`Batch::loss_only`](super::Batch::loss_only).
    pub fn gradient(&self) -> Result<&Array<T, D>> {
        self.grad.as_ref().ok_or(Error::NotAsked { output: "gradient", cure: "leave out loss_only()" })
    }
}
