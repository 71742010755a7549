//! Focal losses (Lin et al. 2017), which Burn has not.

use burn::tensor::Tensor;

use crate::config::{class_loss, element_loss};
use crate::error::Error;
use crate::plan::Kind;
use crate::run::{Given, as_scores, run};

class_loss! {
    /// The options of [`FocalLoss`].
    FocalLossConfig {
        /// The focusing exponent, at least 0; 0 is the plain cross-entropy.
        #[config(default = 2.0)]
        gamma: f32
    }
    /// Focal loss of a softmax: `w_y·(1 − p_y)^γ·(−log p_y)`, fused.
    FocalLoss: Kind::SoftmaxFocal
}

element_loss! {
    /// The options of [`SigmoidFocalLoss`].
    SigmoidFocalLossConfig {
        /// The focusing exponent, at least 0; 0 is the plain cross-entropy.
        #[config(default = 2.0)]
        gamma: f32,
        /// The balance in [0, 1] between positives (alpha) and negatives (1 − alpha); absent: 1 for both.
        alpha: Option<f32>,
    }
    /// Focal loss of independent sigmoids (RetinaNet), fused.
    SigmoidFocalLoss: Kind::SigmoidFocal
}

impl SigmoidFocalLoss {
    /// The loss against probabilities of the logits' shape, which no gradient goes to.
    ///
    /// # Errors
    /// Shapes that do not go together.
    pub fn forward_probabilities<const D: usize>(
        &self,
        logits: Tensor<D>,
        targets: Tensor<D>,
    ) -> Result<Tensor<1>, Error> {
        let given = Given::Probabilities(as_scores("targets", targets, &logits)?);
        run(&self.spec, logits, given)
    }
}
