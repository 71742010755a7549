//! What a linear plan dispatches, one thing after another.

use std::sync::Arc;

use super::kernel::{LinearKernel, LinearKernels};
use super::layout::LinearLayout;
use super::product::{Product, ProductKernel};
use super::slabs::Slabs;
use super::slot::{Part, Slot};
use crate::device::Context;
use crate::error::{Error, Result};
use crate::kernel::Params;
#[cfg(any(test, feature = "export"))]
use crate::kernel::{bindings, declared};
use crate::layout::IntegerType;
use crate::loss::Spec;
#[cfg(any(test, feature = "export"))]
use crate::plan::describe::{ListedBinding, ListedDispatch};

/// One step of a plan.
#[derive(Debug)]
pub(crate) enum Step {
    Kernel(KernelStep),
    /// The loss of a chunk, by the plan of this number.
    Loss(usize),
    /// The merge of row statistics.
    Merge,
    /// Where a long submission may be cut.
    Cut,
}

/// One dispatch.
#[derive(Debug)]
pub(crate) struct KernelStep {
    pub(crate) kernel: Arc<LinearKernel>,
    pub(crate) bindings: Vec<(u32, Slot, Part)>,
    pub(crate) groups: (u32, u32),
}

/// Number of the binding that [`Params`] are bound to, and of what a kernel of this folder is told.
const PARAMS: u32 = 0;
pub(super) const TOLD: u32 = 20;

/// A dispatch before its kernel is built.
pub(crate) struct Draft<'a> {
    pub(crate) label: String,
    pub(crate) source: String,
    pub(crate) constants: Vec<(&'static str, f64)>,
    /// What it is told, as bytes of a uniform buffer.
    pub(crate) told: Vec<u8>,
    pub(crate) bindings: &'a [(u32, Slot, Part)],
    pub(crate) groups: (u32, u32),
}

#[cfg(any(test, feature = "export"))]
impl Draft<'_> {
    /// The kernel as data.
    fn listed(self) -> ListedDispatch {
        let constants = declared(&self.source, &self.constants);
        let found = bindings(&self.source).into_iter();
        let listed = |(binding, uniform)| ListedBinding { binding, uniform, buffer: "linear", offset: 0, size: None };
        ListedDispatch {
            label: self.label,
            bindings: found.map(listed).collect(),
            wgsl: self.source,
            subgroups: false,
            constants,
            workgroups: self.groups,
        }
    }
}

/// Steps while they are made.
pub(crate) struct Steps<'a> {
    pub(crate) context: &'a Context,
    pub(crate) kernels: &'a LinearKernels,
    pub(crate) spec: &'a Spec,
    pub(crate) layout: &'a LinearLayout,
    pub(crate) slabs: Slabs,
    /// Everything that kernels are told.
    pub(crate) tasks: Vec<u8>,
    pub(crate) steps: Vec<Step>,
    /// Where kernels are only listed, and nothing is built.
    #[cfg(any(test, feature = "export"))]
    pub(crate) listed: Option<Vec<ListedDispatch>>,
}

