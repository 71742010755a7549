//! A linear plan: its buffers, and its recording.

use std::sync::{Arc, Mutex, PoisonError};

use super::buffers::{LinearBuffers, check, part};
use super::layout::LinearLayout;
use super::slot::{Part, Slot};
use super::steps::{KernelStep, Step};
use crate::device::{Context, guarded, guarded_now};
use crate::error::Result;
use crate::layout::Upstream;
use crate::loss::Spec;
use crate::plan::{Buffers, Plan};

/// A linear layer and its loss made ready for one shape on one device: made by
/// [`GpuLoss::plan_linear`](crate::GpuLoss::plan_linear), recorded by [`encode`](Self::encode) as often as you like.
#[derive(Debug)]
pub struct LinearPlan {
    pub(crate) context: Arc<Context>,
    pub(crate) spec: Spec,
    pub(crate) layout: LinearLayout,
    pub(crate) chunk_rows: u64,
    pub(crate) steps: Vec<Step>,
    /// The plans of a whole chunk and of the last one, or the merge of an evaluation.
    pub(crate) losses: Vec<Plan>,
    pub(crate) own: Vec<(Slot, wgpu::Buffer)>,
    pub(crate) bound: Mutex<Option<Bound>>,
}

/// The bind groups over one set of the caller's buffers.
#[derive(Debug)]
pub(crate) struct Bound {
    buffers: Vec<Option<(wgpu::Buffer, u64, Option<u64>)>>,
    groups: Arc<[wgpu::BindGroup]>,
}

fn identity(buffers: &LinearBuffers<'_>) -> Vec<Option<(wgpu::Buffer, u64, Option<u64>)>> {
    buffers.all().iter().map(|(.., given)| given.map(|b| (b.buffer.clone(), b.offset, b.size))).collect()
}

impl LinearPlan {
    /// What the plan was made for.
    #[must_use]
    pub fn layout(&self) -> &LinearLayout {
        &self.layout
    }

    /// Rows whose logits exist at once; 0 in an evaluation, which keeps none.
    #[must_use]
    pub fn chunk_rows(&self) -> usize {
        self.chunk_rows as usize
    }

    /// Bytes of all device buffers of the plan's own: a chunk's logits, and what is O(N) beside them.
    #[must_use]
    pub fn scratch_bytes(&self) -> u64 {
        let own: u64 = self.own.iter().map(|(_, buffer)| buffer.size()).sum();
        own + self.losses.iter().map(Plan::scratch_bytes).sum::<u64>()
    }

    /// Records the plan: no submit, no readback, no waiting. The bind groups of the last set of buffers are kept, and with
    /// them the buffers.
    ///
    /// # Errors
    /// [`Error::Buffer`](crate::Error::Buffer) for a buffer that is missing, not asked for, misaligned, too small or
    /// overlapping; the device's own errors. Nothing is then submitted.
    pub fn encode(&self, encoder: &mut wgpu::CommandEncoder, buffers: &LinearBuffers<'_>) -> Result<()> {
        let groups = self.bind(buffers)?;
        self.record(encoder, buffers, &groups, 0..self.steps.len())
    }

