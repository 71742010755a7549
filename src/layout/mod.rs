//! What a plan is made for: shapes, types and places of everything that a batch brings and takes.

mod check;
mod setters;
mod statistics;

pub use statistics::RowStatistics;

pub use crate::batch::IntegerType;

use crate::batch::{Dtype, Outputs, Shape, TargetForm};
use crate::error::{Error, Result};
use crate::loss::Spec;

/// What a plan does of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Mode {
    /// Losses and gradient in one go; without the gradient ([`Outputs::grad`]) the forward half of a training step.
    #[default]
    Whole,
    /// The backward half: the gradient alone, from row statistics that a forward plan saved ([`Layout::statistics`])
    /// or a merge made. For the losses of single elements nothing is saved: the gradient is made from the scores.
    ///
    /// The options must be those of the plan that made the statistics: nothing in them tells, and the gradient would be
    /// another loss's. [`GpuLoss::plan_pair`](crate::GpuLoss::plan_pair) makes both plans from one loss.
    Gradient,
    /// Row statistics over the classes at hand, one shard of a vocabulary: to be merged.
    Statistics,
    /// Losses, and merged row statistics, from the statistics of `shards` shards that lie one after another.
    Merge {
        /// How many.
        shards: u32,
    },
}

/// The classes at hand, where they are one slice of a vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Shard {
    /// The number of the first class at hand.
    pub first_class: usize,
    /// How many classes there are in all: what labels, lists and class weights count.
    pub all_classes: usize,
}

/// Which gradient arrives from behind the loss, as a buffer on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Upstream {
    /// None: 1.
    #[default]
    One,
    /// One f32 for the reduced loss (loss scaling, say).
    Scalar,
    /// One f32 an unreduced loss, under [`Reduction::None`](crate::Reduction::None).
    PerLoss,
}

/// What a plan is made for: a constructor says what of the work it does, setters say the rest.
///
/// | constructor | a plan that | [`Mode`] |
/// |---|---|---|
/// | [`forward_backward`](Layout::forward_backward) | makes loss and gradient in one go | `Whole` |
/// | [`forward`](Layout::forward) | makes the loss alone | `Whole`, without the gradient |
/// | [`backward`](Layout::backward) | makes the gradient alone, from kept statistics | `Gradient` |
/// | [`shard_statistics`](Layout::shard_statistics) | makes the statistics of one shard of the classes | `Statistics` |
/// | [`merge`](Layout::merge) | makes the loss from the statistics of all shards | `Merge` |
///
/// Which buffers a plan needs, and of how many bytes, it says itself:
/// [`Plan::buffer_sizes`](crate::Plan::buffer_sizes), with a table.
///
/// ```
/// use gpu_loss::{Dtype, Layout, Shape, layout::Upstream};
/// // bf16 scores in rows of 1,024 elements of which 1,000 are classes; the gradient replaces them.
/// let layout = Layout::forward_backward(Shape::new(512, 1000), Dtype::Bf16)
///     .strides(1024, 1024)
///     .upstream(Upstream::Scalar)
///     .in_place();
/// assert_eq!(layout.scores_stride, Some(1024));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Layout {
    /// `N`, `C` and `D` of the scores; `C` counts the classes at hand.
    pub shape: Shape,
    /// The type of scores and gradient.
    pub dtype: Dtype,
    /// The form of the targets.
    pub targets: TargetForm,
    /// The type of a teacher's scores, where the targets are [`TargetForm::Logits`].
    pub teacher: Dtype,
    /// The type of labels or list offsets.
    pub integers: IntegerType,
    /// The type of list indices.
    pub indices: IntegerType,
    /// The most classes that a row's list has. It only counts on Mesa's software adapters, which end an invocation's
    /// loops after 65,535 turns in all: a longer list is a bad row there, and at most 60,000 can be asked for.
    pub longest_list: usize,
    /// Which outputs are wanted.
    pub outputs: Outputs,
    /// Elements from the scores of one `n` to the next, at least `C·D`; `C·D` if absent.
    pub scores_stride: Option<usize>,
    /// Elements from the gradient of one `n` to the next, at least `C·D`; `C·D` if absent.
    pub grad_stride: Option<usize>,
    /// Whether the gradient replaces the scores. Otherwise scores are never written.
    pub in_place: bool,
    /// The gradient that arrives.
    pub upstream: Upstream,
    /// Whether a gradient arrives at each row's entropy, one f32, under [`Reduction::None`](crate::Reduction::None);
    /// `softmax_ce` only. A forward plan has to know it too, for its statistics to hold the entropy: from others the
    /// gradient would be NaN.
    pub entropy_upstream: bool,
    /// Whether element weights are given.
    pub element_weights: bool,
    /// Whether some multi-hot bytes may be [`MISSING_LABEL`](crate::batch::MISSING_LABEL), for losses of elements. Without this,
    /// every byte but 0 is a true label. A mean over elements then takes a pass over the bytes.
    pub missing_labels: bool,
    /// Whether the mean's denominator is in a buffer, one f32 (token counts under gradient accumulation).
    pub denominator: bool,
    /// Whether the row statistics are kept for a later plan of [`Mode::Gradient`] with the same options:
    /// [`STATISTICS_BYTES`] a row.
    pub statistics: bool,
    /// What of the work is done.
    pub mode: Mode,
    /// Which classes are at hand, if not all.
    pub shard: Option<Shard>,
}

