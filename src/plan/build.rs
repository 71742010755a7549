//! Making a plan: kernels built, scratch reserved.

use std::sync::{Arc, Mutex, OnceLock};

use super::{HostFinish, Plan, PlanBuffers, Scratch, Step};
use crate::batch::check::{suits, suits_entropy};
use crate::device::{Context, guarded};
use crate::error::{Error, Result};
use crate::kernel::{Params, bindings, declared};
use crate::layout::{Layout, STATISTICS_BYTES};
use crate::loss::Spec;
use crate::schedule::{Dispatch, Schedule, Scheduler, Sizes, Strategy, TRUE_PART_BYTES, VERDICT_BYTES, choose};

/// Makes a plan.
pub(crate) async fn build(
    context: &Arc<Context>,
    spec: &Spec,
    layout: &Layout,
    forced: Option<Strategy>,
) -> Result<Plan> {
    build_suiting(None, context, spec, layout, forced).await
}

/// Makes a plan with the kernels that serve a batch of other sizes, if any are given.
pub(crate) async fn build_suiting(
    sizes: Option<Sizes>,
    context: &Arc<Context>,
    spec: &Spec,
    layout: &Layout,
    forced: Option<Strategy>,
) -> Result<Plan> {
    let scheduler = checked(context, spec, layout, forced)?;
    let scheduler = match sizes {
        Some(sizes) => scheduler.suiting(sizes),
        None => scheduler,
    };
    let schedule = scheduler.dispatches()?;
    let stride = params_stride(context);
    let mut steps = Vec::with_capacity(schedule.dispatches.len());
    for (i, dispatch) in schedule.dispatches.iter().enumerate() {
        steps.push(step(context, dispatch, i as u64 * stride).await?);
    }
    let own = scratch_buffers(&scheduler, &schedule).await?;
    let host_finish = HostFinish::of(&scheduler, &schedule);
    Ok(Plan {
        context: Arc::clone(context),
        spec: spec.clone(),
        layout: *layout,
        strategy: scheduler.strategy,
        steps,
        own,
        host_finish,
        bound: Mutex::default(),
        turn: Mutex::default(),
    })
}

/// Who schedules what, once nothing is wrong with it.
pub(super) fn checked<'a>(
    context: &'a Context,
    spec: &'a Spec,
    layout: &'a Layout,
    forced: Option<Strategy>,
) -> Result<Scheduler<'a>> {
    layout.check(spec)?;
    layout.fits(&context.limits, spec)?;
    spec.check(layout.all_classes())?;
    suits(spec, layout.targets, layout.element_weights, layout.outputs)?;
    suits_entropy(spec, layout.targets, layout.outputs, layout.entropy_upstream)?;
    let strategy = choose(context, spec.kind, layout, forced)?;
    Ok(Scheduler::new(context, spec, layout, strategy))
}

async fn step(context: &Context, dispatch: &Dispatch, params_at: u64) -> Result<Step> {
    let label = dispatch.kernel.label();
    let source = context.injection.altered(&label, dispatch.kernel.source());
    let found = bindings(&source);
    let storage = found.iter().filter(|(_, uniform)| !uniform).count() as u64;
    let limit = u64::from(context.limits.max_storage_buffers_per_shader_stage);
    if storage > limit {
        return Err(Error::Limit {
            limit: "max_storage_buffers_per_shader_stage",
            got: limit,
            needed: storage,
            what: format!("{label} with these options and outputs"),
        });
    }
    let constants = declared(&source, &dispatch.constants);
    let kernel = context.kernel(&label, &source, &constants, &found).await?;
    let bindings = found
        .iter()
        .map(|(binding, _)| {
            let (slot, range) = dispatch.slot(*binding);
            (*binding, slot, range)
        })
        .collect();
    let groups = grid(context, dispatch.groups);
    Ok(Step { kernel, label, bindings, params_at, groups, elements: dispatch.elements })
}

/// Workgroups in two dimensions, each within the device's limit.
pub(super) fn grid(context: &Context, groups: u64) -> (u32, u32) {
    let widest = u64::from(context.limits.max_compute_workgroups_per_dimension);
    let width = groups.min(widest).max(1);
    (width as u32, groups.div_ceil(width).max(1) as u32)
}

fn params_stride(context: &Context) -> u64 {
    size_of::<Params>().next_multiple_of(context.limits.min_uniform_buffer_offset_alignment as usize) as u64
}

async fn scratch_buffers(scheduler: &Scheduler<'_>, schedule: &Schedule) -> Result<PlanBuffers> {
    let (context, layout) = (scheduler.context, scheduler.layout);
    let stride = params_stride(context) as usize;
    let mut params = vec![0_u8; stride * schedule.dispatches.len()];
    for (slot, dispatch) in params.chunks_mut(stride).zip(&schedule.dispatches) {
        slot[..size_of::<Params>()].copy_from_slice(bytemuck::bytes_of(&dispatch.params));
    }
    let rows = layout.shape.rows() as u64;
    let losses = if scheduler.spec.kind.per_row() && layout.writes_loss() { rows } else { 0 };
    let row_statistics = match schedule.splits > 0 && !layout.statistics {
        true => rows * STATISTICS_BYTES,
        false if scheduler.keeps_verdicts() => rows * VERDICT_BYTES,
        false => 0,
    };
    let (weights, bias) = (scheduler.weights(), scheduler.spec.class_bias.as_deref());
    let true_parts = if scheduler.keeps_true_parts() { rows * schedule.splits * TRUE_PART_BYTES } else { 0 };
    let storage = wgpu::BufferUsages::STORAGE;
    guarded(context, "reserving a plan's buffers", || {
        let buffer = |label, size: u64, usage| {
            context.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size: size.next_multiple_of(16).max(16),
                usage: usage | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        let work = Scratch {
            scales: buffer("gpu-loss scalars", 16, wgpu::BufferUsages::UNIFORM | storage),
            status: buffer("gpu-loss status", 32, storage | wgpu::BufferUsages::COPY_SRC),
            losses: buffer("gpu-loss losses", losses * 4, storage),
            scratch: buffer("gpu-loss scratch", schedule.scratch, storage | wgpu::BufferUsages::COPY_SRC),
            sums: buffer("gpu-loss sums", schedule.sums, storage),
            splits: buffer("gpu-loss parts", rows * schedule.splits * STATISTICS_BYTES, storage),
            true_parts: buffer("gpu-loss true classes", true_parts, storage),
            class_sums: buffer("gpu-loss class sums", schedule.class_sums, storage),
            row_statistics: buffer("gpu-loss records", row_statistics, storage),
        };
        let own = PlanBuffers {
            params: buffer("gpu-loss params", params.len() as u64, wgpu::BufferUsages::UNIFORM),
            class_weights: weights.map(|w| buffer("gpu-loss class weights", w.len() as u64 * 4, storage)),
            class_bias: bias.map(|b| buffer("gpu-loss class bias", b.len() as u64 * 4, storage)),
            work,
            apart: OnceLock::new(),
        };
        let queue = &context.queue;
        queue.write_buffer(&own.params, 0, &params);
        for (buffer, values) in [(&own.class_weights, weights), (&own.class_bias, bias)] {
            if let (Some(buffer), Some(values)) = (buffer, values) {
                queue.write_buffer(buffer, 0, bytemuck::cast_slice(values));
            }
        }
        own
    })
    .await
}
