//! The pieces that read targets, and the weights of their classes.

use super::key::WideIntegers;
use super::pieces::*;
use crate::batch::TargetForm;

/// The pieces of a form of targets: dense ones taken by vectors, and these by wide loads, or one by one.
pub(super) fn targets(form: TargetForm, vectors: bool, wide: bool, integers: WideIntegers) -> Pieces {
    match form {
        TargetForm::Classes => integers.pieces(false).chain([TARGET_LABELS, TARGET_CLASSES]).collect(),
        TargetForm::Lists => integers.pieces(true).chain([TARGET_LISTS]).collect(),
        TargetForm::MultiHot => vec![TARGET_DENSE, TARGET_MULTI_HOT],
        TargetForm::Probabilities | TargetForm::Logits => vec![
            match (vectors, wide) {
                (false, _) => TARGET_DENSE_SCALARS,
                (true, false) => TARGET_DENSE_VECTORS,
                (true, true) => ACCESS_LLVMPIPE_DENSE_U64,
            },
            TARGET_DENSE,
            TARGET_PROBABILITIES,
        ],
    }
}

impl WideIntegers {
    pub(super) fn any(self) -> bool {
        self.targets || self.indices
    }

    /// The pieces that read integers, of lists with their classes.
    pub(super) fn pieces(self, lists: bool) -> impl Iterator<Item = &'static str> {
        let integers = if self.targets { ACCESS_LLVMPIPE_INTEGERS_U64 } else { TARGET_INTEGERS };
        let indices = if self.indices { ACCESS_LLVMPIPE_INDICES_U64 } else { TARGET_INDICES };
        std::iter::once(integers).chain(lists.then_some(indices))
    }
}

/// What wide loads are made of, where there are any.
pub(super) fn words(any: bool) -> Pieces {
    if any { vec![ACCESS_LLVMPIPE_U64] } else { Vec::new() }
}

pub(super) fn weights(weighted: bool) -> &'static str {
    if weighted { LOSS_CLASS_WEIGHTS } else { LOSS_NO_CLASS_WEIGHTS }
}
