//! Poly-1 cross-entropy (Leng et al. 2022), which Burn has not.

use crate::config::class_loss;
use crate::plan::Kind;

class_loss! {
    /// The options of [`Poly1Loss`].
    ///
    /// ```no_run
    /// use gpu_loss_burn::Poly1LossConfig;
    /// # let (device, logits, targets): (burn::tensor::Device, burn::Tensor<2>, burn::Tensor<1, burn::tensor::Int>) = todo!();
    /// let loss = Poly1LossConfig::new().with_epsilon(2.0).init(&device).forward(logits, targets);
    /// ```
    Poly1LossConfig {
        /// `ε`, the factor of `1 − p_y`, at least −1; 0 is the plain cross-entropy.
        #[config(default = 1.0)]
        epsilon: f32
    }
    /// Poly-1 cross-entropy of a softmax: `w_y·(−log p_y + ε·(1 − p_y))`, fused.
    Poly1Loss: Kind::Poly1
}
