//! What the bindings of kernels are bound to.

/// What a binding is bound to: the plan's own buffers first, then the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    Params,
    Scales,
    ClassWeights,
    Scratch,
    Sums,
    Splits,
    RowStatistics,
    Status,
    Losses,
    Loss,
    Scores,
    Grad,
    Targets,
    Indices,
    Upstream,
    ElementWeights,
    Lse,
    Argmax,
    Statistics,
    Shards,
    Denominator,
    ClassBias,
    LogProb,
    Entropy,
    Rank,
    EntropyUpstream,
    TrueParts,
    ClassSums,
    GradClassBias,
}

impl Slot {
    /// Where a binding of the shaders usually lies.
    pub(crate) fn of(binding: u32) -> Slot {
        match binding {
            0 => Slot::Params,
            1 | 14 => Slot::Scales,
            2 => Slot::Scores,
            3 => Slot::Grad,
            4 => Slot::Targets,
            5 => Slot::Indices,
            6 => Slot::ClassWeights,
            7 => Slot::Upstream,
            8 => Slot::Losses,
            9 => Slot::Lse,
            10 => Slot::Argmax,
            11 => Slot::ElementWeights,
            12 => Slot::Status,
            15 => Slot::Splits,
            16 => Slot::Statistics,
            17 => Slot::Denominator,
            18 => Slot::RowStatistics,
            19 => Slot::ClassBias,
            20 => Slot::LogProb,
            21 => Slot::Entropy,
            22 => Slot::Rank,
            23 => Slot::EntropyUpstream,
            24 => Slot::TrueParts,
            25 => Slot::GradClassBias,
            _ => Slot::Scratch,
        }
    }
}

/// A part of a buffer, in bytes; `size` 0 is all the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ByteRange {
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

impl Slot {
    #[cfg(any(test, feature = "export"))]
    pub(crate) const ALL: [Slot; 29] = [
        Slot::Params,
        Slot::Scales,
        Slot::ClassWeights,
        Slot::Scratch,
        Slot::Sums,
        Slot::Splits,
        Slot::RowStatistics,
        Slot::Status,
        Slot::Losses,
        Slot::Loss,
        Slot::Scores,
        Slot::Grad,
        Slot::Targets,
        Slot::Indices,
        Slot::Upstream,
        Slot::ElementWeights,
        Slot::Lse,
        Slot::Argmax,
        Slot::Statistics,
        Slot::Shards,
        Slot::Denominator,
        Slot::ClassBias,
        Slot::LogProb,
        Slot::Entropy,
        Slot::Rank,
        Slot::EntropyUpstream,
        Slot::TrueParts,
        Slot::ClassSums,
        Slot::GradClassBias,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Slot::Params => "params",
            Slot::Scales => "scalars",
            Slot::ClassWeights => "class_weights",
            Slot::Scratch => "scratch",
            Slot::Sums => "sums",
            Slot::Splits => "parts",
            Slot::RowStatistics => "records",
            Slot::Status => "status",
            Slot::Losses => "losses",
            Slot::Loss => "loss",
            Slot::Scores => "scores",
            Slot::Grad => "grad",
            Slot::Targets => "targets",
            Slot::Indices => "target_indices",
            Slot::Upstream => "upstream",
            Slot::ElementWeights => "element_weights",
            Slot::Lse => "lse",
            Slot::Argmax => "argmax",
            Slot::Statistics => "statistics",
            Slot::Shards => "shards",
            Slot::Denominator => "denominator",
            Slot::ClassBias => "class_bias",
            Slot::LogProb => "log_prob",
            Slot::Entropy => "entropy",
            Slot::Rank => "rank",
            Slot::EntropyUpstream => "entropy_upstream",
            Slot::TrueParts => "true_parts",
            Slot::ClassSums => "class_sums",
            Slot::GradClassBias => "grad_class_bias",
        }
    }
}
