//! What the bindings of linear kernels are bound to.

/// A buffer of the plan's own, or one of the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Slot {
    // The plan's own.
    Tasks,
    Nothing,
    Logits,
    Labels,
    ChunkLabels,
    ChunkUpstream,
    ChunkLosses,
    ChunkLse,
    ChunkArgmax,
    HiddenLines,
    Divisor,
    ClassWeights,
    Records,
    Merged,
    TrueScores,
    // The plan's own unless the caller gives them.
    Status,
    Losses,
    Argmax,
    // The caller's.
    Hidden,
    Weight,
    Bias,
    Targets,
    Upstream,
    Denominator,
    GradHidden,
    GradWeight,
    GradBias,
    Loss,
    Lse,
    LogProbs,
}

/// A range of a buffer, in bytes; `size` 0 is all the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Part {
    pub(crate) offset: u64,
    pub(crate) size: u64,
}
