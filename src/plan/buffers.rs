//! The caller's buffers, and where a plan's bindings lie in them.

use std::ops::Range;

use super::binding::{Binding, Region, setters};
use super::sizes::{bound, grouped};
use super::{Plan, Scratch};
use crate::error::{Error, Result};
use crate::kernel::{ByteRange, Slot};
use crate::layout::Mode;

/// The caller's buffers, all with the usage `STORAGE`. Which of them a plan needs follows from its
/// [`Layout`](super::Layout). An input that it does not need may be given; an output that it does not write is an error,
/// and so is one that overlaps another buffer that is used. Only `status` may be given to every plan.
///
/// Scores, gradient, dense targets, element weights and losses of elements are bound in whole 16 bytes: each needs room
/// for its size rounded up to 16: [`Plan::buffer_sizes`] tells. Several may be ranges of one `wgpu::Buffer`.
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

/// A part of one of the caller's buffers that a plan uses.
struct Used<'a> {
    slot: Slot,
    what: &'static str,
    buffer: &'a wgpu::Buffer,
    bytes: Range<u64>,
}

impl Plan {
    /// Refuses outputs that this plan does not write: nobody finds zeros, or old values, where results were meant to be.
    pub(super) fn check_outputs(&self, buffers: &Buffers<'_>) -> Result<()> {
        let (layout, outputs) = (&self.layout, self.layout.outputs);
        let mode = match layout.mode {
            Mode::Whole => "Mode::Whole",
            Mode::Gradient => "Mode::Gradient",
            Mode::Statistics => "Mode::Statistics",
            Mode::Merge { .. } => "Mode::Merge",
        };
        let loses = layout.writes_loss();
        let not_here = format!("a plan of {mode} does not write it");
        let asked = |on: bool, ask: &str| match (loses, on) {
            (false, _) => Some(not_here.clone()),
            (true, false) => Some(format!("this plan does not write it: ask for it by {ask}")),
            (true, true) => None,
        };
        let grad = match (layout.writes_grad(), layout.in_place) {
            (true, true) => {
                Some("the gradient replaces the scores (Layout::in_place), and is not written here as well".to_owned())
            }
            (true, false) => None,
            (false, _) if layout.mode == Mode::Whole => asked(false, "Outputs::grad"),
            (false, _) => Some(not_here.clone()),
        };
        let class_bias = match (layout.sums_classes(), layout.writes_grad()) {
            (true, _) => None,
            (false, true) => Some("this plan does not write it: ask for it by Outputs::grad_class_bias".to_owned()),
            (false, false) => Some(not_here.clone()),
        };
        let losses = outputs.hands_out_losses(&self.spec) || self.spec.kind.per_row();
        let keeps = layout.statistics || layout.mode != Mode::Whole;
        let unasked = format!("this plan neither writes nor reads it: ask for it by {}", "Layout::statistics");
        let outputs = [
            ("grad", buffers.grad, grad),
            ("loss", buffers.loss, asked(true, "")),
            ("losses", buffers.losses, asked(losses, "Outputs::losses")),
            ("lse", buffers.lse, asked(outputs.lse, "Outputs::lse")),
            ("argmax", buffers.argmax, asked(outputs.argmax, "Outputs::argmax")),
            ("log_prob", buffers.log_prob, asked(outputs.log_prob, "Outputs::log_prob")),
            ("entropy", buffers.entropy, asked(outputs.entropy, "Outputs::entropy")),
            ("rank", buffers.rank, asked(outputs.rank, "Outputs::rank")),
            ("grad_class_bias", buffers.grad_class_bias, class_bias),
            ("statistics", buffers.statistics, if keeps { None } else { Some(unasked) }),
        ];
        for (what, given, refusal) in outputs {
            if let (Some(_), Some(text)) = (given, refusal) {
                return Err(problem(what, text));
            }
        }
        Ok(())
    }

