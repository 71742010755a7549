//! Which of the caller's buffers a plan refuses.

use std::ops::Range;

use super::resolve::problem;
use super::{Buffers, Plan};
use crate::error::Result;
use crate::kernel::Slot;
use crate::layout::Mode;

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
}
