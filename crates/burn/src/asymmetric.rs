//! Asymmetric loss (Ridnik et al. 2021), which Burn has not.

use burn::tensor::{Int, Tensor};

use crate::config::element_loss;
use crate::error::Error;
use crate::plan::Kind;
use crate::run::{Given, run};

element_loss! {
    /// The options of [`AsymmetricLoss`].
    AsymmetricLossConfig {
        /// The focusing exponent of positives, at least 0.
        #[config(default = 1.0)]
        gamma_positive: f32,
        /// The focusing exponent of negatives, at least 0.
        #[config(default = 4.0)]
        gamma_negative: f32,
        /// What is taken off the probability of a negative, in [0, 1]: negatives below it have no loss.
        #[config(default = 0.05)]
        clip: f32,
    }
    /// Asymmetric loss of independent sigmoids, for many labels of which few are true: focal exponents of their own for
    /// positives and negatives, and easy negatives clipped away. Fused.
    AsymmetricLoss: Kind::Asymmetric
}

impl AsymmetricLoss {
    /// The loss against the true classes of row `r` in increasing order at `indices[offsets[r]..offsets[r + 1]]`.
    ///
    /// # Errors
    /// Shapes that do not go together.
    pub fn forward_lists<const D: usize>(
        &self,
        logits: Tensor<D>,
        offsets: Tensor<1, Int>,
        indices: Tensor<1, Int>,
    ) -> Result<Tensor<1>, Error> {
        run(&self.spec, logits, Given::Lists(offsets, indices))
    }
}
