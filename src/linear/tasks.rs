//! The small kernels around the products: labels, copies between batch and chunk, sums.

use bytemuck::{Pod, Zeroable};

use super::slot::{Part, Slot};
use super::steps::{Draft, Steps};
use crate::device::widest_group;
use crate::error::Result;
use crate::kernel::pieces::*;
use crate::kernel::{RowOptions, element, labels, softmax_ce};
use crate::loss::Reduction;

/// `Task` of `shaders/linear/task.wgsl`, field by field.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, Pod, Zeroable)]
pub(crate) struct Task {
    pub(crate) count: u32,
    pub(crate) from_at: u32,
    pub(crate) to_at: u32,
    pub(crate) stride: u32,
    pub(crate) columns: u32,
    pub(crate) denominator: f32,
    pub(crate) empty_mean: u32,
    pub(crate) accumulate: u32,
}

/// Invocations of a workgroup of the kernels that spread over the device.
const GROUP: u32 = 64;
const ALL: Part = Part { offset: 0, size: 0 };

impl Steps<'_> {
    /// Invocations of the one workgroup of a reduction.
    fn reducers(&self) -> u32 {
        1 << widest_group(&self.context.limits).min(256).ilog2()
    }

    /// What the mean divides by, where the host knows it.
    fn known_denominator(&self) -> f32 {
        match self.spec.reduction {
            Reduction::None | Reduction::Sum => 0.0,
            Reduction::BatchMean => self.layout.rows as f32,
            Reduction::Mean => self.spec.denominator.unwrap_or_default(),
        }
    }

    /// Whether losses are divided by something.
    pub(crate) fn is_mean(&self) -> bool {
        matches!(self.spec.reduction, Reduction::Mean | Reduction::BatchMean)
    }

    /// The pass over all labels.
    pub(crate) async fn begin(&mut self) -> Result<()> {
        let weighted = self.spec.class_weights.is_some();
        let given = self.layout.denominator;
        let scanned = self.spec.reduction == Reduction::Mean && self.spec.denominator.is_none() && !given;
        let mut pieces = vec![PARAMS, LINEAR_TASK];
        pieces.extend(labels(weighted));
        pieces.extend([REDUCE_FOUND, REDUCE_LABEL, IO_STATUS, REDUCE_MERGED]);
        pieces.push(match given {
            true => IO_DENOMINATOR,
            false => IO_ABSENT_DENOMINATOR,
        });
        pieces.push(LINEAR_BEGIN);
        let flag = |on: bool| f64::from(u8::from(on));
        let mut constants = self.label_constants();
        constants.extend([
            ("GROUP_SIZE", f64::from(self.reducers())),
            ("OVER_WEIGHTS", flag(scanned)),
            ("GIVEN_DENOMINATOR", flag(given)),
        ]);
        let task = Task { denominator: self.known_denominator(), ..Task::default() };
        let bindings = [
            (4, Slot::Targets, ALL),
            (6, Slot::ClassWeights, ALL),
            (12, Slot::Status, ALL),
            (17, Slot::Denominator, ALL),
            (21, Slot::Labels, ALL),
            (22, Slot::Divisor, ALL),
        ];
        self.small("linear begin", pieces, constants, task, &bindings, (1, 1)).await
    }

    /// Copies a word a row from one place to another, each from a row on.
    pub(crate) async fn copy_rows(&mut self, from: (Slot, u64), to: (Slot, u64), rows: u64) -> Result<()> {
        let task = Task { count: rows as u32, from_at: from.1 as u32, to_at: to.1 as u32, ..Task::default() };
        let pieces = vec![LINEAR_TASK, LINEAR_COPY_ROWS];
        let bindings = [(21, from.0, ALL), (22, to.0, ALL)];
        let groups = (task.count.div_ceil(GROUP), 1);
        self.small("linear copy rows", pieces, vec![], task, &bindings, groups).await
    }

    /// Adds the columns of a chunk's gradient up.
    pub(crate) async fn column_sums(&mut self, rows: u64, accumulate: bool) -> Result<()> {
        let columns = self.layout.vocabulary as u32;
        let task = Task {
            count: rows as u32,
            stride: self.layout.logits_stride() as u32,
            columns,
            accumulate: u32::from(accumulate),
            ..Task::default()
        };
        let pieces = vec![LINEAR_TASK, LINEAR_COLUMN_SUMS];
        let bindings = [(21, Slot::Logits, ALL), (22, Slot::GradBias, ALL)];
        let groups = self.spread(u64::from(columns));
        self.small("linear column sums", pieces, vec![], task, &bindings, groups).await
    }

    /// Packs the gradient of a chunk's hidden states, where lines share words.
    pub(crate) async fn pack_halves(&mut self, rows: u64, to: Part, to_at: u32) -> Result<()> {
        let columns = self.layout.hidden as u64;
        let task = Task {
            count: (rows * columns) as u32,
            to_at,
            stride: columns.next_multiple_of(4) as u32,
            columns: columns as u32,
            ..Task::default()
        };
        let mut pieces = element(self.layout.dtype);
        pieces.extend([LINEAR_TASK, LINEAR_PACK_HALVES]);
        let bindings = [(21, Slot::HiddenLines, ALL), (22, Slot::GradHidden, to)];
        let groups = self.spread((rows * columns).div_ceil(2) + 1);
        self.small("linear pack halves", pieces, vec![], task, &bindings, groups).await
    }

    /// The reduced loss, and the number of correct rows.
    pub(crate) async fn end(&mut self) -> Result<()> {
        let correct = self.layout.correct;
        let mut pieces = vec![PARAMS, LINEAR_TASK];
        match correct {
            true => pieces.extend([IO_STATUS, LINEAR_CORRECT]),
            false => pieces.push(LINEAR_NO_CORRECT),
        }
        pieces.push(LINEAR_END);
        let flag = |on: bool| f64::from(u8::from(on));
        let constants = vec![
            ("GROUP_SIZE", f64::from(self.reducers())),
            ("MEAN", flag(self.is_mean())),
            ("CORRECT", flag(correct)),
        ];
        let task = Task {
            count: self.layout.rows as u32,
            empty_mean: self.spec.empty_mean.value().to_bits(),
            ..Task::default()
        };
        let bindings = [
            (12, Slot::Status, ALL),
            (21, Slot::Losses, ALL),
            (22, Slot::Divisor, ALL),
            (23, Slot::Loss, ALL),
            (24, Slot::Labels, ALL),
            (25, Slot::Argmax, ALL),
        ];
        self.small("linear end", pieces, constants, task, &bindings, (1, 1)).await
    }

    /// The log-probabilities of true classes, from merged statistics.
    pub(crate) async fn log_probs(&mut self) -> Result<()> {
        let options = RowOptions { smoothed: false, z_loss: false, ..RowOptions::of(self.spec, false) };
        let mut pieces = vec![PARAMS, ROW_LANES_INDEPENDENT, LINEAR_LOG_PROBS];
        pieces.extend(softmax_ce(options, false, false));
        let constants = self.label_constants();
        let bindings =
            [(4, Slot::Targets, ALL), (21, Slot::Merged, ALL), (22, Slot::TrueScores, ALL), (23, Slot::LogProbs, ALL)];
        let groups = (self.layout.rows.div_ceil(GROUP as usize) as u32, 1);
        self.small("linear log-probabilities", pieces, constants, Task::default(), &bindings, groups).await
    }

    /// Workgroups for so many invocations, within the device's limit in each dimension.
    fn spread(&self, invocations: u64) -> (u32, u32) {
        let groups = invocations.div_ceil(u64::from(GROUP)).max(1);
        let across = groups.min(u64::from(self.context.limits.max_compute_workgroups_per_dimension));
        (across as u32, groups.div_ceil(across) as u32)
    }

    async fn small(
        &mut self,
        label: &str,
        pieces: Vec<&'static str>,
        constants: Vec<(&'static str, f64)>,
        task: Task,
        bindings: &[(u32, Slot, Part)],
        groups: (u32, u32),
    ) -> Result<()> {
        let told = bytemuck::bytes_of(&task).to_vec();
        let source = pieces.join("\n");
        self.push(Draft { label: label.to_owned(), source, constants, told, bindings, groups }).await
    }
}
