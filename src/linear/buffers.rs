//! The caller's buffers of a linear plan.

use super::layout::LinearLayout;
use super::slot::{Part, Slot};
use crate::device::Context;
use crate::error::Result;
use crate::layout::Upstream;
use crate::loss::{Reduction, Spec};
use crate::plan::{Binding, Region, STATUS_BYTES, problem, setters, usable};

/// The caller's buffers, all with the usage `STORAGE`. Which of them a plan needs follows from its
/// [`LinearLayout`]; one that it does not need is an error, but for `losses` and `status`. Matrices need room for their size
/// rounded up to 16 bytes. What is written must not overlap anything else.
///
/// Each is a whole `&wgpu::Buffer` or a `wgpu::BufferBinding` of it, or an `Option` of either: see [`Binding`].
#[derive(Debug, Clone, Copy)]
pub struct LinearBuffers<'a> {
    /// The hidden states, `[N, H]`.
    pub(crate) hidden: Option<Region<'a>>,
    /// The weights, `[V, H]`.
    pub(crate) weight: Option<Region<'a>>,
    /// The labels, `[N]`.
    pub(crate) targets: Option<Region<'a>>,
    /// The bias, `[V]`.
    pub(crate) bias: Option<Region<'a>>,
    /// One f32 a row, or one in all.
    pub(crate) upstream: Option<Region<'a>>,
    /// The mean's denominator, one f32.
    pub(crate) denominator: Option<Region<'a>>,
    /// The gradient of the hidden states, in their type, written.
    pub(crate) grad_hidden: Option<Region<'a>>,
    /// The gradient of the weights, f32, written or added to.
    pub(crate) grad_weight: Option<Region<'a>>,
    /// The gradient of the bias, f32, written or added to.
    pub(crate) grad_bias: Option<Region<'a>>,
    /// The reduced loss, one f32, written.
    pub(crate) loss: Option<Region<'a>>,
    /// The losses of rows, f32, written if given.
    pub(crate) losses: Option<Region<'a>>,
    /// Log-sum-exps, f32, written.
    pub(crate) lse: Option<Region<'a>>,
    /// Highest classes, u32, written.
    pub(crate) argmax: Option<Region<'a>>,
    /// Log-probabilities of the true classes, f32, written.
    pub(crate) log_probs: Option<Region<'a>>,
    /// Counts of what went wrong, [`STATUS_BYTES`] that begin as zeros; the plan's own if absent.
    pub(crate) status: Option<Region<'a>>,
}

impl<'a> LinearBuffers<'a> {
    /// The inputs that every plan has: hidden states `[N, H]`, weights `[V, H]` and labels `[N]`.
    pub fn new(hidden: impl Binding<'a>, weight: impl Binding<'a>, targets: impl Binding<'a>) -> Self {
        LinearBuffers {
            hidden: hidden.region(),
            weight: weight.region(),
            targets: targets.region(),
            bias: None,
            upstream: None,
            denominator: None,
            grad_hidden: None,
            grad_weight: None,
            grad_bias: None,
            loss: None,
            losses: None,
            lse: None,
            argmax: None,
            log_probs: None,
            status: None,
        }
    }

    setters! {
        /// Sets the bias.
        bias;
        /// Sets the gradient that arrives.
        upstream;
        /// Sets the mean's denominator.
        denominator;
        /// Sets where the gradient of the hidden states goes.
        grad_hidden;
        /// Sets where the gradient of the weights goes.
        grad_weight;
        /// Sets where the gradient of the bias goes.
        grad_bias;
        /// Sets where the reduced loss goes.
        loss;
        /// Sets where the losses of rows go.
        losses;
        /// Sets where the log-sum-exps go.
        lse;
        /// Sets where the highest classes go.
        argmax;
        /// Sets where the log-probabilities go.
        log_probs;
        /// Sets where problems are counted.
        status;
    }

    /// All of them with their slots and names, in one order.
    pub(crate) fn all(&self) -> [(Slot, &'static str, Option<Region<'a>>); 15] {
        [
            (Slot::Hidden, "hidden", self.hidden),
            (Slot::Weight, "weight", self.weight),
            (Slot::Targets, "targets", self.targets),
            (Slot::Bias, "bias", self.bias),
            (Slot::Upstream, "upstream", self.upstream),
            (Slot::Denominator, "denominator", self.denominator),
            (Slot::GradHidden, "grad_hidden", self.grad_hidden),
            (Slot::GradWeight, "grad_weight", self.grad_weight),
            (Slot::GradBias, "grad_bias", self.grad_bias),
            (Slot::Loss, "loss", self.loss),
            (Slot::Losses, "losses", self.losses),
            (Slot::Lse, "lse", self.lse),
            (Slot::Argmax, "argmax", self.argmax),
            (Slot::LogProbs, "log_probs", self.log_probs),
            (Slot::Status, "status", self.status),
        ]
    }

