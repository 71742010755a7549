//! Which losses take an option, an output or a tensor.

use gpu_loss::loss::{Kind, OptionName};

/// The losses that have an option.
pub(crate) fn takers(option: OptionName) -> Vec<Kind> {
    Kind::ALL.iter().copied().filter(|kind| kind.options().contains(&option)).collect()
}

/// The losses of which this holds.
pub(crate) fn those(holds: fn(Kind) -> bool) -> Vec<Kind> {
    Kind::ALL.iter().copied().filter(|kind| holds(*kind)).collect()
}

/// The losses that take an optional tensor.
pub(crate) fn takers_of_tensor(tensor: &str) -> Vec<Kind> {
    if tensor == "element_weights" {
        return those(|kind| !kind.per_row());
    }
    if tensor == "entropy_upstream" {
        return takers(OptionName::EntropyCoefficient);
    }
    match OptionName::ALL.iter().find(|option| option.name() == tensor) {
        Some(option) => takers(*option),
        None => Kind::ALL.to_vec(),
    }
}

/// Losses for a message.
pub(crate) fn listing(kinds: &[Kind]) -> String {
    kinds.iter().map(|kind| kind.hyphenated()).collect::<Vec<_>>().join(", ")
}
