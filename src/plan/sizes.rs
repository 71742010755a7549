//! How many bytes a plan needs of each of the caller's buffers.

use super::Plan;
use super::status::STATUS_BYTES;
use crate::batch::TargetForm;
use crate::kernel::{ByteRange, Slot};
use crate::layout::{IntegerType, Layout, Mode, STATISTICS_BYTES, Upstream};
use crate::loss::Spec;

/// One of the buffers that a plan is encoded over: [`Plan::buffer_sizes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BufferSize {
    /// Its name: that of its setter in [`Buffers`](super::Buffers) (`scores` and `targets` are given to `new`).
    pub name: &'static str,
    /// The least that the plan takes, in bytes. Of `target_indices`, which only the lists can tell, 4.
    pub bytes: u64,
    /// Whether the plan reads or writes it.
    pub access: Access,
    /// Whether the plan does without: it then uses a buffer of its own.
    pub optional: bool,
}

/// What a plan does with a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Access {
    /// It is an input.
    Read,
    /// It is an output; what it held before does not count.
    Write,
    /// What it held counts, and is replaced: scores in place, and counts of problems.
    ReadWrite,
}

impl std::fmt::Display for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Access::Read => "read",
            Access::Write => "written",
            Access::ReadWrite => "read and written",
        })
    }
}

/// The caller's buffers, in the order of [`Buffers`](super::Buffers).
const CALLERS: [Slot; 19] = [
    Slot::Scores,
    Slot::Targets,
    Slot::Indices,
    Slot::ElementWeights,
    Slot::Upstream,
    Slot::Denominator,
    Slot::Shards,
    Slot::Grad,
    Slot::Loss,
    Slot::Losses,
    Slot::Lse,
    Slot::Argmax,
    Slot::EntropyUpstream,
    Slot::LogProb,
    Slot::Entropy,
    Slot::Rank,
    Slot::GradClassBias,
    Slot::Statistics,
    Slot::Status,
];

impl Plan {
    /// The buffers that this plan is encoded over: which, how many bytes of each, read or written.
    ///
    /// With `R = N·D` rows, `E = N·C·D` elements (with strides: from the first to behind the last), `L` losses before
    /// reduction (`R` for losses of rows, `E` for losses of elements), and `⌈…⌉` rounded up to 16 bytes:
    ///
    /// | buffer | bytes | loss and gradient | loss alone | gradient alone | statistics of a shard | merge |
    /// |---|---|---|---|---|---|---|
    /// | `scores` | `⌈4·E⌉`, 16-bit `⌈2·E⌉` | read; in place replaced | read | read; in place replaced | read | – |
    /// | `targets`: classes | `4·R`, i64 `8·R` | read | read | read | read | read |
    /// | `targets`: list offsets | `4·(R+1)`, i64 `8·(R+1)` | read | read | read | read | read |
    /// | `targets`: multi-hot | `⌈E⌉` | read | read | read | – | – |
    /// | `targets`: probabilities | `⌈4·E⌉` | read | read | read | read | – |
    /// | `target_indices` | `4` or `8` an index | read | read | read | read | read |
    /// | `element_weights` | `⌈4·E⌉` | read | read | read | – | – |
    /// | `upstream` | `4`, one a loss `4·L` | read | – | read | – | – |
    /// | `denominator` | `4` | read | read | read | – | read |
    /// | `grad` | as the scores | written; not in place | – | written; not in place | – | – |
    /// | `loss` | `4` | written | written | – | – | written |
    /// | `losses` | `4·R`, of elements `⌈4·E⌉` | written | written | – | – | written |
    /// | `lse`, `argmax`, `entropy` | `4·R` | written | written | – | – | written |
    /// | `log_prob`, `rank` | `4·R` | written | written | – | – | – |
    /// | `entropy_upstream` | `4·R` | read | – | read | – | – |
    /// | `grad_class_bias` | `4·C` | written | – | written | – | – |
    /// | `statistics` | `32·R` | written | written | read | written | written |
    /// | `shards` | `32·R` for each | – | – | – | – | read |
    /// | `status` | `20` | counted up | counted up | counted up | counted up | counted up |
    ///
    /// Which of them are used depends on loss, layout and options: this list has those, and no others.
    ///
    /// ```no_run
    /// use gpu_loss::{Dtype, GpuLoss, Layout, Shape, SoftmaxCe};
    /// let gpu = GpuLoss::new()?;
    /// let plan = gpu.plan(&SoftmaxCe::default(), &Layout::forward_backward(Shape::new(256, 1000), Dtype::F32))?;
    /// for buffer in plan.buffer_sizes() {
    ///     println!("{}: {} bytes, {}", buffer.name, buffer.bytes, buffer.access);
    /// }
    /// # Ok::<(), gpu_loss::Error>(())
    /// ```
    #[must_use]
    pub fn buffer_sizes(&self) -> Vec<BufferSize> {
        let size = |slot: Slot| {
            let bytes = self.least(slot)?;
            let access = match slot {
                Slot::Status => Access::ReadWrite,
                Slot::Scores if self.writes(slot) => Access::ReadWrite,
                _ if self.writes(slot) => Access::Write,
                _ => Access::Read,
            };
            let optional = slot == Slot::Status || (slot == Slot::Losses && self.spec.kind.per_row());
            Some(BufferSize { name: slot.name(), bytes, access, optional })
        };
        CALLERS.into_iter().filter_map(size).collect()
    }

