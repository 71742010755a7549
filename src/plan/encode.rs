//! Recording a plan's dispatches over the caller's buffers.

use std::ops::Range;
use std::sync::{Arc, PoisonError};

use super::status::CORRECT_ROWS_AT;
use super::{Buffers, HostFinish, Plan, Scales, Scratch, Step};
use crate::device::{guarded, guarded_now};
use crate::error::Result;
use crate::kernel::Slot;

/// Sets of buffers whose bind groups a plan keeps.
const KEPT: usize = 4;
/// The place of the targets among [`Buffers::all`].
const TARGETS_AT: usize = 1;
const BINDING: &str = "binding a plan's buffers";
/// Elements that one submission takes at most, so that no driver takes it for a hang: a slow adapter does a hundred
/// million a second.
const ELEMENTS_A_SUBMISSION: u64 = 1 << 26;

/// The sets of buffers that a plan was encoded over most recently, with their bind groups.
#[derive(Debug, Default)]
pub(super) struct BoundSets(Vec<BoundSet>);

/// A buffer that was bound, with its offset and size.
pub(super) type KeptRange = (wgpu::Buffer, u64, Option<u64>);

#[derive(Debug)]
struct BoundSet {
    /// Whether the plan's own buffers are those that stand apart.
    apart: bool,
    buffers: [Option<KeptRange>; 19],
    groups: Arc<[wgpu::BindGroup]>,
}

impl BoundSet {
    fn is(&self, buffers: &Buffers<'_>, apart: bool) -> bool {
        let alike = self.buffers.iter().zip(buffers.all()).all(|(kept, given)| match (kept, given) {
            (None, None) => true,
            (Some((buffer, offset, size)), Some(slice)) => {
                buffer == slice.buffer && *offset == slice.offset && *size == slice.size
            }
            _ => false,
        });
        alike && self.apart == apart
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
    /// [`Error::Buffer`](crate::Error::Buffer) if a buffer that the plan needs is missing, misaligned or too small, if one
    /// is given for an output that the plan does not write, or if one that is written overlaps another;
    /// [`Error::Device`](crate::Error::Device) for a buffer that is destroyed or another device's. Nothing is then
    /// recorded. [`Error::DeviceLost`](crate::Error::DeviceLost). A buffer that is destroyed after an encoding over it is
    /// told of by your submission, and wgpu tells devices apart within one `wgpu::Instance` alone: a buffer or an encoder of
    /// another instance may be taken for one of this device's.
    pub fn encode(&self, encoder: &mut wgpu::CommandEncoder, buffers: &Buffers<'_>) -> Result<()> {
        let groups = self.bound_now(buffers)?;
        guarded_now(&self.context, "encoding a plan", || self.record_alone(encoder, &groups, 0..self.steps.len()))
    }

    /// As [`encode`](Self::encode), into an open compute pass; its pipeline and first bind group are then the plan's.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_in(&self, pass: &mut wgpu::ComputePass<'_>, buffers: &Buffers<'_>) -> Result<()> {
        let groups = self.bound_now(buffers)?;
        guarded_now(&self.context, "encoding a plan", || self.record(pass, &groups, 0..self.steps.len()))
    }

    /// Encodes and submits, large batches in several submissions, each short enough for a desktop driver's watchdog. What
    /// else is made of the plan meanwhile does not disturb it: for several submissions the plan has scratch of its own,
    /// reserved the first time. Your buffers are yours: two runs at once need outputs of their own.
    ///
    /// # Errors
    /// As [`encode`](Self::encode), and the device's own errors.
    pub async fn submit(&self, buffers: &Buffers<'_>) -> Result<wgpu::SubmissionIndex> {
        let all = 0..self.steps.len();
        let apart = if self.piece(&all).end < all.end { Some(self.work_apart().await?) } else { None };
        self.submit_over(apart, buffers, None, |_| {}, |_| {}).await
    }

    /// As [`submit`](Self::submit) of a plan that is never encoded, with commands before the first dispatch and behind the
    /// last, and without what the host does by itself.
    pub(crate) async fn submit_around(
        &self,
        buffers: &Buffers<'_>,
        shared: Option<(&HostFinish, Scales)>,
        before: impl FnOnce(&mut wgpu::CommandEncoder),
        behind: impl FnOnce(&mut wgpu::CommandEncoder),
    ) -> Result<wgpu::SubmissionIndex> {
        self.submit_over(None, buffers, shared, before, behind).await
    }

    async fn submit_over(
        &self,
        apart: Option<&Scratch>,
        buffers: &Buffers<'_>,
        shared: Option<(&HostFinish, Scales)>,
        before: impl FnOnce(&mut wgpu::CommandEncoder),
        behind: impl FnOnce(&mut wgpu::CommandEncoder),
    ) -> Result<wgpu::SubmissionIndex> {
        let groups = match self.kept(buffers, apart.is_some()) {
            Some(groups) => groups,
            None => {
                let made = guarded(&self.context, BINDING, || self.bind_all(buffers, apart)).await??;
                self.keep(buffers, apart.is_some(), made)
            }
        };
        guarded(&self.context, "submitting a plan", || {
            // Pieces share scratch: those of another thread must not come between.
            let mut written = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
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
            let mut left = self.steps_beside(shared.map(|(host_finish, _)| host_finish));
            loop {
                let piece = self.piece(&left);
                left.start = piece.end;
                self.record_alone(&mut current, &groups, piece);
                if left.is_empty() {
                    break;
                }
                self.context.queue.submit([std::mem::replace(&mut current, encoder()).finish()]);
                let _ = self.context.injection.at("between pieces");
            }
            if let (Some(work), None) = (apart, buffers.status) {
                // The plan's own status tells of the last run, whatever it went over.
                let (from, to) = (&work.status, &self.own.work.status);
                current.copy_buffer_to_buffer(from, CORRECT_ROWS_AT, to, CORRECT_ROWS_AT, 4);
            }
            behind(&mut current);
            self.context.queue.submit([current.finish()])
        })
        .await
    }

