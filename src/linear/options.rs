//! The options of `linear_ce`.

use crate::loss::{SoftmaxCe, Spec};

/// A linear layer and softmax cross-entropy in one: `x = hidden·weightᵀ + bias`, then [`SoftmaxCe`] on classes, with all its
/// options. The logits `x` of all rows never exist at once: rows are taken in chunks whose logits fit the memory budget, and
/// an evaluation (no gradient) keeps no logits at all.
///
/// ```
/// use gpu_loss::SoftmaxCe;
/// use gpu_loss::linear::LinearCe;
/// let loss = LinearCe::from(SoftmaxCe::default().label_smoothing(0.1).ignore_index(-100)).memory_mib(64);
/// assert_eq!(loss.memory, 64 << 20);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LinearCe {
    /// The loss on the logits.
    pub softmax: SoftmaxCe,
    /// Bytes that the logits of a chunk may take; 256 MiB by default. A chunk has at least one row. Losses and the gradient of
    /// the hidden states have the same bits whatever the budget; sums over rows are added up chunk by chunk.
    pub memory: u64,
}

impl Default for LinearCe {
    fn default() -> Self {
        SoftmaxCe::default().into()
    }
}

impl From<SoftmaxCe> for LinearCe {
    fn from(softmax: SoftmaxCe) -> Self {
        LinearCe { softmax, memory: 256 << 20 }
    }
}

impl LinearCe {
    /// Sets the memory budget in bytes.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// Sets the memory budget in MiB.
    #[must_use]
    pub fn memory_mib(self, mib: u64) -> Self {
        self.memory(mib.saturating_mul(1 << 20))
    }

    /// The loss on the logits in the common form.
    pub(crate) fn spec(&self) -> Spec {
        use crate::loss::Loss as _;
        self.softmax.spec()
    }
}