    /// The caller's buffer for a slot.
    pub(crate) fn get(&self, slot: Slot) -> Option<Region<'a>> {
        self.all().into_iter().find(|(other, ..)| *other == slot).and_then(|(.., binding)| binding)
    }
}

/// Whether one is needed, and how many bytes of it.
fn needed(slot: Slot, layout: &LinearLayout, spec: &Spec) -> (bool, u64) {
    let (rows, classes) = (layout.rows as u64, layout.vocabulary as u64);
    let size = layout.dtype.size() as u64;
    match slot {
        Slot::Hidden => (true, layout.hidden_bytes().next_multiple_of(16)),
        Slot::Weight => (true, layout.weight_bytes().next_multiple_of(16)),
        Slot::Targets => (true, rows * 4 * u64::from(layout.integers.words())),
        Slot::Bias => (layout.bias, (classes * size).next_multiple_of(4)),
        Slot::Upstream if layout.upstream == Upstream::PerLoss => (true, rows * 4),
        Slot::Upstream => (layout.upstream == Upstream::Scalar, 4),
        Slot::Denominator => (layout.denominator, 4),
        Slot::GradHidden => (layout.grad_hidden, layout.hidden_bytes().next_multiple_of(16)),
        Slot::GradWeight => (layout.grad_weight, (layout.weight_bytes() / size).saturating_mul(4).next_multiple_of(16)),
        Slot::GradBias => (layout.grad_bias, classes * 4),
        Slot::Losses => (spec.reduction == Reduction::None, rows * 4),
        Slot::Lse => (layout.lse, rows * 4),
        Slot::Argmax => (layout.argmax, rows * 4),
        Slot::LogProbs => (layout.log_probs, rows * 4),
        Slot::Status => (false, STATUS_BYTES),
        _ => (true, 4),
    }
}

fn is_written(slot: Slot) -> bool {
    !matches!(slot, Slot::Hidden | Slot::Weight | Slot::Targets | Slot::Bias | Slot::Upstream | Slot::Denominator)
}

/// Refuses buffers that are missing, not asked for, too small, misaligned, or overlap one that is written.
pub(crate) fn check(context: &Context, layout: &LinearLayout, spec: &Spec, buffers: &LinearBuffers<'_>) -> Result<()> {
    let mut used: Vec<(Slot, &'static str, &wgpu::Buffer, std::ops::Range<u64>)> = Vec::new();
    for (slot, what, binding) in buffers.all() {
        let (is_needed, bytes) = needed(slot, layout, spec);
        let Some(binding) = binding else {
            if is_needed {
                return Err(problem(what, "missing, and this plan needs it".to_owned()));
            }
            continue;
        };
        if !is_needed && !matches!(slot, Slot::Losses | Slot::Status) {
            let text = format!("this plan does not use it: ask for it by LinearLayout::{what}");
            return Err(problem(what, text));
        }
        let given = usable(context, what, binding)?;
        if bytes > given {
            return Err(problem(what, format!("{given} bytes given, {bytes} needed")));
        }
        used.push((slot, what, binding.buffer, binding.offset..binding.offset + bytes));
    }
    for (at, (slot, what, buffer, bytes)) in used.iter().enumerate() {
        for (other_slot, other_what, other_buffer, other) in &used[..at] {
            let overlap = bytes.start < other.end && other.start < bytes.end && buffer == other_buffer;
            if overlap && (is_written(*slot) || is_written(*other_slot)) {
                let text = format!("bytes {bytes:?} of its buffer overlap {other_what}, bytes {other:?} of the same");
                return Err(problem(what, text));
            }
        }
    }
    check_products(buffers)
}

/// A product reads its operands by bindings that nothing may write, and wgpu holds that for whole buffers.
fn check_products(buffers: &LinearBuffers<'_>) -> Result<()> {
    let pairs = [
        ("grad_hidden", buffers.grad_hidden, "weight", buffers.weight),
        ("grad_weight", buffers.grad_weight, "hidden", buffers.hidden),
    ];
    for (what, written, other, read) in pairs {
        if written.zip(read).is_some_and(|(written, read)| written.buffer == read.buffer) {
            return Err(problem(what, format!("it lies in one wgpu::Buffer with {other}, expected another buffer")));
        }
    }
    Ok(())
}

/// A part of one of the caller's buffers as it is bound.
pub(crate) fn part<'a>(
    slot: Slot,
    part: Part,
    layout: &LinearLayout,
    spec: &Spec,
    binding: Region<'a>,
) -> wgpu::BufferBinding<'a> {
    let size = if part.size > 0 { part.size } else { needed(slot, layout, spec).1.max(4) - part.offset };
    wgpu::BufferBinding {
        buffer: binding.buffer,
        offset: binding.offset + part.offset,
        size: wgpu::BufferSize::new(size),
    }
}
