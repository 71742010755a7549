//! What makes a kernel: the one thing that kernels are told apart by.

use crate::batch::{Dtype, TargetForm};
use crate::loss::{Divergence, Kind, Spec};

/// What a kernel is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum KernelSpec {
    /// Losses and gradients.
    Loss(LossKernel),
    /// Denominator and label check over classes.
    ScanLabels {
        /// Whether classes have weights.
        weighted: bool,
        /// Whether labels are taken by wide loads.
        wide: bool,
    },
    /// The check of class lists.
    ScanLists {
        /// Which integers are taken by wide loads.
        wide: WideIntegers,
        /// Whether it is kept what was found in each row.
        verdicts: bool,
    },
    /// The count of known labels among multi-hot bytes.
    ScanMultiHot,
    /// The scan's results put into scales and status.
    ScanFinish {
        /// Whether the denominator is in a buffer.
        denominator: bool,
        /// Whether a gradient arrives at the reduced loss.
        upstream: bool,
        /// Whether it goes through the labels itself, and then whether classes have weights.
        labels: Option<bool>,
    },
    /// Records of splits of rows merged, and the rows' results written.
    Merge(MergeKernel),
    /// One level of the sum of losses.
    Sum,
    /// The gradient summed over blocks of rows, class by class.
    ClassSums,
    /// The blocks added up.
    ClassSumsFinish,
}

/// Which ways the options of a row's loss take: what is off is not in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct RowOptions {
    /// Whether targets are smoothed.
    pub(crate) smoothed: bool,
    /// What happens to scores before the softmax.
    pub(crate) transform: Transform,
    /// Whether lse² is added.
    pub(crate) z_loss: bool,
    /// Whether the class with the highest score is looked for.
    pub(crate) best: bool,
    /// Whether classes have a bias.
    pub(crate) bias: bool,
    /// Whether the true class's score has a margin.
    pub(crate) margin: bool,
    /// Whether rows' entropies are found.
    pub(crate) spread: bool,
    /// Whether rows' entropies count in losses or gradients.
    pub(crate) entropy: bool,
    /// Whether the classes that go before the true one are counted.
    pub(crate) ahead: bool,
    /// Whether the true class's score is wanted by itself.
    pub(crate) truth: bool,
    /// The divergence of distillation.
    pub(crate) divergence: Divergence,
}

impl RowOptions {
    /// Those of a loss, and whether anything asks for the highest class.
    pub(crate) fn of(spec: &Spec, best: bool) -> Self {
        RowOptions {
            smoothed: spec.label_smoothing > 0.0,
            transform: match (spec.softcap, spec.scale() as f32) {
                (Some(_), _) => Transform::Softcap,
                (None, 1.0) => Transform::Identity,
                (None, _) if spec.class_bias.is_some() => Transform::ScaleFirst,
                (None, _) => Transform::Scale,
            },
            z_loss: spec.z_loss > 0.0,
            best,
            bias: spec.class_bias.is_some(),
            margin: spec.has_margin(),
            spread: spec.entropy_coefficient != 0.0,
            entropy: spec.entropy_coefficient != 0.0,
            ahead: false,
            truth: spec.has_margin(),
            divergence: spec.divergence,
        }
    }
}

/// What happens to scores before the softmax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum Transform {
    /// Nothing.
    #[default]
    Identity,
    /// They are multiplied.
    Scale,
    /// They are multiplied one by one, for a bias is added to them.
    ScaleFirst,
    /// They are multiplied, and bounded.
    Softcap,
}

/// The pieces of a kernel that merges records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MergeKernel {
    /// The loss.
    pub(crate) kind: Kind,
    /// The form of the targets.
    pub(crate) targets: TargetForm,
    /// Which ways its options take.
    pub(crate) options: RowOptions,
    /// Which optional buffers are bound.
    pub(crate) extras: Extras,
}

/// What a traversal does with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Pass {
    /// Everything at once.
    Whole,
    /// Statistics of a part.
    Split,
    /// The gradient, from the row's statistics.
    Gradient,
}

