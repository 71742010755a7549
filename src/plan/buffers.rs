//! The caller's buffers.

use super::binding::{Binding, Region, setters};

/// The caller's buffers, all with the usage `STORAGE`. Which of them a plan needs follows from its
/// [`Layout`](super::Layout). An input that it does not need may be given; an output that it does not write is an error,
/// and so is one that overlaps another buffer that is used. Only `status` may be given to every plan.
///
/// Scores, gradient, dense targets, element weights and losses of elements are bound in whole 16 bytes: each needs room
/// for its size rounded up to 16: [`Plan::buffer_sizes`](super::Plan::buffer_sizes) tells. Several may be ranges of one
/// `wgpu::Buffer`.
///
/// Each is a whole `&wgpu::Buffer` or a `wgpu::BufferBinding` of it, or an `Option` of either: see [`Binding`].
#[derive(Debug, Clone, Copy)]
pub struct Buffers<'a> {
    /// The scores (or probabilities), `[N, C, d…]`. Written only where the gradient replaces them.
    pub(crate) scores: Option<Region<'a>>,
    /// Labels, list offsets, multi-hot bytes or probabilities.
    pub(crate) targets: Option<Region<'a>>,
    /// The indices of class lists; its size is theirs, to the byte.
    pub(crate) target_indices: Option<Region<'a>>,
    /// One f32 an element.
    pub(crate) element_weights: Option<Region<'a>>,
    /// One f32 an unreduced loss, or one in all.
    pub(crate) upstream: Option<Region<'a>>,
    /// The mean's denominator, one f32.
    pub(crate) denominator: Option<Region<'a>>,
    /// The statistics of shards, one after another, to be merged.
    pub(crate) shards: Option<Region<'a>>,
    /// The gradient, written; not where it replaces the scores.
    pub(crate) grad: Option<Region<'a>>,
    /// The reduced loss, one f32, written.
    pub(crate) loss: Option<Region<'a>>,
    /// The losses before reduction, f32, written.
    pub(crate) losses: Option<Region<'a>>,
    /// Log-sum-exps, f32, written.
    pub(crate) lse: Option<Region<'a>>,
    /// Highest classes, u32, written.
    pub(crate) argmax: Option<Region<'a>>,
    /// The gradient that arrives at each row's entropy, f32.
    pub(crate) entropy_upstream: Option<Region<'a>>,
    /// Log-probabilities of true classes, f32, written.
    pub(crate) log_prob: Option<Region<'a>>,
    /// Entropies, f32, written.
    pub(crate) entropy: Option<Region<'a>>,
    /// Ranks of true classes, u32, written.
    pub(crate) rank: Option<Region<'a>>,
    /// The gradient of the class bias, one f32 a class at hand, written.
    pub(crate) grad_class_bias: Option<Region<'a>>,
    /// Row statistics, [`STATISTICS_BYTES`](crate::STATISTICS_BYTES) a row: written forward, read backward.
    pub(crate) statistics: Option<Region<'a>>,
    /// Counts of what went wrong, [`STATUS_BYTES`](super::STATUS_BYTES) that begin as zeros; the plan's own if absent.
    pub(crate) status: Option<Region<'a>>,
}

impl<'a> Buffers<'a> {
    /// The inputs that every plan has: the scores (or probabilities), `[N, C, d…]`, written only where the gradient
    /// replaces them; and labels, list offsets, multi-hot bytes or probabilities.
    pub fn new(scores: impl Binding<'a>, targets: impl Binding<'a>) -> Self {
        Buffers {
            scores: scores.region(),
            targets: targets.region(),
            target_indices: None,
            element_weights: None,
            upstream: None,
            denominator: None,
            shards: None,
            grad: None,
            loss: None,
            losses: None,
            lse: None,
            argmax: None,
            entropy_upstream: None,
            log_prob: None,
            entropy: None,
            rank: None,
            grad_class_bias: None,
            statistics: None,
            status: None,
        }
    }

    setters! {
        /// Sets the indices of class lists: their bytes and no more.
        target_indices;
        /// Sets the element weights, one f32 an element.
        element_weights;
        /// Sets the gradient that arrives: one f32 an unreduced loss, or one in all.
        upstream;
        /// Sets the mean's denominator, one f32.
        denominator;
        /// Sets the statistics of shards, one after another, to be merged.
        shards;
        /// Sets where the gradient goes; not where it replaces the scores.
        grad;
        /// Sets where the reduced loss goes, one f32.
        loss;
        /// Sets where the losses before reduction go, f32.
        losses;
        /// Sets where the log-sum-exps go, f32 a row.
        lse;
        /// Sets where the highest classes go, u32 a row.
        argmax;
        /// Sets the gradient that arrives at each row's entropy, f32 a row.
        entropy_upstream;
        /// Sets where the log-probabilities of true classes go, f32 a row.
        log_prob;
        /// Sets where the entropies go, f32 a row.
        entropy;
        /// Sets where the ranks of true classes go, u32 a row.
        rank;
        /// Sets where the gradient of the class bias goes, one f32 for each class at hand.
        grad_class_bias;
        /// Sets where the row statistics go (forward), or come from (backward):
        /// [`STATISTICS_BYTES`](crate::layout::STATISTICS_BYTES) a row.
        statistics;
        /// Sets where problems are counted: [`STATUS_BYTES`](super::STATUS_BYTES) that begin as zeros. The plan's own if absent.
        status;
    }

    /// The same, with scores and targets from so many bytes further on: for a batch that is worked off in parts, each with
    /// outputs of its own. Where a part begins is held to the device's alignment as any offset is.
    ///
    /// ```no_run
    /// # use gpu_loss::{Buffers, wgpu};
    /// # fn example(scores: &wgpu::Buffer, labels: &wgpu::Buffer) {
    /// // From row 256 on: 1,000 classes in f32, and labels of i64.
    /// let second_half = Buffers::new(scores, labels).inputs_from(256 * 1000 * 4, 256 * 8);
    /// # }
    /// ```
    #[must_use]
    pub fn inputs_from(mut self, scores: u64, targets: u64) -> Self {
        self.scores = self.scores.map(|region| region.further_on(scores));
        self.targets = self.targets.map(|region| region.further_on(targets));
        self
    }

    /// All of them, in one order.
    pub(super) fn all(&self) -> [Option<Region<'a>>; 19] {
        [
            self.scores,
            self.targets,
            self.target_indices,
            self.element_weights,
            self.upstream,
            self.denominator,
            self.shards,
            self.grad,
            self.loss,
            self.losses,
            self.lse,
            self.argmax,
            self.entropy_upstream,
            self.log_prob,
            self.entropy,
            self.rank,
            self.grad_class_bias,
            self.statistics,
            self.status,
        ]
    }
}
