//! One-call batches: host arrays to the device, a plan run, results back.

use std::sync::{Mutex, PoisonError};

use ndarray::Dimension;

use super::host_arrays::{HostArrays, fits_indices, layout, write};
use super::places::Places;
use super::results::{collect, empty, take};
use super::{GpuLoss, Options, units};
use crate::batch::check::{check_shapes, check_values};
use crate::batch::{Batch, Element, Output, Targets};
use crate::device::{Wait, guarded, read};
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::loss::Spec;
use crate::plan::{Buffers, HostFinish, Plan, Region, STATUS_BYTES, scaled_sum, sum};

/// A plan with the buffers that its host batches pass through.
#[derive(Debug)]
pub(super) struct HostPlan {
    plan: Plan,
    options: Options,
    /// What the host does of it.
    host_finish: Option<HostFinish>,
    /// Buffers of calls that are over, for the next.
    idle: Mutex<Vec<Workspace>>,
}

impl HostPlan {
    pub(super) fn new(plan: Plan, options: Options) -> Self {
        HostPlan { host_finish: plan.host_finish(), plan, options, idle: Mutex::new(Vec::new()) }
    }

    /// Of which the device does everything: to test its kernels.
    pub(super) fn device_only(plan: Plan, options: Options) -> Self {
        HostPlan { host_finish: None, ..Self::new(plan, options) }
    }

    pub(super) fn fits(&self, spec: &Spec, layout: &Layout, options: Options) -> bool {
        self.options == options && self.plan.layout() == layout && self.plan.spec() == spec
    }
}

/// The device buffers of one call, and the staging buffer that its results are read from.
#[derive(Debug)]
struct Workspace {
    scores: wgpu::Buffer,
    targets: wgpu::Buffer,
    indices: Option<wgpu::Buffer>,
    upstream: Option<wgpu::Buffer>,
    entropy_upstream: Option<wgpu::Buffer>,
    element_weights: Option<wgpu::Buffer>,
    /// Everything that comes back, part by part.
    results: wgpu::Buffer,
    staging: wgpu::Buffer,
    index_bytes: u64,
}

impl GpuLoss {
    /// A batch as a whole, by one plan: each half of a symmetric one is such a batch.
    pub(super) async fn run_plain<T: Element, D: Dimension>(
        &self,
        spec: &Spec,
        batch: &Batch<'_, T, D>,
        wait: Wait,
    ) -> Result<Output<T, D>> {
        let (host, layout) = self.prepared(spec, batch)?;
        if layout.shape.rows() == 0 {
            return Ok(empty(spec, batch));
        }
        if let Some((spec, unit)) = units::near_one(spec, batch) {
            let plan = self.host_plan(&spec, &layout).await?;
            return Ok(units::back(self.run_on(&plan, &spec, batch, &host, wait).await?, unit));
        }
        let plan = self.host_plan(spec, &layout).await?;
        self.run_on(&plan, spec, batch, &host, wait).await
    }

