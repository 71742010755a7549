//! What a schedule moves: bytes that its dispatches read and write of each buffer, each pass over a buffer by itself. What a
//! cache still holds of a pass when the same dispatch comes by again (a true class's score, the vector around it) counts once.

use super::scan::{GROUP, PART};
use super::{Dispatch, Schedule, Scheduler, TRUE_PART_BYTES, VERDICT_BYTES};
use crate::batch::TargetForm;
use crate::kernel::{Grad, KernelSpec, LossKernel, MergeKernel, Pass, Slot, Traversal};
use crate::layout::STATISTICS_BYTES;

/// Bytes that are read and written at a binding.
#[derive(Debug, Clone, Copy)]
struct Moved {
    binding: u32,
    read: u64,
    written: u64,
}

fn read(binding: u32, bytes: u64) -> Moved {
    Moved { binding, read: bytes, written: 0 }
}

fn written(binding: u32, bytes: u64) -> Moved {
    Moved { binding, read: 0, written: bytes }
}

impl Scheduler<'_> {
    /// Bytes read and written, by buffer, in the order in which buffers are first met.
    pub(crate) fn traffic(&self, schedule: &Schedule) -> Vec<(Slot, u64, u64)> {
        let mut all: Vec<(Slot, u64, u64)> = Vec::new();
        for dispatch in &schedule.dispatches {
            for moved in self.moved(dispatch).into_iter().filter(|moved| moved.read + moved.written > 0) {
                let (slot, _) = dispatch.slot(moved.binding);
                match all.iter_mut().find(|(other, ..)| *other == slot) {
                    Some((_, read, written)) => {
                        *read += moved.read;
                        *written += moved.written;
                    }
                    None => all.push((slot, moved.read, moved.written)),
                }
            }
        }
        all
    }

    fn moved(&self, dispatch: &Dispatch) -> Vec<Moved> {
        let params = &dispatch.params;
        let (rows, classes, values) =
            (u64::from(params.rows), u64::from(params.classes), u64::from(params.count_of_values));
        let found = written(13, dispatch.groups * GROUP * PART);
        match &dispatch.kernel {
            KernelSpec::ScanLabels { .. } => vec![read(4, self.targets_by_row(rows)), found],
            KernelSpec::ScanLists { verdicts, .. } => {
                let verdicts = written(18, if *verdicts { rows * VERDICT_BYTES } else { 0 });
                vec![read(4, self.targets_by_row(rows)), found, verdicts]
            }
            KernelSpec::ScanMultiHot => vec![read(4, u64::from(params.elements)), found],
            KernelSpec::ScanFinish { labels, .. } => {
                let targets =
                    if labels.is_some() { read(4, values * self.label_bytes()) } else { read(13, values * PART) };
                vec![targets, written(14, 12)]
            }
            KernelSpec::Merge(merge) => self.moved_by_merge(merge, rows, u64::from(params.splits)),
            KernelSpec::Sum { .. } => vec![read(8, values * 4), written(13, dispatch.groups * 4)],
            KernelSpec::ClassSums => {
                let blocks = rows.div_ceil(values.max(1));
                vec![read(3, rows * classes * self.score_bytes()), written(13, blocks * classes * 4)]
            }
            KernelSpec::ClassSumsFinish => vec![read(13, values * classes * 4), written(25, classes * 4)],
            KernelSpec::Loss(kernel) if kernel.traversal == Traversal::Element => {
                self.moved_by_elements(kernel, dispatch)
            }
            KernelSpec::Loss(kernel) => self.moved_by_rows(kernel, dispatch),
        }
    }

    fn moved_by_rows(&self, kernel: &LossKernel, dispatch: &Dispatch) -> Vec<Moved> {
        let params = &dispatch.params;
        let (rows, splits) = (u64::from(params.rows), u64::from(params.splits).max(1));
        let elements = rows * u64::from(params.classes);
        let resident = kernel.is_resident();
        let grad = kernel.grad != Grad::Nowhere;
        // Statistics, and the gradient if scores did not stay. Distillation's losses near the teacher take one more, as they come.
        let over_scores = match kernel.pass {
            Pass::Whole => 1 + u64::from(grad && !resident),
            Pass::Split | Pass::Gradient => 1,
        };
        // M is counted before; the greatest target is looked for behind.
        let over_dense = over_scores
            + u64::from(kernel.targets == TargetForm::MultiHot && !matches!(kernel.traversal, Traversal::FourRows(_)))
            + u64::from(kernel.extras.correct);
        let targets = match kernel.targets.is_dense() {
            true => over_dense * elements * self.dense_bytes(),
            false => self.targets_by_row(rows),
        };
        let mut all = vec![read(2, over_scores * elements * self.score_bytes()), read(4, targets)];
        all.extend(self.moved_beside(kernel));
        if grad {
            let binding = if kernel.grad == Grad::InPlace { 2 } else { 3 };
            all.push(written(binding, elements * self.score_bytes()));
        }
        all.extend(match kernel.pass {
            Pass::Whole => results(&kernel.extras, rows),
            Pass::Split => {
                let parts = if kernel.extras.true_parts { TRUE_PART_BYTES } else { 0 };
                vec![written(15, rows * splits * STATISTICS_BYTES), written(24, rows * splits * parts)]
            }
            Pass::Gradient => vec![read(16, rows * STATISTICS_BYTES)],
        });
        all.push(read(7, if kernel.extras.upstream { rows * 4 } else { 0 }));
        all.push(read(23, if kernel.extras.entropy_upstream { rows * 4 } else { 0 }));
        all
    }

    fn moved_by_elements(&self, kernel: &LossKernel, dispatch: &Dispatch) -> Vec<Moved> {
        let elements = u64::from(dispatch.params.elements);
        let rows = u64::from(dispatch.params.rows);
        let targets = match kernel.targets.is_dense() {
            true => elements * self.dense_bytes(),
            false => self.targets_by_row(rows),
        };
        let mut all = vec![read(2, elements * self.score_bytes()), read(4, targets)];
        all.extend(self.moved_beside(kernel));
        let binding = if kernel.grad == Grad::InPlace { 2 } else { 3 };
        all.push(written(binding, if kernel.grad == Grad::Nowhere { 0 } else { elements * self.score_bytes() }));
        all.push(written(8, if self.layout.outputs.hands_out_losses(self.spec) { elements * 4 } else { 0 }));
        all.push(written(13, elements.div_ceil(super::ELEMENT_BLOCK) * 4));
        all.push(read(7, if kernel.extras.upstream { elements * 4 } else { 0 }));
        all.push(read(11, if kernel.extras.element_weights { elements * 4 } else { 0 }));
        all
    }

    /// What has one number a class.
    fn moved_beside(&self, kernel: &LossKernel) -> [Moved; 2] {
        let classes = 4 * self.layout.shape.classes as u64;
        [read(6, if kernel.weighted { classes } else { 0 }), read(19, if kernel.options.bias { classes } else { 0 })]
    }

    fn moved_by_merge(&self, merge: &MergeKernel, rows: u64, splits: u64) -> Vec<Moved> {
        let labels = if merge.targets.is_dense() { 0 } else { self.targets_by_row(rows) };
        let parts = if merge.extras.true_parts { TRUE_PART_BYTES } else { 0 };
        let mut all =
            vec![read(15, rows * splits * STATISTICS_BYTES), read(24, rows * splits * parts), read(4, labels)];
        all.extend(results(&merge.extras, rows));
        all
    }

    /// Bytes of labels or list offsets.
    fn targets_by_row(&self, rows: u64) -> u64 {
        self.target_entries(rows) * self.label_bytes()
    }

    fn score_bytes(&self) -> u64 {
        self.layout.dtype.size() as u64
    }
}

/// What is written of rows.
fn results(extras: &crate::kernel::Extras, rows: u64) -> Vec<Moved> {
    let each = [
        (8, extras.losses, 4),
        (9, extras.lse, 4),
        (10, extras.argmax, 4),
        (16, extras.statistics, STATISTICS_BYTES),
        (20, extras.log_prob, 4),
        (21, extras.entropy, 4),
        (22, extras.rank, 4),
    ];
    each.into_iter().filter(|(_, on, _)| *on).map(|(binding, _, bytes)| written(binding, rows * bytes)).collect()
}