impl Steps<'_> {
    /// Puts what a kernel is told where a uniform buffer may be bound.
    fn told(&mut self, bytes: &[u8]) -> Part {
        let alignment = self.context.limits.min_uniform_buffer_offset_alignment as usize;
        self.tasks.resize(self.tasks.len().next_multiple_of(alignment), 0);
        let offset = self.tasks.len() as u64;
        self.tasks.extend_from_slice(bytes);
        self.tasks.resize(self.tasks.len().next_multiple_of(16), 0);
        Part { offset, size: (bytes.len() as u64).next_multiple_of(16) }
    }

    /// Builds a kernel, and adds its dispatch.
    pub(crate) async fn push(&mut self, draft: Draft<'_>) -> Result<()> {
        #[cfg(any(test, feature = "export"))]
        if let Some(listed) = &mut self.listed {
            listed.push(draft.listed());
            return Ok(());
        }
        let kernel = self.kernels.get(self.context, &draft.label, draft.source, &draft.constants).await?;
        let mut bindings = Vec::with_capacity(kernel.bindings.len());
        for binding in kernel.bindings.clone() {
            let given = draft.bindings.iter().find(|(number, ..)| *number == binding);
            let (slot, part) = match (binding, given) {
                (PARAMS, _) => (Slot::Tasks, self.told(bytemuck::bytes_of(&self.params()))),
                (TOLD, _) => (Slot::Tasks, self.told(&draft.told)),
                (_, Some((_, slot, part))) => (*slot, *part),
                // Declared by a piece, but not used.
                (_, None) => (Slot::Nothing, Part::default()),
            };
            bindings.push((binding, slot, part));
        }
        let widest = self.context.limits.max_compute_workgroups_per_dimension;
        if draft.groups.0.max(draft.groups.1) > widest {
            let (got, needed) = (u64::from(widest), u64::from(draft.groups.0.max(draft.groups.1)));
            return Err(Error::Limit { limit: "max_compute_workgroups_per_dimension", got, needed, what: draft.label });
        }
        self.steps.push(Step::Kernel(KernelStep { kernel, bindings, groups: draft.groups }));
        Ok(())
    }

    /// Adds a product.
    pub(crate) async fn product(
        &mut self,
        kernel: ProductKernel,
        mut product: Product,
        bindings: &[(u32, Slot, Part)],
    ) -> Result<()> {
        let turns = kernel.tile.turns(u64::from(product.depth)) * u64::from(product.strip.max(1));
        if let Some(limit) = self.context.profile.llvmpipe.turns_of_loops.filter(|limit| turns > *limit) {
            let what = format!("a product over a depth of {} on {}", product.depth, self.context.info.name);
            let limit_name = "number of turns of loops in one invocation";
            return Err(Error::Limit { limit: limit_name, got: limit, needed: turns, what });
        }
        let groups = product.groups(kernel.tile);
        let groups = match product.strip {
            0 => groups,
            strip if product.rows_first == 1 => (groups.0, groups.1.div_ceil(strip)),
            strip => (groups.0.div_ceil(strip), groups.1),
        };
        let mut constants = kernel.constants();
        constants.extend(self.label_constants());
        let told = bytemuck::bytes_of(&product).to_vec();
        let (label, source) = (kernel.label(), kernel.source());
        self.push(Draft { label, source, constants, told, bindings, groups }).await
    }

    /// What the pieces of losses are told.
    fn params(&self) -> Params {
        let (spec, layout) = (self.spec, self.layout);
        let ignored = spec.ignore_index.unwrap_or_default();
        Params {
            rows: layout.rows as u32,
            classes: layout.vocabulary as u32,
            all_classes: layout.vocabulary as u32,
            inner: 1,
            ignore_low: ignored as u32,
            ignore_high: (ignored >> 32) as u32,
            infinity: f32::INFINITY.to_bits(),
            nan: f32::NAN.to_bits(),
            smoothing: spec.label_smoothing,
            background: match spec.label_smoothing {
                0.0 => 0.0,
                smoothing => ((f64::from(smoothing) / layout.vocabulary as f64) as f32).max(f32::MIN_POSITIVE),
            },
            z_loss: spec.z_loss,
            logit_scale: spec.logit_scale,
            softcap: spec.softcap.map_or(1.0, |cap| cap.max(f32::MIN_POSITIVE)),
            ..Params::default()
        }
    }

    /// The constants of pieces that read labels.
    pub(crate) fn label_constants(&self) -> Vec<(&'static str, f64)> {
        let (spec, integers) = (self.spec, self.layout.integers);
        let flag = |on: bool| f64::from(u8::from(on));
        vec![
            ("TARGET_WORDS", f64::from(integers.words())),
            ("TARGET_SIGNED", flag(integers == IntegerType::I32)),
            ("HAS_IGNORE", flag(spec.ignore_index.is_some())),
        ]
    }

    /// The part of a matrix of the batch that a chunk's lines take, begun where the device lets a binding begin, and the
    /// element at which they begin in it.
    pub(crate) fn lines(&self, first: u64, lines: u64, length: u64, size: u64) -> (Part, u32) {
        let alignment = u64::from(self.context.limits.min_storage_buffer_offset_alignment).max(16);
        let begin = first * length * size;
        let offset = begin / alignment * alignment;
        let end = ((first + lines) * length * size).next_multiple_of(16);
        (Part { offset, size: end - offset }, ((begin - offset) / size) as u32)
    }
}