    /// Refuses ranges that share bytes of which one is written.
    pub(super) fn check_ranges(&self, buffers: &Buffers<'_>) -> Result<()> {
        let used = self.used(buffers)?;
        for (at, one) in used.iter().enumerate() {
            for other in &used[..at] {
                let overlap = one.bytes.start < other.bytes.end && other.bytes.start < one.bytes.end;
                if overlap && one.buffer == other.buffer && (self.writes(one.slot) || self.writes(other.slot)) {
                    let (written, other) = if self.writes(one.slot) { (one, other) } else { (other, one) };
                    let text = format!(
                        "bytes {:?} of its buffer are written and overlap {}, bytes {:?} of the same",
                        written.bytes, other.what, other.bytes
                    );
                    return Err(problem(written.what, text));
                }
            }
        }
        Ok(())
    }

    /// What the dispatches use of the caller's buffers, from the first byte to the last of each.
    fn used<'a>(&self, buffers: &Buffers<'a>) -> Result<Vec<Used<'a>>> {
        let mut used: Vec<Used<'a>> = Vec::new();
        for (_, slot, range) in self.steps.iter().flat_map(|step| &step.bindings) {
            let Some((what, slice)) = self.callers(*slot, buffers)? else { continue };
            let part = self.part(*slot, what, slice, *range)?;
            let end = part.offset + part.size.map_or(0, wgpu::BufferSize::get);
            match used.iter_mut().find(|used| used.slot == *slot) {
                Some(used) => {
                    used.bytes = used.bytes.start.min(part.offset)..used.bytes.end.max(end);
                }
                None => used.push(Used { slot: *slot, what, buffer: slice.buffer, bytes: part.offset..end }),
            }
        }
        Ok(used)
    }

    /// Whether one of the caller's buffers is written.
    pub(super) fn writes(&self, slot: Slot) -> bool {
        match slot {
            Slot::Status | Slot::Losses | Slot::Loss | Slot::Grad | Slot::Lse | Slot::Argmax => true,
            Slot::LogProb | Slot::Entropy | Slot::Rank | Slot::GradClassBias => true,
            Slot::Scores => self.layout.in_place && self.layout.writes_grad(),
            Slot::Statistics => self.layout.mode != Mode::Gradient,
            Slot::Targets | Slot::Indices | Slot::Upstream | Slot::ElementWeights => false,
            Slot::Shards | Slot::Denominator | Slot::EntropyUpstream => false,
            // The plan's own, which nobody can pass.
            Slot::Params | Slot::Scales | Slot::ClassWeights | Slot::ClassBias | Slot::Scratch => false,
            Slot::Sums | Slot::Splits | Slot::RowStatistics | Slot::TrueParts | Slot::ClassSums => false,
        }
    }

    /// Where a binding lies among the plan's buffers and the caller's.
    pub(super) fn resolve<'a>(
        &'a self,
        slot: Slot,
        range: ByteRange,
        buffers: &Buffers<'a>,
        work: &'a Scratch,
    ) -> Result<wgpu::BufferBinding<'a>> {
        if let Some((what, slice)) = self.callers(slot, buffers)? {
            return self.part(slot, what, slice, range);
        }
        let buffer = match slot {
            Slot::Params => &self.own.params,
            Slot::Scales => &work.scales,
            Slot::ClassWeights => self.own.class_weights.as_ref().unwrap_or(&work.scratch),
            Slot::ClassBias => self.own.class_bias.as_ref().unwrap_or(&work.scratch),
            Slot::TrueParts => &work.true_parts,
            Slot::ClassSums => &work.class_sums,
            Slot::Sums => &work.sums,
            Slot::Splits => &work.splits,
            Slot::RowStatistics => &work.row_statistics,
            Slot::Status => &work.status,
            Slot::Losses => &work.losses,
            // The others are the caller's.
            _ => &work.scratch,
        };
        Ok(wgpu::BufferBinding { buffer, offset: range.offset, size: wgpu::BufferSize::new(range.size) })
    }

    /// The caller's buffer for a place, with its name; `None` where the plan's own serves.
    fn callers<'a>(&self, slot: Slot, buffers: &Buffers<'a>) -> Result<Option<(&'static str, Region<'a>)>> {
        let (what, given) = match slot {
            Slot::Params | Slot::Scales | Slot::ClassWeights | Slot::ClassBias | Slot::Scratch => return Ok(None),
            Slot::Sums | Slot::Splits | Slot::RowStatistics | Slot::TrueParts | Slot::ClassSums => return Ok(None),
            Slot::Status if buffers.status.is_none() => return Ok(None),
            Slot::Losses if buffers.losses.is_none() && self.spec.kind.per_row() => return Ok(None),
            Slot::Status => ("status", buffers.status),
            Slot::Losses => ("losses", buffers.losses),
            Slot::Loss => ("loss", buffers.loss),
            Slot::Scores => ("scores", buffers.scores),
            Slot::Grad => ("grad", buffers.grad),
            Slot::Targets => ("targets", buffers.targets),
            Slot::Indices => ("target_indices", buffers.target_indices),
            Slot::Upstream => ("upstream", buffers.upstream),
            Slot::ElementWeights => ("element_weights", buffers.element_weights),
            Slot::Lse => ("lse", buffers.lse),
            Slot::Argmax => ("argmax", buffers.argmax),
            Slot::LogProb => ("log_prob", buffers.log_prob),
            Slot::Entropy => ("entropy", buffers.entropy),
            Slot::Rank => ("rank", buffers.rank),
            Slot::EntropyUpstream => ("entropy_upstream", buffers.entropy_upstream),
            Slot::GradClassBias => ("grad_class_bias", buffers.grad_class_bias),
            Slot::Statistics => ("statistics", buffers.statistics),
            Slot::Shards => ("shards", buffers.shards),
            Slot::Denominator => ("denominator", buffers.denominator),
        };
        let slice = given.ok_or_else(|| problem(what, "missing, and this plan needs it".to_owned()))?;
        Ok(Some((what, slice)))
    }

    /// A span of the caller's slice, checked against both ends and against what the device binds.
    fn part<'a>(
        &self,
        slot: Slot,
        what: &'static str,
        slice: Region<'a>,
        range: ByteRange,
    ) -> Result<wgpu::BufferBinding<'a>> {
        let alignment = u64::from(self.context.limits.min_storage_buffer_offset_alignment);
        if !slice.offset.is_multiple_of(alignment) {
            let text = format!("offset {} is not a multiple of {alignment}, which this device asks for", slice.offset);
            return Err(problem(what, text));
        }
        if !slice.buffer.usage().contains(wgpu::BufferUsages::STORAGE) {
            let usage = slice.buffer.usage();
            return Err(problem(what, format!("its usage is {usage:?}, expected STORAGE among it")));
        }
        let size = slice.bytes().map_err(|text| problem(what, text))?;
        // The caller may have given all the rest of a buffer.
        let range = bound(slot, range);
        if range.offset + range.size.max(4) > size {
            return Err(problem(what, format!("{} bytes given, {}", grouped(size), self.need(slot))));
        }
        let size = if range.size == 0 { (size - range.offset) / 4 * 4 } else { range.size };
        let most = self.context.binding_limit();
        if size > most {
            let what = format!("{what} in one binding");
            return Err(Error::Limit { limit: "max_storage_buffer_binding_size", got: most, needed: size, what });
        }
        Ok(wgpu::BufferBinding {
            buffer: slice.buffer,
            offset: slice.offset + range.offset,
            size: wgpu::BufferSize::new(size),
        })
    }
}

pub(super) fn problem(what: &'static str, problem: String) -> Error {
    Error::Buffer { what, problem }
}