    /// Checks a batch; its arrays as bytes, and the layout of a plan for it.
    pub(super) fn prepared<'a, T: Element, D: Dimension>(
        &self,
        spec: &Spec,
        batch: &'a Batch<'_, T, D>,
    ) -> Result<(HostArrays<'a>, Layout)> {
        let shape = check_shapes(spec, batch)?;
        let layout = layout(batch, shape);
        // Before any value is looked at or copied: a view may have more of them than any memory.
        if shape.rows() > 0 {
            layout.check(spec)?;
            layout.fits(&self.context.limits, spec)?;
            fits_indices(&batch.targets, &layout, self.context.limits.max_buffer_size)?;
        }
        check_values(spec, batch)?;
        self.context.check_alive()?;
        let host = HostArrays::new(batch);
        let longest_list = self.longest_list(batch, layout.longest_list)?;
        let layout = Layout { longest_list, missing_labels: batch.targets.have_missing(), ..layout };
        Ok((host, layout))
    }

    /// Runs a plan on the arrays of a batch.
    pub(super) async fn run_on<T: Element, D: Dimension>(
        &self,
        plan: &HostPlan,
        spec: &Spec,
        batch: &Batch<'_, T, D>,
        host: &HostArrays<'_>,
        wait: Wait,
    ) -> Result<Output<T, D>> {
        let layout = *plan.plan.layout();
        let scales = match &plan.host_finish {
            Some(host_finish) => Some(host_finish.scales(spec, layout.shape.classes, &batch.targets)?),
            None => None,
        };
        let places = Places::new(
            spec,
            &layout,
            plan.host_finish.as_ref(),
            u64::from(self.context.limits.min_storage_buffer_offset_alignment),
        );
        let workspace = self.workspace_for(plan, host, &places).await?;
        self.write_batch(&workspace, host).await?;
        let results = &workspace.results;
        // Without a scan, few kernels write a status.
        let untouched = scales.is_some() && !spec.kind.takes_probabilities() && !layout.outputs.correct;
        let clear = |encoder: &mut wgpu::CommandEncoder| {
            if !untouched {
                encoder.clear_buffer(results, places.status, Some(STATUS_BYTES));
            }
        };
        let fetch = |encoder: &mut wgpu::CommandEncoder| {
            if let (Some(at), true) = (places.grad, layout.in_place) {
                encoder.copy_buffer_to_buffer(&workspace.scores, 0, results, at, workspace.scores.size());
            }
            encoder.copy_buffer_to_buffer(results, 0, &workspace.staging, 0, places.results);
            if places.total > places.results {
                let (sums, bytes) = (plan.plan.partial_sums(), places.total - places.results);
                encoder.copy_buffer_to_buffer(sums, 0, &workspace.staging, places.results, bytes);
            }
        };
        let buffers = workspace.buffers(&places, &layout, spec);
        let submission = plan.plan.submit_around(&buffers, plan.host_finish.as_ref().zip(scales), clear, fetch).await?;
        let output = read(&self.context, &workspace.staging, places.total, submission, wait, |bytes| {
            let summed = plan.host_finish.zip(scales).map(|(host_finish, scales)| {
                let values: Vec<f32> = take(bytes, places.values.unwrap_or_default(), host_finish.values());
                if spec.kind.per_row() { scaled_sum(&values, scales.loss) } else { sum(&values) }
            });
            collect(spec, batch, &layout, &places, bytes, summed)
        })
        .await?;
        plan.idle.lock().unwrap_or_else(PoisonError::into_inner).push(workspace);
        output
    }

    /// A workspace of a call that is over, or a new one.
    async fn workspace_for(&self, plan: &HostPlan, host: &HostArrays<'_>, places: &Places) -> Result<Workspace> {
        let idle = plan.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle.filter(|w| w.index_bytes == host.indices.len() as u64) {
            Some(workspace) => Ok(workspace),
            None => self.workspace(host, places, plan.plan.layout().in_place).await,
        }
    }

    /// Sends the arrays of a batch to the device.
    async fn write_batch(&self, workspace: &Workspace, host: &HostArrays<'_>) -> Result<()> {
        guarded(&self.context, "writing a batch", || {
            let queue = &self.context.queue;
            write(queue, &workspace.scores, &host.scores);
            write(queue, &workspace.targets, &host.targets);
            for (buffer, bytes) in [
                (&workspace.indices, &host.indices),
                (&workspace.upstream, &host.upstream),
                (&workspace.entropy_upstream, &host.entropy_upstream),
                (&workspace.element_weights, &host.element_weights),
            ] {
                if let Some(buffer) = buffer {
                    write(queue, buffer, bytes);
                }
            }
        })
        .await
    }

    /// What to expect of class lists on a device whose loops are limited: in steps, so that few plans are made.
    fn longest_list<T: Element, D: Dimension>(&self, batch: &Batch<'_, T, D>, expected: usize) -> Result<usize> {
        const MOST: usize = 60_000;
        let (Targets::Lists { offsets, .. }, Some(limit)) =
            (&batch.targets, self.context.profile.llvmpipe.turns_of_loops)
        else {
            return Ok(expected);
        };
        let offsets: Vec<i64> = offsets.iter().collect();
        let longest = offsets.windows(2).map(|pair| pair[1].abs_diff(pair[0])).max().unwrap_or_default() as usize;
        if longest > MOST {
            let what = format!("a class list of {longest} classes on {}", self.context.info.name);
            return Err(Error::Limit {
                limit: "number of turns of loops in one invocation",
                got: limit,
                needed: longest as u64 + limit - MOST as u64,
                what,
            });
        }
        Ok(longest.next_power_of_two().clamp(expected, MOST))
    }

    async fn workspace(&self, host: &HostArrays<'_>, places: &Places, in_place: bool) -> Result<Workspace> {
        let largest = [host.scores.len(), host.targets.len(), host.indices.len(), host.element_weights.len()];
        let largest = largest.into_iter().max().unwrap_or_default() as u64;
        let limit = self.context.limits.max_buffer_size;
        if largest.max(places.total) > limit {
            return Err(Error::Limit {
                limit: "max_buffer_size",
                got: limit,
                needed: largest.max(places.total),
                what: "this batch in one buffer".to_owned(),
            });
        }
        guarded(&self.context, "reserving a batch's buffers", || {
            let buffer = |label, bytes: usize, usage| {
                self.context.device.create_buffer(&wgpu::BufferDescriptor {
                    label: Some(label),
                    size: (bytes as u64).next_multiple_of(16).max(16),
                    usage,
                    mapped_at_creation: false,
                })
            };
            let input = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
            let read_back = if in_place { wgpu::BufferUsages::COPY_SRC } else { wgpu::BufferUsages::empty() };
            let some = |label, bytes: &[u8], given: bool| given.then(|| buffer(label, bytes.len(), input));
            Workspace {
                scores: buffer("gpu-loss scores", host.scores.len(), input | read_back),
                targets: buffer("gpu-loss targets", host.targets.len(), input),
                indices: some("gpu-loss target indices", &host.indices, host.has_indices),
                upstream: some("gpu-loss upstream", &host.upstream, !host.upstream.is_empty()),
                entropy_upstream: some(
                    "gpu-loss entropy upstream",
                    &host.entropy_upstream,
                    !host.entropy_upstream.is_empty(),
                ),
                element_weights: some(
                    "gpu-loss element weights",
                    &host.element_weights,
                    !host.element_weights.is_empty(),
                ),
                results: buffer("gpu-loss results", places.results as usize, input | wgpu::BufferUsages::COPY_SRC),
                staging: buffer(
                    "gpu-loss staging",
                    places.total as usize,
                    wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                ),
                index_bytes: host.indices.len() as u64,
            }
        })
        .await
    }
}