/// The pieces of a kernel that traverses scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LossKernel {
    /// The way over the scores.
    pub(crate) traversal: Traversal,
    /// Who goes it together.
    pub(crate) team: Team,
    /// What is done with a row.
    pub(crate) pass: Pass,
    /// The loss.
    pub(crate) kind: Kind,
    /// The type of scores and gradients.
    pub(crate) dtype: Dtype,
    /// The form of the targets.
    pub(crate) targets: TargetForm,
    /// Whether some multi-hot bytes say that a label is not known.
    pub(crate) missing: bool,
    /// The type of a teacher's scores.
    pub(crate) teacher: Dtype,
    /// Which ways its options take, for losses of rows.
    pub(crate) options: RowOptions,
    /// Whether scores are taken by aligned vectors of 4 (or one by one).
    pub(crate) vectors: bool,
    /// Whether rows may begin or end within a vector.
    pub(crate) peeled: bool,
    /// Whether an invocation adds so many terms up that their roundings have to be kept.
    pub(crate) long_sums: bool,
    /// Whether probabilities are taken by aligned vectors.
    pub(crate) dense_vectors: bool,
    /// Whether vectors are taken by wide loads, which llvmpipe alone has.
    pub(crate) wide: bool,
    /// Which integers are taken by wide loads.
    pub(crate) wide_integers: WideIntegers,
    /// Whether halves are widened in integers.
    pub(crate) widens_in_integers: bool,
    /// Vectors that an invocation loads at once: 1, or 2 or 4 by wide loads.
    pub(crate) load_vectors: u32,
    /// Where the gradient goes.
    pub(crate) grad: Grad,
    /// Whether classes have weights.
    pub(crate) weighted: bool,
    /// Which optional buffers are bound.
    pub(crate) extras: Extras,
}

/// Which integers are taken by wide loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct WideIntegers {
    /// Labels and list offsets.
    pub(crate) targets: bool,
    /// The classes of lists.
    pub(crate) indices: bool,
}

/// The optional buffers of a traversal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Extras {
    /// The gradient that arrives at each loss.
    pub(crate) upstream: bool,
    /// One weight an element.
    pub(crate) element_weights: bool,
    /// The losses before reduction.
    pub(crate) losses: bool,
    /// Log-sum-exps.
    pub(crate) lse: bool,
    /// Highest classes.
    pub(crate) argmax: bool,
    /// Counts of correct rows.
    pub(crate) correct: bool,
    /// Row statistics.
    pub(crate) statistics: bool,
    /// Log-probabilities of true classes.
    pub(crate) log_prob: bool,
    /// Entropies.
    pub(crate) entropy: bool,
    /// Ranks of true classes.
    pub(crate) rank: bool,
    /// The gradient that arrives at each entropy.
    pub(crate) entropy_upstream: bool,
    /// What splits of rows know of true classes.
    pub(crate) true_parts: bool,
}

/// The way over the scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Traversal {
    /// Along rows whose classes lie side by side.
    Row,
    /// Down the classes, four rows side by side.
    Column,
    /// Along rows of so few classes that a thread holds four rows.
    FourRows(u32),
    /// Along rows that a team holds.
    ResidentRow(ResidentRow),
    /// Down so few classes that a thread holds four rows of them.
    ResidentColumn(u32),
    /// Flat, for losses of single elements.
    Element,
}

/// Who takes a row (or block) together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Team {
    /// One thread.
    Thread,
    /// One subgroup.
    Subgroup,
    /// One workgroup with subgroups.
    Workgroup,
    /// One workgroup without.
    WorkgroupTree,
}

/// Where the gradient goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Grad {
    /// Nowhere: only the loss is wanted.
    Nowhere,
    /// Into a buffer of its own.
    Separate,
    /// Over the scores.
    InPlace,
}

/// What a team holds of a row along its classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ResidentRow {
    /// Vectors of each invocation.
    pub(crate) vectors: u32,
    /// How many of them lie in the row whatever the invocation.
    pub(crate) whole: u32,
    /// Whether rows may begin or end within a vector.
    pub(crate) edges: bool,
}
