//! The pass over the targets: label check, and what losses and gradients are multiplied by.

use super::{Schedule, Scheduler, VERDICT_BYTES, flag};
use crate::batch::TargetForm;
use crate::kernel::{ByteRange, KernelSpec, Params, Slot, Traversal};
use crate::layout::{Mode, Upstream};
use crate::loss::Reduction;

/// Threads of a target scan: enough to keep a GPU busy, few enough for one workgroup to merge.
const THREADS: u64 = 8192;
/// Invocations of its workgroups.
pub(super) const GROUP: u64 = 64;
/// Listed classes that one of them goes through.
const LISTED_A_THREAD: u64 = 32_768;
/// Labels that the workgroup which merges can go through by itself.
pub(super) const FEW: u64 = 4096;
/// Bytes of what one of them finds.
pub(super) const PART: u64 = 16;

impl Scheduler<'_> {
    /// Whether anything is scheduled before the scores: targets to go through, a denominator or an upstream gradient to
    /// put into the scales, a count of correct rows to begin anew.
    pub(super) fn scans(&self) -> bool {
        let layout = self.layout;
        let targets = match layout.targets {
            TargetForm::Classes | TargetForm::Lists => !self.rows_tell(),
            TargetForm::MultiHot | TargetForm::Probabilities | TargetForm::Logits => self.mean_is_scanned(),
        };
        targets || layout.denominator || layout.upstream == Upstream::Scalar || layout.outputs.correct
    }

    /// Whether the mean divides by what the scan of the targets counts.
    pub(crate) fn mean_is_scanned(&self) -> bool {
        let counted = match self.layout.targets {
            // Without ignored or weighted rows, a mean over rows is over all of them.
            TargetForm::Classes => {
                !self.spec.kind.per_row() || self.spec.ignore_index.is_some() || self.spec.class_weights.is_some()
            }
            _ => self.layout.missing_labels,
        };
        counted && self.spec.reduction == Reduction::Mean && self.spec.denominator.is_none() && !self.layout.denominator
    }

    /// Whether rows tell by themselves that their label or list means nothing, so that no scan goes through the targets:
    /// where nothing is to be counted among them, and the status is one buffer not too many.
    pub(crate) fn rows_tell(&self) -> bool {
        let layout = self.layout;
        matches!(layout.targets, TargetForm::Classes | TargetForm::Lists)
            && self.traversal != Traversal::Element
            && layout.mode != Mode::Statistics
            && !self.mean_is_scanned()
            && (layout.outputs.correct || self.storage_buffers() < self.most_storage_buffers())
    }

    /// Storage buffers that a kernel over the scores has, the status apart.
    fn storage_buffers(&self) -> u64 {
        let (layout, spec, outputs) = (self.layout, self.spec, self.layout.outputs);
        let optional = [
            layout.writes_grad() && !layout.in_place,
            layout.targets == TargetForm::Lists,
            spec.class_weights.is_some(),
            spec.class_bias.is_some(),
            layout.upstream == Upstream::PerLoss,
            layout.entropy_upstream,
            layout.statistics || layout.mode != Mode::Whole,
            layout.writes_loss(),
            outputs.lse,
            outputs.argmax,
            outputs.log_prob,
            outputs.entropy,
            outputs.rank,
        ];
        // Scores and targets.
        2 + optional.into_iter().filter(|on| *on).count() as u64
    }

    fn most_storage_buffers(&self) -> u64 {
        // What every WebGPU device has.
        if self.portable { 8 } else { u64::from(self.context.limits.max_storage_buffers_per_shader_stage) }
    }

    /// Whether the scan keeps which lists are bad: traversals along rows find out by themselves.
    pub(crate) fn keeps_verdicts(&self) -> bool {
        self.layout.targets == TargetForm::Lists && self.traversal == Traversal::Element
    }

    /// Scans labels or lists, and puts scales and status in place; for few labels in one go.
    pub(super) fn scan(&self, schedule: &mut Schedule) {
        let rows = self.layout.shape.rows() as u64;
        let weighted = self.spec.class_weights.is_some();
        let wide = self.wide_integers();
        let (partials, labels) = match self.layout.targets {
            _ if self.rows_tell() => (0, None),
            TargetForm::Classes if self.sizes.few_labels => (rows, Some(weighted)),
            TargetForm::Classes => {
                (self.scan_rows(schedule, KernelSpec::ScanLabels { weighted, wide: wide.targets }), None)
            }
            TargetForm::Lists => {
                (self.scan_rows(schedule, KernelSpec::ScanLists { wide, verdicts: self.keeps_verdicts() }), None)
            }
            TargetForm::MultiHot if self.mean_is_scanned() => (self.scan_bytes(schedule), None),
            TargetForm::MultiHot | TargetForm::Probabilities | TargetForm::Logits => (0, None),
        };
        schedule.scratch = schedule.scratch.max(partials * PART);
        let scanned = self.mean_is_scanned();
        // Known labels are counted as weights.
        let weights = self.spec.kind.per_row() || self.layout.missing_labels;
        let upstream = self.layout.upstream == Upstream::Scalar;
        let kernel = KernelSpec::ScanFinish { denominator: self.layout.denominator, upstream, labels };
        let mut dispatch = self.dispatch(kernel, Params { count_of_values: partials as u32, ..self.params() }, 1);
        dispatch.constants = self.integer_constants();
        dispatch.constants.extend([
            ("OVER_WEIGHTS", flag(scanned && weights)),
            ("OVER_VALID", flag(scanned && !weights)),
            ("GIVEN_DENOMINATOR", flag(self.layout.denominator)),
        ]);
        if labels.is_some() {
            dispatch.ranges.push((Slot::Targets, self.target_row_range(0, rows)));
        }
        schedule.dispatches.push(dispatch);
    }

    /// Counts known labels among multi-hot bytes.
    fn scan_bytes(&self, schedule: &mut Schedule) -> u64 {
        let bytes = self.layout.shape.elements() as u64;
        let at_once = (self.context.binding_limit() / 256).saturating_sub(1).clamp(1, 1 << 22) * 256;
        let widest = u64::from(self.context.limits.max_compute_workgroups_per_dimension);
        // What all of them find is one binding of the workgroup that merges it.
        let most = self.context.binding_limit() / (bytes.div_ceil(at_once) * GROUP * PART).max(1);
        let mut partials = 0;
        for first in (0..bytes).step_by(at_once as usize) {
            let count = at_once.min(bytes - first);
            let groups = count.div_ceil(4 * GROUP).min(THREADS / GROUP).min(most).min(widest).max(1);
            let params = Params { elements: count as u32, first_partial: partials as u32, ..self.params() };
            let mut dispatch = self.dispatch(KernelSpec::ScanMultiHot, params, groups);
            dispatch.elements = count;
            let range = ByteRange { offset: first, size: count.next_multiple_of(16) };
            dispatch.ranges.push((Slot::Targets, range));
            schedule.dispatches.push(dispatch);
            partials += groups * GROUP;
        }
        partials
    }

    fn scan_rows(&self, schedule: &mut Schedule, kernel: KernelSpec) -> u64 {
        let rows = self.layout.shape.rows() as u64;
        let bytes = self.label_bytes();
        // The scans number their threads along x alone.
        let widest = u64::from(self.context.limits.max_compute_workgroups_per_dimension);
        let within = widest * GROUP * LISTED_A_THREAD / self.layout.list_classes().max(1) / 64 * 64;
        let at_once = (self.context.binding_limit() / bytes / 64).saturating_sub(2).max(1) * 64;
        let at_once = at_once.min(within.max(64));
        // What all of them find is one binding of the workgroup that merges it.
        let most = self.context.binding_limit() / (rows.div_ceil(at_once) * GROUP * PART).max(1);
        let mut partials = 0;
        for first in (0..rows).step_by(at_once as usize) {
            let count = at_once.min(rows - first);
            // The longer the lists, the fewer of them a thread.
            let threads = THREADS.max(count * self.layout.list_classes() / LISTED_A_THREAD);
            let groups = count.div_ceil(GROUP).min(threads.div_ceil(GROUP)).min(most).min(widest).max(1);
            let params = Params {
                rows: count as u32,
                window_row: first as u32,
                first_partial: partials as u32,
                ..self.params()
            };
            let mut dispatch = self.dispatch(kernel, params, groups);
            dispatch.elements = count;
            dispatch.constants = self.integer_constants();
            dispatch.ranges.push((Slot::Targets, self.target_row_range(first, count)));
            dispatch.ranges.push((Slot::RowStatistics, self.row_range(first, count, VERDICT_BYTES)));
            schedule.dispatches.push(dispatch);
            partials += groups * GROUP;
        }
        partials
    }
}