/// Bytes that a row's statistics take: a [`RowStatistics`].
///
/// A log-sum-exp alone would not do: in a confident row, `exp(u − lse) − 1` has lost the digits that the promised
/// accuracy needs.
pub const STATISTICS_BYTES: u64 = size_of::<RowStatistics>() as u64;

impl Layout {
    /// The number of classes that labels, lists and class weights count.
    #[must_use]
    pub fn all_classes(&self) -> usize {
        self.shard.map_or(self.shape.classes, |shard| shard.all_classes)
    }

    /// The most classes that a row's list may come to; 0 without lists.
    pub(crate) fn list_classes(&self) -> u64 {
        if self.targets == TargetForm::Lists { self.longest_list.min(self.all_classes()) as u64 } else { 0 }
    }

    pub(crate) fn first_class(&self) -> usize {
        self.shard.map_or(0, |shard| shard.first_class)
    }

    /// Elements of the scores from one `n` to the next.
    pub(crate) fn scores_step(&self) -> u64 {
        self.scores_stride.unwrap_or(self.shape.slab()) as u64
    }

    /// Elements of the gradient from one `n` to the next.
    pub(crate) fn grad_step(&self) -> u64 {
        if self.in_place {
            return self.scores_step();
        }
        self.grad_stride.unwrap_or(self.shape.slab()) as u64
    }

    /// Bytes of the scores, with what lies behind each `n`.
    pub(crate) fn scores_bytes(&self) -> u64 {
        self.shape.n as u64 * self.scores_step() * self.dtype.size() as u64
    }

    /// Bytes of the gradient, with what lies behind each `n`.
    pub(crate) fn grad_bytes(&self) -> u64 {
        self.shape.n as u64 * self.grad_step() * self.dtype.size() as u64
    }

    /// The layouts of a forward and a backward plan that do together what this one says.
    pub(crate) fn halves(&self, spec: &Spec) -> Result<(Layout, Layout)> {
        self.check(spec)?;
        if self.mode != Mode::Whole {
            let problem = format!("a pair of plans is made of the mode Whole, not {:?}", self.mode);
            return Err(Error::Layout { problem });
        }
        let outputs = Outputs { grad: false, grad_class_bias: false, ..self.outputs };
        let statistics = spec.kind.per_row();
        // An entropy at which something arrives has to be among the statistics.
        let forward = Layout { outputs, statistics, upstream: Upstream::One, ..*self };
        let outputs = Outputs { grad_class_bias: self.outputs.grad_class_bias, ..Outputs::default() };
        let backward = Layout { outputs, statistics: false, mode: Mode::Gradient, ..*self };
        Ok((forward, backward))
    }

    /// Whether each score is needed once: for a loss alone, or a gradient from statistics.
    pub(crate) fn reads_once(&self) -> bool {
        self.mode == Mode::Gradient || !self.writes_grad()
    }

    /// Whether a gradient is written.
    pub(crate) fn writes_grad(&self) -> bool {
        match self.mode {
            Mode::Whole => self.outputs.grad,
            Mode::Gradient => true,
            Mode::Statistics | Mode::Merge { .. } => false,
        }
    }

    /// Whether the gradient is summed over the rows.
    pub(crate) fn sums_classes(&self) -> bool {
        self.outputs.grad_class_bias && self.writes_grad()
    }

    /// Whether losses are summed.
    pub(crate) fn writes_loss(&self) -> bool {
        matches!(self.mode, Mode::Whole | Mode::Merge { .. })
    }
}
