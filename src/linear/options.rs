//! The options of `linear_ce`.

use crate::error::{Error, Result};
use crate::loss::{OptionName, SoftmaxCe, Spec};

/// A linear layer and softmax cross-entropy in one: `x = hidden·weightᵀ + bias`, then [`SoftmaxCe`] on classes, with its
/// options but for margins, an entropy coefficient and a class bias (the layer has one of its own). The logits `x` of all rows never exist at once: rows are taken in chunks whose logits fit the memory budget, and
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

/// Refuses the options of [`SoftmaxCe`] that need more of a row than a layer keeps.
pub(super) fn check(spec: &Spec) -> Result<()> {
    use OptionName::{ClassBias, EntropyCoefficient, MarginAngle, MarginCosine, MarginMultiplier};
    let margin = [MarginMultiplier, MarginAngle, MarginCosine];
    let off = LinearCe::default().spec();
    let changed = |name: &&OptionName| name.get(spec) != name.get(&off);
    let refused = match &spec.class_bias {
        Some(_) => Some(ClassBias),
        None => margin.iter().chain([&EntropyCoefficient]).find(changed).copied(),
    };
    match refused {
        None => Ok(()),
        Some(option) => Err(Error::Unsupported {
            loss: "linear_ce",
            got: option.name().to_owned(),
            expected: "it with softmax_ce on logits only; a layer's bias goes with the batch",
        }),
    }
}