    /// The first of these steps that one submission takes together.
    fn piece(&self, steps: &Range<usize>) -> Range<usize> {
        let most = self.context.injection.submission().unwrap_or(ELEMENTS_A_SUBMISSION);
        let mut elements = 0;
        let fits = |step: &&Step| {
            let first = elements == 0;
            elements += step.elements;
            first || elements <= most
        };
        let count = self.steps[steps.clone()].iter().take_while(fits).count();
        steps.start..steps.start + count
    }

    /// The scratch of submissions in pieces.
    async fn work_apart(&self) -> Result<&Scratch> {
        if let Some(work) = self.own.apart.get() {
            return Ok(work);
        }
        let context = &self.context;
        let work = guarded(context, "reserving a plan's buffers", || self.own.work.another(&context.device)).await?;
        // Another thread's may have been there first.
        Ok(self.own.apart.get_or_init(|| work))
    }

    /// Lets go of the buffers that earlier encodings named, so that dropping them frees their memory.
    pub fn forget_buffers(&self) {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner).0.clear();
    }

    /// The targets of recent encodings, the last one first.
    pub(super) fn recent_targets(&self) -> Vec<KeptRange> {
        let sets = &self.bound.lock().unwrap_or_else(PoisonError::into_inner).0;
        sets.iter().filter_map(|set| set.buffers.get(TARGETS_AT).cloned().flatten()).collect()
    }

    /// Records steps in a compute pass of their own.
    fn record_alone(&self, encoder: &mut wgpu::CommandEncoder, groups: &[wgpu::BindGroup], steps: Range<usize>) {
        let mut pass = encoder
            .begin_compute_pass(&wgpu::ComputePassDescriptor { label: Some("gpu-loss"), timestamp_writes: None });
        self.record(&mut pass, groups, steps);
    }

    fn record(&self, pass: &mut wgpu::ComputePass<'_>, groups: &[wgpu::BindGroup], steps: Range<usize>) {
        for (step, group) in self.steps[steps.clone()].iter().zip(&groups[steps]) {
            pass.set_pipeline(&step.kernel.pipeline);
            pass.set_bind_group(0, group, &[]);
            pass.dispatch_workgroups(step.groups.0, step.groups.1, 1);
        }
    }

    /// The bind groups over these buffers, remembered or made.
    fn bound_now(&self, buffers: &Buffers<'_>) -> Result<Arc<[wgpu::BindGroup]>> {
        if let Some(groups) = self.kept(buffers, false) {
            return Ok(groups);
        }
        let made = guarded_now(&self.context, BINDING, || self.bind_all(buffers, None))??;
        Ok(self.keep(buffers, false, made))
    }

    /// The bind groups over these buffers, if they were made before.
    fn kept(&self, buffers: &Buffers<'_>, apart: bool) -> Option<Arc<[wgpu::BindGroup]>> {
        let sets = &mut self.bound.lock().unwrap_or_else(PoisonError::into_inner).0;
        let at = sets.iter().position(|set| set.is(buffers, apart))?;
        sets[..=at].rotate_right(1);
        sets.first().map(|set| Arc::clone(&set.groups))
    }

    /// Remembers bind groups that the device did not complain about.
    fn keep(&self, buffers: &Buffers<'_>, apart: bool, groups: Arc<[wgpu::BindGroup]>) -> Arc<[wgpu::BindGroup]> {
        let kept = buffers.all().map(|slice| slice.map(|s| (s.buffer.clone(), s.offset, s.size)));
        let sets = &mut self.bound.lock().unwrap_or_else(PoisonError::into_inner).0;
        sets.truncate(KEPT - 1);
        sets.insert(0, BoundSet { apart, buffers: kept, groups: Arc::clone(&groups) });
        groups
    }

    /// Checks the caller's buffers and makes the bind groups over them.
    fn bind_all(&self, buffers: &Buffers<'_>, apart: Option<&Scratch>) -> Result<Arc<[wgpu::BindGroup]>> {
        self.check_outputs(buffers)?;
        self.check_ranges(buffers)?;
        let work = apart.unwrap_or(&self.own.work);
        self.steps.iter().map(|step| self.bind(step, buffers, work)).collect()
    }

    fn bind(&self, step: &Step, buffers: &Buffers<'_>, work: &Scratch) -> Result<wgpu::BindGroup> {
        let entries = step
            .bindings
            .iter()
            .map(|(binding, slot, range)| {
                let mut part = self.resolve(*slot, *range, buffers, work)?;
                if *slot == Slot::Params {
                    part.offset = step.params_at;
                    part.size = wgpu::BufferSize::new(size_of::<crate::kernel::Params>() as u64);
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
