//! What a plan would do, in the terms of WebGPU: enough for another implementation to do the same.

use super::build::{checked, grid};
use super::sizes::size_of_slot;
use crate::device::Context;
use crate::error::Result;
use crate::kernel::{Params, Slot, bindings, declared};
use crate::layout::{Layout, STATISTICS_BYTES};
use crate::loss::Spec;
use crate::schedule::{Dispatch, Schedule, Strategy, TRUE_PART_BYTES};

/// A plan's dispatches as data: any WebGPU implementation can run them, in order, over buffers of its own.
///
/// Made by [`GpuLoss::describe`](crate::GpuLoss::describe); `gpu-loss shaders` writes it to files.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DispatchList {
    /// Who takes a row.
    pub strategy: Strategy,
    /// The buffers that the dispatches name. All begin as zeros, or as their contents.
    pub buffers: Vec<ListedBuffer>,
    /// What is dispatched, one after another.
    pub dispatches: Vec<ListedDispatch>,
}

/// A buffer of a [`DispatchList`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ListedBuffer {
    /// Its name; the caller's are those of the fields of [`Buffers`](crate::Buffers).
    pub name: &'static str,
    /// Its size in bytes, a multiple of 16; 0 where it follows from what the caller brings (indices of lists).
    pub size: u64,
    /// What it begins with: parameters and class weights. Inputs are the caller's to write.
    pub contents: Option<Vec<u8>>,
}

/// One dispatch of a [`DispatchList`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ListedDispatch {
    /// What the kernel is, for logs.
    pub label: String,
    /// The kernel, plain WGSL as Tint takes it: with `enable subgroups;` at its head where it has subgroup operations.
    pub wgsl: String,
    /// Whether it has subgroup operations.
    pub subgroups: bool,
    /// The values of the overrides that it declares.
    pub constants: Vec<(&'static str, f64)>,
    /// What the bindings of group 0 are bound to.
    pub bindings: Vec<ListedBinding>,
    /// Workgroups in x and y.
    pub workgroups: (u32, u32),
}

/// What a binding of a [`ListedDispatch`] is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedBinding {
    /// Its number in group 0.
    pub binding: u32,
    /// Whether it is a uniform buffer; else it is a storage buffer, read and written.
    pub uniform: bool,
    /// The name of the buffer.
    pub buffer: &'static str,
    /// Where the bound range begins, in bytes.
    pub offset: u64,
    /// How many bytes it has; all the rest if absent.
    pub size: Option<u64>,
}

/// The entry point of every kernel.
pub const ENTRY_POINT: &str = "main";

/// What Tint asks for at the head of a kernel with subgroup operations. naga 30 knows neither line. Its uniformity
/// analysis takes a subgroup's number, by which rows are chosen, for one that differs within the subgroup.
const SUBGROUPS: &str = "enable subgroups;\ndiagnostic(off, subgroup_uniformity);\n\n";

/// Describes the plan of a loss on a layout, without building it.
pub(crate) fn describe(
    context: &Context,
    spec: &Spec,
    layout: &Layout,
    forced: Option<Strategy>,
) -> Result<DispatchList> {
    let scheduler = checked(context, spec, layout, forced)?.portable();
    let schedule = scheduler.dispatches()?;
    let dispatches: Vec<ListedDispatch> =
        schedule.dispatches.iter().enumerate().map(|(at, dispatch)| described(context, dispatch, at)).collect();
    let mut names: Vec<&str> = dispatches.iter().flat_map(|d| d.bindings.iter().map(|b| b.buffer)).collect();
    names.sort_unstable();
    names.dedup();
    let buffers = Slot::ALL.into_iter().filter(|slot| names.contains(&slot.name())).map(|slot| {
        let contents = match slot {
            Slot::Params => Some(parameters(&schedule)),
            Slot::ClassBias => spec.class_bias.as_ref().map(|bias| bytemuck::cast_slice(bias).to_vec()),
            Slot::ClassWeights => scheduler.weights().map(|weights| bytemuck::cast_slice(weights).to_vec()),
            _ => None,
        };
        let size = contents.as_ref().map_or_else(|| size(slot, layout, spec, &schedule), |bytes| bytes.len() as u64);
        ListedBuffer { name: slot.name(), size: size.next_multiple_of(16), contents }
    });
    Ok(DispatchList { strategy: scheduler.strategy, buffers: buffers.collect(), dispatches })
}

fn described(context: &Context, dispatch: &Dispatch, at: usize) -> ListedDispatch {
    let source = dispatch.kernel.source();
    let constants = declared(&source, &dispatch.constants);
    let bindings = bindings(&source)
        .into_iter()
        .map(|(binding, uniform)| {
            let (slot, range) = dispatch.slot(binding);
            let (offset, size) = match slot {
                Slot::Params => (at as u64 * PARAMS_STRIDE, size_of::<Params>() as u64),
                _ => (range.offset, range.size),
            };
            ListedBinding { binding, uniform, buffer: slot.name(), offset, size: (size > 0).then_some(size) }
        })
        .collect();
    let subgroups = source.contains("subgroup_invocation_id");
    let wgsl = if subgroups { format!("{SUBGROUPS}{source}") } else { source };
    let workgroups = grid(context, dispatch.groups);
    ListedDispatch { label: dispatch.kernel.label(), wgsl, subgroups, constants, bindings, workgroups }
}

/// Bytes from one dispatch's parameters to the next: the largest alignment that WebGPU lets a device ask for.
const PARAMS_STRIDE: u64 = 256;

fn parameters(schedule: &Schedule) -> Vec<u8> {
    let mut bytes = vec![0; PARAMS_STRIDE as usize * schedule.dispatches.len()];
    for (slot, dispatch) in bytes.chunks_mut(PARAMS_STRIDE as usize).zip(&schedule.dispatches) {
        slot[..size_of::<Params>()].copy_from_slice(bytemuck::bytes_of(&dispatch.params));
    }
    bytes
}

/// Bytes of a buffer without contents of its own.
fn size(slot: Slot, layout: &Layout, spec: &Spec, schedule: &Schedule) -> u64 {
    let rows = layout.shape.rows() as u64;
    match slot {
        Slot::Params | Slot::ClassWeights | Slot::ClassBias => 0,
        Slot::Scales | Slot::Loss | Slot::Denominator => 16,
        Slot::Scratch => schedule.scratch.max(16),
        Slot::Sums => schedule.sums.max(16),
        Slot::Splits => (rows * schedule.splits * STATISTICS_BYTES).max(16),
        Slot::RowStatistics => rows * STATISTICS_BYTES,
        Slot::TrueParts => (rows * schedule.splits * TRUE_PART_BYTES).max(16),
        Slot::ClassSums => schedule.class_sums.max(16),
        _ => size_of_slot(slot, layout, spec),
    }
}