    /// Encodes and submits, each chunk in a submission of its own, short enough for a desktop driver's watchdog. Run one
    /// submission of a plan at a time: its scratch is one.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn submit(&self, buffers: &LinearBuffers<'_>) -> Result<wgpu::SubmissionIndex> {
        let groups = self.bind(buffers)?;
        let mut from = 0;
        loop {
            let cut = self.steps.iter().skip(from).position(|step| matches!(step, Step::Cut));
            let to = cut.map_or(self.steps.len(), |cut| from + cut + 1);
            let mut encoder = self.context.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            self.record(&mut encoder, buffers, &groups, from..to)?;
            let submission = guarded_now(&self.context, "submitting a linear plan", || {
                self.context.queue.submit([encoder.finish()])
            })?;
            from = to;
            if from == self.steps.len() {
                return Ok(submission);
            }
        }
    }

    /// Lets go of the buffers that the last encoding named.
    pub fn forget_buffers(&self) {
        *self.bound.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.losses.iter().for_each(Plan::forget_buffers);
    }

    fn record(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        buffers: &LinearBuffers<'_>,
        groups: &[wgpu::BindGroup],
        steps: std::ops::Range<usize>,
    ) -> Result<()> {
        let before = self.steps.iter().take(steps.start).filter(|step| matches!(step, Step::Kernel(_))).count();
        let mut groups = groups.iter().skip(before);
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: Some("gpu-loss linear"),
            timestamp_writes: None,
        });
        for step in self.steps.iter().take(steps.end).skip(steps.start) {
            match step {
                Step::Cut => {}
                Step::Kernel(step) => {
                    pass.set_pipeline(&step.kernel.pipeline);
                    pass.set_bind_group(0, groups.next(), &[]);
                    pass.dispatch_workgroups(step.groups.0, step.groups.1, 1);
                }
                Step::Loss(number) => {
                    if let Some(plan) = self.losses.get(*number) {
                        plan.encode_in(&mut pass, &self.chunk_buffers(buffers)?)?;
                    }
                }
                Step::Merge => {
                    if let Some(plan) = self.losses.first() {
                        plan.encode_in(&mut pass, &self.merge_buffers(buffers)?)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// One of the plan's own buffers.
    pub(crate) fn own(&self, slot: Slot) -> Result<&wgpu::Buffer> {
        let found = self.own.iter().find(|(other, _)| *other == slot);
        found.map(|(_, buffer)| buffer).ok_or_else(|| crate::Error::Buffer {
            what: "of the plan's own",
            problem: format!("{slot:?} was not reserved, which is a fault of this crate"),
        })
    }

    /// The bind groups of all kernels over these buffers.
    fn bind(&self, buffers: &LinearBuffers<'_>) -> Result<Arc<[wgpu::BindGroup]>> {
        let identity = identity(buffers);
        let mut bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bound) = bound.as_ref().filter(|bound| bound.buffers == identity) {
            return Ok(Arc::clone(&bound.groups));
        }
        check(&self.context, &self.layout, &self.spec, buffers)?;
        let made: Result<Vec<wgpu::BindGroup>> = guarded_now(&self.context, "binding a linear plan's buffers", || {
            let kernels = self.steps.iter().filter_map(|step| match step {
                Step::Kernel(step) => Some(step),
                _ => None,
            });
            kernels.map(|step| self.bind_step(step, buffers)).collect()
        })?;
        let groups: Arc<[wgpu::BindGroup]> = made?.into();
        *bound = Some(Bound { buffers: identity, groups: Arc::clone(&groups) });
        Ok(groups)
    }

    fn bind_step(&self, step: &KernelStep, buffers: &LinearBuffers<'_>) -> Result<wgpu::BindGroup> {
        let mut entries = Vec::with_capacity(step.bindings.len());
        for (binding, slot, range) in &step.bindings {
            let resource = wgpu::BindingResource::Buffer(self.resolve(*slot, *range, buffers)?);
            entries.push(wgpu::BindGroupEntry { binding: *binding, resource });
        }
        Ok(self.context.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("gpu-loss linear"),
            layout: &step.kernel.layout,
            entries: &entries,
        }))
    }

    fn resolve<'a>(&'a self, slot: Slot, range: Part, buffers: &LinearBuffers<'a>) -> Result<wgpu::BufferBinding<'a>> {
        match buffers.get(slot) {
            Some(given) => Ok(part(slot, range, &self.layout, &self.spec, given)),
            None => {
                let buffer = self.own(slot)?;
                Ok(wgpu::BufferBinding { buffer, offset: range.offset, size: wgpu::BufferSize::new(range.size) })
            }
        }
    }

    /// What the loss of a chunk reads and writes.
    fn chunk_buffers<'a>(&'a self, buffers: &LinearBuffers<'a>) -> Result<Buffers<'a>> {
        let layout = &self.layout;
        let mut chunk = Buffers::new(self.own(Slot::Logits)?, self.own(Slot::ChunkLabels)?)
            .loss(self.own(Slot::Nothing)?)
            .losses(self.own(Slot::ChunkLosses)?);
        if self.is_mean() {
            chunk = chunk.denominator(self.own(Slot::Divisor)?);
        }
        if layout.lse {
            chunk = chunk.lse(self.own(Slot::ChunkLse)?);
        }
        if layout.argmax || layout.correct {
            chunk = chunk.argmax(self.own(Slot::ChunkArgmax)?);
        }
        match layout.upstream {
            Upstream::One => {}
            Upstream::PerLoss => chunk = chunk.upstream(self.own(Slot::ChunkUpstream)?),
            Upstream::Scalar => chunk = chunk.upstream(buffers.upstream),
        }
        Ok(chunk)
    }

    /// What the merge of an evaluation reads and writes.
    fn merge_buffers<'a>(&'a self, buffers: &LinearBuffers<'a>) -> Result<Buffers<'a>> {
        // A merge reads no scores.
        let merge = Buffers::new(self.own(Slot::Nothing)?, buffers.targets)
            .shards(self.own(Slot::Records)?)
            .statistics(self.own(Slot::Merged)?)
            .loss(buffers.loss)
            .losses(buffers.losses)
            .lse(buffers.lse)
            .argmax(buffers.argmax)
            .denominator(buffers.denominator);
        Ok(match buffers.status {
            Some(status) => merge.status(status),
            None => merge.status(self.own(Slot::Status)?),
        })
    }

    fn is_mean(&self) -> bool {
        matches!(self.spec.reduction, crate::Reduction::Mean | crate::Reduction::BatchMean)
    }
}

/// Reserves a plan's own buffers, of so many bytes each.
pub(crate) async fn reserve(
    context: &Context,
    sizes: &[(Slot, u64)],
    tasks: &[u8],
    weights: Option<&[f32]>,
) -> Result<Vec<(Slot, wgpu::Buffer)>> {
    guarded(context, "reserving a linear plan's buffers", || {
        let buffer = |slot: Slot, bytes: u64| {
            let usage = if slot == Slot::Tasks { wgpu::BufferUsages::UNIFORM } else { wgpu::BufferUsages::STORAGE };
            context.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(&format!("gpu-loss linear {slot:?}")),
                size: bytes.next_multiple_of(16).max(16),
                usage: usage | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC,
                mapped_at_creation: false,
            })
        };
        let own: Vec<(Slot, wgpu::Buffer)> = sizes.iter().map(|(slot, bytes)| (*slot, buffer(*slot, *bytes))).collect();
        for (slot, buffer) in &own {
            match (slot, weights) {
                (Slot::Tasks, _) => context.queue.write_buffer(buffer, 0, tasks),
                (Slot::ClassWeights, Some(weights)) => {
                    context.queue.write_buffer(buffer, 0, bytemuck::cast_slice(weights));
                }
                _ => {}
            }
        }
        own
    })
    .await
}