impl Workspace {
    fn buffers(&self, places: &Places, layout: &Layout, spec: &Spec) -> Buffers<'_> {
        let rows = layout.shape.rows() as u64 * 4;
        let elements = layout.shape.elements() as u64;
        let part = |offset: u64, size: u64| Region::new(&self.results, offset, size);
        let losses = if spec.kind.per_row() { rows } else { elements * 4 };
        let grad = places.grad.filter(|_| !layout.in_place);
        Buffers::new(&self.scores, &self.targets)
            .target_indices(self.indices.as_ref())
            .element_weights(self.element_weights.as_ref())
            .upstream(self.upstream.as_ref())
            .entropy_upstream(self.entropy_upstream.as_ref())
            .grad(grad.map(|at| part(at, layout.grad_bytes().next_multiple_of(16))))
            .loss(part(places.loss, 4))
            .status(part(places.status, STATUS_BYTES))
            .losses(places.losses.map(|at| part(at, losses.next_multiple_of(16))))
            .lse(places.lse.map(|at| part(at, rows)))
            .argmax(places.argmax.map(|at| part(at, rows)))
            .log_prob(places.log_prob.map(|at| part(at, rows)))
            .entropy(places.entropy.map(|at| part(at, rows)))
            .rank(places.rank.map(|at| part(at, rows)))
            .grad_class_bias(places.grad_class_bias.map(|at| part(at, layout.shape.classes as u64 * 4)))
    }
}