    /// The bytes that the dispatches use of one of the caller's buffers, from its first to the last; `None` if they use none.
    fn least(&self, slot: Slot) -> Option<u64> {
        let bindings = self.steps.iter().flat_map(|step| &step.bindings).filter(|(_, other, _)| *other == slot);
        let ends = bindings.map(|(.., range)| bound(slot, *range)).map(|range| range.offset + range.size.max(4));
        ends.max()
    }

    /// What is needed of a buffer, in words: how many bytes, and why so many.
    pub(super) fn need(&self, slot: Slot) -> String {
        let needed = self.least(slot).unwrap_or_default();
        let told = size_of_slot(slot, &self.layout, &self.spec);
        let (rows, classes) = (self.layout.shape.rows() as u64, self.layout.targets == TargetForm::Classes);
        let reason = match slot {
            Slot::Targets if !self.layout.targets.is_dense() => {
                let (count, what) = if classes { (rows, "labels") } else { (rows + 1, "list offsets") };
                let of = self.layout.integers;
                format!(": {} {what} of {}; see Layout::integers", grouped(count), integer(of))
            }
            _ if told < needed && told.next_multiple_of(16) == needed => {
                format!(" ({} rounded up to 16)", grouped(told))
            }
            _ => String::new(),
        };
        format!("{} needed{reason}", grouped(needed))
    }
}

/// A range as it is bound: of what is bound in one piece, the size of its own.
pub(super) fn bound(slot: Slot, range: ByteRange) -> ByteRange {
    let whole = match slot {
        Slot::Status => STATUS_BYTES,
        Slot::Loss | Slot::Denominator | Slot::Upstream => 4,
        _ => 0,
    };
    if range.size == 0 { ByteRange { size: whole, ..range } } else { range }
}

fn integer(of: IntegerType) -> &'static str {
    match of {
        IntegerType::I32 => "i32",
        IntegerType::I64 => "i64",
        IntegerType::U32 => "u32",
    }
}

/// A number with its thousands apart: `601,808`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
    groups.join(",")
}

/// Bytes of what lies in one of the caller's buffers; 0 where it follows from what the caller brings.
pub(super) fn size_of_slot(slot: Slot, layout: &Layout, spec: &Spec) -> u64 {
    let rows = layout.shape.rows() as u64;
    let elements = layout.shape.elements() as u64;
    let losses = if spec.kind.per_row() { rows } else { elements };
    let integers = u64::from(layout.integers.words()) * 4;
    match slot {
        Slot::Loss | Slot::Denominator => 4,
        Slot::Statistics => rows * STATISTICS_BYTES,
        Slot::Shards => match layout.mode {
            Mode::Merge { shards } => u64::from(shards) * rows * STATISTICS_BYTES,
            _ => 0,
        },
        Slot::Status => STATUS_BYTES,
        Slot::Losses => losses * 4,
        Slot::Scores => layout.scores_bytes(),
        Slot::Grad => layout.grad_bytes(),
        Slot::Targets => match layout.targets {
            TargetForm::Classes => rows * integers,
            TargetForm::Lists => (rows + 1) * integers,
            TargetForm::MultiHot => elements,
            TargetForm::Probabilities => elements * 4,
            TargetForm::Logits => elements * layout.teacher.size() as u64,
        },
        Slot::Upstream if layout.upstream == Upstream::Scalar => 4,
        Slot::Upstream => losses * 4,
        Slot::ElementWeights => elements * 4,
        Slot::Lse | Slot::Argmax | Slot::LogProb | Slot::Entropy | Slot::Rank | Slot::EntropyUpstream => rows * 4,
        Slot::GradClassBias => layout.shape.classes as u64 * 4,
        // List indices, and the plan's own.
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_stand_apart() {
        let told = [0, 20, 999, 1000, 601_808, 1_000_000].map(grouped);
        assert_eq!(told, ["0", "20", "999", "1,000", "601,808", "1,000,000"]);
    }
}
