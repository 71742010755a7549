//! Recording a plan's dispatches over the caller's buffers.

use std::sync::{Arc, PoisonError};

use super::{Buffers, Place, Plan, Scales, Share, Step};
use crate::error::Result;
use crate::gpu::{guarded, guarded_now};

/// Sets of buffers whose bind groups a plan keeps.
const KEPT: usize = 4;
/// Elements that one submission takes at most, so that no driver takes it for a hang: a slow adapter does a hundred
/// million a second.
const ELEMENTS_A_SUBMISSION: u64 = 1 << 26;

/// The sets of buffers that a plan was encoded over most recently, with their bind groups.
#[derive(Debug, Default)]
pub(super) struct BoundSets(Vec<BoundSet>);

#[derive(Debug)]
struct BoundSet {
    buffers: [Option<(wgpu::Buffer, u64, Option<u64>)>; 14],
    groups: Arc<[wgpu::BindGroup]>,
}

impl BoundSet {
    fn is(&self, buffers: &Buffers<'_>) -> bool {
        self.buffers.iter().zip(buffers.all()).all(|(kept, given)| match (kept, given) {
            (None, None) => true,
            (Some((buffer, offset, size)), Some(slice)) => {
                buffer == slice.buffer && *offset == slice.offset && *size == slice.size
            }
            _ => false,
        })
    }
}

impl Plan {
    /// Records the plan's dispatches: no submit, no readback, no waiting.
    ///
    /// The bind groups of the last four sets of buffers are kept, and with them the buffers: see
    /// [`forget_buffers`](Self::forget_buffers). Labels that mean nothing are counted in the status, which is never
    /// cleared here: see [`read_status`](Self::read_status).
    ///
    /// # Errors
    /// [`Error::Buffer`](crate::Error::Buffer) if a buffer that the plan needs is missing, misaligned or too small;
    /// nothing is then recorded. [`Error::DeviceLost`](crate::Error::DeviceLost).
    pub fn encode(&self, encoder: &mut wgpu::CommandEncoder, buffers: &Buffers<'_>) -> Result<()> {
        guarded_now(&self.context, "encoding a plan", || {
            let groups = self.bound(buffers)?;
            self.record_alone(encoder, &groups, 0..self.steps.len());
            Ok(())
        })?
    }

    /// As [`encode`](Self::encode), into an open compute pass; its pipeline and first bind group are then the plan's.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_in(&self, pass: &mut wgpu::ComputePass<'_>, buffers: &Buffers<'_>) -> Result<()> {
        guarded_now(&self.context, "encoding a plan", || {
            let groups = self.bound(buffers)?;
            self.record(pass, &groups, 0..self.steps.len());
            Ok(())
        })?
    }

    /// Encodes and submits, large batches in several submissions, each short enough for a desktop driver's watchdog.
    ///
    /// # Errors
    /// As [`encode`](Self::encode), and the device's own errors.
    pub async fn submit(&self, buffers: &Buffers<'_>) -> Result<wgpu::SubmissionIndex> {
        self.submit_around(buffers, None, |_| {}, |_| {}).await
    }

    /// As [`submit`](Self::submit), with commands before the first dispatch and behind the last, and without what the host
    /// does by itself.
    pub(crate) async fn submit_around(
        &self,
        buffers: &Buffers<'_>,
        shared: Option<(&Share, Scales)>,
        before: impl FnOnce(&mut wgpu::CommandEncoder),
        behind: impl FnOnce(&mut wgpu::CommandEncoder),
    ) -> Result<wgpu::SubmissionIndex> {
        guarded(&self.context, "submitting a plan", || {
            let groups = self.bound(buffers)?;
            // Several submissions share the plan's scratch: those of another thread must not come between.
            let mut written = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            let steps = self.steps_beside(shared.map(|(share, _)| share));
            match shared.map(|(_, scales)| scales) {
                Some(scales) if *written == Some(scales) => {}
                scales => {
                    *written = scales;
                    scales.iter().for_each(|scales| self.write_scales(*scales));
                }
            }
            let encoder = || self.context.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            let mut current = encoder();
            before(&mut current);
            let (mut first, mut elements) = (steps.start, 0);
            for at in steps.clone() {
                let step = &self.steps[at];
                if at > first && elements + step.elements > ELEMENTS_A_SUBMISSION {
                    self.record_alone(&mut current, &groups, first..at);
                    self.context.queue.submit([std::mem::replace(&mut current, encoder()).finish()]);
                    (first, elements) = (at, 0);
                }
                elements += step.elements;
            }
            self.record_alone(&mut current, &groups, first..steps.end);
            behind(&mut current);
            Ok(self.context.queue.submit([current.finish()]))
        })
        .await?
    }

    /// Lets go of the buffers that earlier encodings named, so that dropping them frees their memory.
    pub fn forget_buffers(&self) {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner).0.clear();
    }

    /// Records steps in a compute pass of their own.
    fn record_alone(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        groups: &[wgpu::BindGroup],
        steps: std::ops::Range<usize>,
    ) {
        let mut pass = encoder
            .begin_compute_pass(&wgpu::ComputePassDescriptor { label: Some("gpu-loss"), timestamp_writes: None });
        self.record(&mut pass, groups, steps);
    }

    fn record(&self, pass: &mut wgpu::ComputePass<'_>, groups: &[wgpu::BindGroup], steps: std::ops::Range<usize>) {
        for (step, group) in self.steps[steps.clone()].iter().zip(&groups[steps]) {
            pass.set_pipeline(&step.kernel.pipeline);
            pass.set_bind_group(0, group, &[]);
            pass.dispatch_workgroups(step.groups.0, step.groups.1, 1);
        }
    }

    /// The bind groups over these buffers, remembered or made.
    fn bound(&self, buffers: &Buffers<'_>) -> Result<Arc<[wgpu::BindGroup]>> {
        {
            let sets = &mut self.bound.lock().unwrap_or_else(PoisonError::into_inner).0;
            if let Some(at) = sets.iter().position(|set| set.is(buffers)) {
                sets[..=at].rotate_right(1);
                return Ok(Arc::clone(&sets[0].groups));
            }
        }
        let groups: Arc<[wgpu::BindGroup]> =
            self.steps.iter().map(|step| self.bind(step, buffers)).collect::<Result<_>>()?;
        let kept = buffers.all().map(|slice| slice.map(|s| (s.buffer.clone(), s.offset, s.size)));
        let sets = &mut self.bound.lock().unwrap_or_else(PoisonError::into_inner).0;
        sets.truncate(KEPT - 1);
        sets.insert(0, BoundSet { buffers: kept, groups: Arc::clone(&groups) });
        Ok(groups)
    }

    fn bind(&self, step: &Step, buffers: &Buffers<'_>) -> Result<wgpu::BindGroup> {
        let entries = step
            .bindings
            .iter()
            .map(|(binding, place, span)| {
                let mut part = self.resolve(*place, *span, buffers)?;
                if *place == Place::Params {
                    part.offset = step.params_at;
                    part.size = wgpu::BufferSize::new(size_of::<super::params::Params>() as u64);
                }
                Ok(wgpu::BindGroupEntry { binding: *binding, resource: wgpu::BindingResource::Buffer(part) })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(self.context.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(&step.label),
            layout: &step.kernel.layout,
            entries: &entries,
        }))
    }
}
