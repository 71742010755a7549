//! What a plan would do, in the terms of WebGPU: enough for another implementation to do the same.

use super::build::grid;
use super::draft::{Dispatch, Draft, Drafted};
use super::layout::{Layout, STATISTICS_BYTES};
use super::params::Params;
use super::shader::{bindings, declared};
use super::strategy::choose;
use super::{Place, STATUS_BYTES, Strategy};
use crate::check::suits;
use crate::error::Result;
use crate::gpu::Context;
use crate::loss::Spec;

/// A plan's dispatches as data: any WebGPU implementation can run them, in order, over buffers of its own.
///
/// Made by [`GpuLoss::describe`](crate::GpuLoss::describe); `gpu-loss shaders` writes it to files.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// Who walks a row.
    pub strategy: Strategy,
    /// The buffers that the dispatches name. All begin as zeros, or as their contents.
    pub buffers: Vec<ProgramBuffer>,
    /// What is dispatched, one after another.
    pub dispatches: Vec<ProgramDispatch>,
}

/// A buffer of a [`Program`].
#[derive(Debug, Clone, PartialEq)]
pub struct ProgramBuffer {
    /// Its name; the caller's are those of the fields of [`Buffers`](crate::Buffers).
    pub name: &'static str,
    /// Its size in bytes, a multiple of 16; 0 where it follows from what the caller brings (indices of lists).
    pub size: u64,
    /// What it begins with: parameters and class weights. Inputs are the caller's to write.
    pub contents: Option<Vec<u8>>,
}

