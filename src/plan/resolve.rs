//! Where a plan's bindings lie: in its own buffers, and in the caller's.

use super::binding::Region;
use super::sizes::{bound, grouped};
use super::{Buffers, Plan, Scratch};
use crate::device::Context;
use crate::error::{Error, Result};
use crate::kernel::{ByteRange, Slot};
use crate::layout::Mode;

impl Plan {
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
    pub(super) fn callers<'a>(&self, slot: Slot, buffers: &Buffers<'a>) -> Result<Option<(&'static str, Region<'a>)>> {
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
    pub(super) fn part<'a>(
        &self,
        slot: Slot,
        what: &'static str,
        slice: Region<'a>,
        range: ByteRange,
    ) -> Result<wgpu::BufferBinding<'a>> {
        let size = usable(&self.context, what, slice)?;
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

/// The bytes of a range that this device can bind for kernels.
pub(crate) fn usable(context: &Context, what: &'static str, region: Region<'_>) -> Result<u64> {
    let alignment = u64::from(context.limits.min_storage_buffer_offset_alignment);
    if !region.offset.is_multiple_of(alignment) {
        let text = format!("offset {} is not a multiple of {alignment}, which this device asks for", region.offset);
        return Err(problem(what, text));
    }
    let usage = region.buffer.usage();
    if !usage.contains(wgpu::BufferUsages::STORAGE) {
        return Err(problem(what, format!("its usage is {usage:?}, expected STORAGE among it")));
    }
    region.bytes().map_err(|text| problem(what, text))
}

pub(crate) fn problem(what: &'static str, problem: String) -> Error {
    Error::Buffer { what, problem }
}
