//! Recording a plan's dispatches over the caller's buffers.

use super::{Place, Plan, Span, Step};
use crate::error::{Error, Result};

/// A part of a buffer that begins at a byte offset.
#[derive(Debug, Clone, Copy)]
pub struct Slice<'a> {
    /// The buffer.
    pub buffer: &'a wgpu::Buffer,
    /// Where the part begins, a multiple of the device's `min_storage_buffer_offset_alignment`.
    pub offset: u64,
    /// How many bytes; to the end of the buffer if absent.
    pub size: Option<u64>,
}

impl<'a> From<&'a wgpu::Buffer> for Slice<'a> {
    fn from(buffer: &'a wgpu::Buffer) -> Self {
        Slice { buffer, offset: 0, size: None }
    }
}

/// The caller's buffers. Which of them a plan needs follows from its [`Layout`](super::Layout).
#[derive(Debug, Clone, Copy)]
pub struct Buffers<'a> {
    /// The scores (or probabilities), `[N, C, d…]`.
    pub scores: Slice<'a>,
    /// Labels, list offsets, multi-hot bytes or probabilities.
    pub targets: Slice<'a>,
    /// The indices of class lists.
    pub target_indices: Option<Slice<'a>>,
    /// One f32 an element.
    pub element_weights: Option<Slice<'a>>,
    /// One f32 an unreduced loss.
    pub upstream: Option<Slice<'a>>,
    /// The gradient; not where it replaces the scores.
    pub grad: Option<Slice<'a>>,
    /// The reduced loss, one f32.
    pub loss: Slice<'a>,
    /// The losses before reduction, f32.
    pub losses: Option<Slice<'a>>,
    /// Log-sum-exps, f32.
    pub lse: Option<Slice<'a>>,
    /// Highest classes, u32.
    pub argmax: Option<Slice<'a>>,
}

impl Plan {
    /// Records the plan's dispatches: no submit, no readback, no waiting.
    ///
    /// # Errors
    /// [`Error::Buffer`] if a buffer that the plan needs is missing, misaligned or too small.
    pub fn encode(&self, encoder: &mut wgpu::CommandEncoder, buffers: &Buffers<'_>) -> Result<()> {
        let groups = self.steps.iter().map(|step| self.bind(step, buffers)).collect::<Result<Vec<_>>>()?;
        let mut pass = encoder
            .begin_compute_pass(&wgpu::ComputePassDescriptor { label: Some("gpu-loss"), timestamp_writes: None });
        for (step, group) in self.steps.iter().zip(&groups) {
            pass.set_pipeline(&step.kernel.pipeline);
            pass.set_bind_group(0, group, &[]);
            pass.dispatch_workgroups(step.groups.0, step.groups.1, 1);
        }
        Ok(())
    }

    fn bind(&self, step: &Step, buffers: &Buffers<'_>) -> Result<wgpu::BindGroup> {
        let entries = step
            .bindings
            .iter()
            .map(|(binding, place, span)| {
                let resource = wgpu::BindingResource::Buffer(self.resolve(*place, *span, buffers)?);
                Ok(wgpu::BindGroupEntry { binding: *binding, resource })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(self.context.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(&step.label),
            layout: &step.kernel.layout,
            entries: &entries,
        }))
    }

    fn resolve<'a>(&'a self, place: Place, span: Span, buffers: &Buffers<'a>) -> Result<wgpu::BufferBinding<'a>> {
        let given = |what: &'static str, slice: Option<Slice<'a>>| {
            let slice =
                slice.ok_or_else(|| Error::Buffer { what, problem: "missing, and this plan needs it".to_owned() })?;
            self.part(what, slice, span)
        };
        let own = |buffer: &'a wgpu::Buffer| {
            Ok(wgpu::BufferBinding { buffer, offset: span.offset, size: wgpu::BufferSize::new(span.size) })
        };
        match place {
            Place::Params => own(&self.params),
            Place::Scalars => own(&self.scalars),
            Place::Status => own(&self.status),
            Place::ClassWeights => own(self.class_weights.as_ref().unwrap_or(&self.scratch)),
            Place::Scratch => own(&self.scratch),
            Place::Sums => own(&self.sums),
            Place::Losses if buffers.losses.is_none() => own(&self.losses),
            Place::Losses => given("losses", buffers.losses),
            Place::Loss => given("loss", Some(buffers.loss)),
            Place::Scores => given("scores", Some(buffers.scores)),
            Place::Grad => given("grad", buffers.grad),
            Place::Targets => given("targets", Some(buffers.targets)),
            Place::Indices => given("target_indices", buffers.target_indices),
            Place::Upstream => given("upstream", buffers.upstream),
            Place::ElementWeights => given("element_weights", buffers.element_weights),
            Place::Lse => given("lse", buffers.lse),
            Place::Argmax => given("argmax", buffers.argmax),
        }
    }

    /// A span of the caller's slice, checked against both ends.
    fn part<'a>(&self, what: &'static str, slice: Slice<'a>, span: Span) -> Result<wgpu::BufferBinding<'a>> {
        let alignment = u64::from(self.context.limits.min_storage_buffer_offset_alignment);
        if !slice.offset.is_multiple_of(alignment) {
            let problem =
                format!("offset {} is not a multiple of {alignment}, which this device asks for", slice.offset);
            return Err(Error::Buffer { what, problem });
        }
        let room = slice.buffer.size().saturating_sub(slice.offset);
        let size = slice.size.unwrap_or(room);
        if size > room {
            let problem =
                format!("{size} bytes from offset {} do not fit its {} bytes", slice.offset, slice.buffer.size());
            return Err(Error::Buffer { what, problem });
        }
        let needed = span.offset + span.size;
        if needed > size {
            return Err(Error::Buffer { what, problem: format!("{size} bytes given, {needed} needed") });
        }
        let size = if span.size == 0 { size - span.offset } else { span.size };
        Ok(wgpu::BufferBinding {
            buffer: slice.buffer,
            offset: slice.offset + span.offset,
            size: wgpu::BufferSize::new(size),
        })
    }
}