/// One dispatch of a [`Program`].
#[derive(Debug, Clone, PartialEq)]
pub struct ProgramDispatch {
    /// What the kernel is, for logs.
    pub label: String,
    /// The kernel, plain WGSL as Tint takes it: with `enable subgroups;` at its head where it has subgroup operations.
    pub wgsl: String,
    /// Whether it has subgroup operations.
    pub subgroups: bool,
    /// The values of the overrides that it declares.
    pub constants: Vec<(&'static str, f64)>,
    /// What the bindings of group 0 are bound to.
    pub bindings: Vec<ProgramBinding>,
    /// Workgroups in x and y.
    pub workgroups: (u32, u32),
}

/// What a binding of a [`ProgramDispatch`] is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgramBinding {
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
pub(crate) fn describe(context: &Context, spec: &Spec, layout: &Layout, forced: Option<Strategy>) -> Result<Program> {
    layout.check(spec)?;
    layout.fits(&context.limits, spec)?;
    spec.check(layout.all_classes())?;
    suits(spec, layout.targets, layout.element_weights, layout.want)?;
    let strategy = choose(context, spec.kind, layout, forced)?;
    let draft = Draft::new(context, spec, layout, strategy).portable();
    let drafted = draft.dispatches()?;
    let dispatches: Vec<ProgramDispatch> =
        drafted.dispatches.iter().enumerate().map(|(at, dispatch)| described(context, dispatch, at)).collect();
    let mut names: Vec<&str> = dispatches.iter().flat_map(|d| d.bindings.iter().map(|b| b.buffer)).collect();
    names.sort_unstable();
    names.dedup();
    let buffers = Place::ALL.into_iter().filter(|place| names.contains(&place.name())).map(|place| {
        let contents = match place {
            Place::Params => Some(parameters(&drafted)),
            Place::ClassWeights => draft.weights().map(|weights| bytemuck::cast_slice(weights).to_vec()),
            _ => None,
        };
        let size = contents.as_ref().map_or_else(|| size(place, layout, spec, &drafted), |bytes| bytes.len() as u64);
        ProgramBuffer { name: place.name(), size: size.next_multiple_of(16), contents }
    });
    Ok(Program { strategy, buffers: buffers.collect(), dispatches })
}

fn described(context: &Context, dispatch: &Dispatch, at: usize) -> ProgramDispatch {
    let source = dispatch.recipe.source();
    let constants = declared(&source, &dispatch.constants);
    let bindings = bindings(&source)
        .into_iter()
        .map(|(binding, uniform)| {
            let (place, span) = dispatch.place(binding);
            let (offset, size) = match place {
                Place::Params => (at as u64 * PARAMS_STRIDE, size_of::<Params>() as u64),
                _ => (span.offset, span.size),
            };
            ProgramBinding { binding, uniform, buffer: place.name(), offset, size: (size > 0).then_some(size) }
        })
        .collect();
    let subgroups = source.contains("subgroup_invocation_id");
    let wgsl = if subgroups { format!("{SUBGROUPS}{source}") } else { source };
    let workgroups = grid(context, dispatch.groups);
    ProgramDispatch { label: dispatch.recipe.label(), wgsl, subgroups, constants, bindings, workgroups }
}

/// Bytes from one dispatch's parameters to the next: the largest alignment that WebGPU lets a device ask for.
const PARAMS_STRIDE: u64 = 256;

fn parameters(drafted: &Drafted) -> Vec<u8> {
    let mut bytes = vec![0; PARAMS_STRIDE as usize * drafted.dispatches.len()];
    for (place, dispatch) in bytes.chunks_mut(PARAMS_STRIDE as usize).zip(&drafted.dispatches) {
        place[..size_of::<Params>()].copy_from_slice(bytemuck::bytes_of(&dispatch.params));
    }
    bytes
}

/// Bytes of a buffer without contents of its own.
fn size(place: Place, layout: &Layout, spec: &Spec, drafted: &Drafted) -> u64 {
    let rows = layout.shape.rows() as u64;
    let elements = layout.shape.elements() as u64;
    let losses = if spec.kind.per_row() { rows } else { elements };
    let integers = u64::from(layout.integers.words()) * 4;
    match place {
        Place::Params | Place::ClassWeights | Place::Indices => 0,
        Place::Scalars | Place::Loss | Place::Denominator => 16,
        Place::Scratch => drafted.scratch.max(16),
        Place::Sums => drafted.sums.max(16),
        Place::Parts => (rows * drafted.parts * STATISTICS_BYTES).max(16),
        Place::Records | Place::Statistics => rows * STATISTICS_BYTES,
        Place::Shards => match layout.mode {
            super::Mode::Merge { shards } => u64::from(shards) * rows * STATISTICS_BYTES,
            _ => 0,
        },
        Place::Status => STATUS_BYTES,
        Place::Losses => losses * 4,
        Place::Scores => layout.scores_bytes(),
        Place::Grad => layout.grad_bytes(),
        Place::Targets => match layout.targets {
            crate::TargetForm::Classes => rows * integers,
            crate::TargetForm::Lists => (rows + 1) * integers,
            crate::TargetForm::MultiHot => elements,
            crate::TargetForm::Probabilities => elements * 4,
        },
        Place::Upstream => losses * 4,
        Place::ElementWeights => elements * 4,
        Place::Lse | Place::Argmax => rows * 4,
    }
}

impl Place {
    const ALL: [Place; 21] = [
        Place::Params,
        Place::Scalars,
        Place::ClassWeights,
        Place::Scratch,
        Place::Sums,
        Place::Parts,
        Place::Records,
        Place::Status,
        Place::Losses,
        Place::Loss,
        Place::Scores,
        Place::Grad,
        Place::Targets,
        Place::Indices,
        Place::Upstream,
        Place::ElementWeights,
        Place::Lse,
        Place::Argmax,
        Place::Statistics,
        Place::Shards,
        Place::Denominator,
    ];

    fn name(self) -> &'static str {
        match self {
            Place::Params => "params",
            Place::Scalars => "scalars",
            Place::ClassWeights => "class_weights",
            Place::Scratch => "scratch",
            Place::Sums => "sums",
            Place::Parts => "parts",
            Place::Records => "records",
            Place::Status => "status",
            Place::Losses => "losses",
            Place::Loss => "loss",
            Place::Scores => "scores",
            Place::Grad => "grad",
            Place::Targets => "targets",
            Place::Indices => "target_indices",
            Place::Upstream => "upstream",
            Place::ElementWeights => "element_weights",
            Place::Lse => "lse",
            Place::Argmax => "argmax",
            Place::Statistics => "statistics",
            Place::Shards => "shards",
            Place::Denominator => "denominator",
        }
    }
}
