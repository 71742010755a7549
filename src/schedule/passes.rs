//! The traversals over the scores: chunk by chunk, in one pass or in three.

use super::rows::Splits;
use super::{Chunk, ELEMENT_BLOCK, LoopWork, Schedule, Scheduler, Strategy, TRUE_PART_BYTES, by_elements, by_rows};
use crate::batch::TargetForm;
use crate::error::{Error, Result};
use crate::kernel::{Pass, Slot, Traversal};
use crate::layout::{Mode, STATISTICS_BYTES};
use crate::loss::Kind;

impl Scheduler<'_> {
    /// Schedules the passes over all scores; returns how many losses or partial sums there are to add up.
    pub(super) fn passes_over_scores(&self, schedule: &mut Schedule) -> Result<u64> {
        if self.traversal == Traversal::Element {
            return self.element_runs(schedule);
        }
        let layout = self.layout;
        let shape = &layout.shape;
        if self.loop_budget(1) < 256 {
            return Err(Error::Limit {
                limit: "number of turns of loops in one invocation",
                got: self.context.profile.llvmpipe.turns_of_loops.unwrap_or_default(),
                needed: layout.longest_list as u64 * 2,
                what: format!("class lists of {} classes", layout.longest_list),
            });
        }
        let dense = matches!(layout.targets, TargetForm::Probabilities | TargetForm::Logits) || layout.element_weights;
        let bytes = if dense { 4 } else { layout.dtype.size() as u64 };
        let step = layout.scores_step().max(layout.grad_step());
        // The row traversal cuts long rows into parts of its own.
        let loop_budget = if self.traversal == Traversal::Column { self.loop_budget(1) } else { u64::MAX };
        let chunks = by_rows(shape, step, bytes, self.context.binding_limit(), loop_budget)?;
        self.check_cuts(&chunks, bytes)?;
        match layout.mode {
            Mode::Whole => self.whole_rows(schedule, &chunks)?,
            Mode::Gradient => self.pass(schedule, &chunks, Pass::Gradient),
            Mode::Statistics => {
                let one = Splits { here: 1, first: 0, classes: shape.classes as u64, all: 1 };
                schedule.dispatches.extend(chunks.iter().map(|chunk| self.row_chunk(chunk, Pass::Split, one, false)));
            }
            Mode::Merge { .. } => {}
        }
        Ok(shape.rows() as u64)
    }

    /// Runs over single elements; returns how many blocks of them leave a sum.
    fn element_runs(&self, schedule: &mut Schedule) -> Result<u64> {
        let layout = self.layout;
        // Losses and upstream gradients have 4 bytes an element, whatever the scores have.
        let bytes = 4 * layout.scores_step().max(layout.grad_step());
        let slab = layout.shape.slab() as u64;
        let mut blocks = 0;
        for run in by_elements(&layout.shape, bytes.div_ceil(slab), self.context.binding_limit(), ELEMENT_BLOCK)? {
            schedule.dispatches.push(self.element_run(&run, blocks));
            blocks += run.elements.div_ceil(ELEMENT_BLOCK);
        }
        schedule.scratch = schedule.scratch.max(blocks * 4);
        Ok(blocks)
    }

    /// Refuses chunks that cut rows which are to be taken whole.
    fn check_cuts(&self, chunks: &[Chunk], bytes: u64) -> Result<()> {
        let layout = self.layout;
        let shape = &layout.shape;
        let cut = cuts_rows(chunks, shape.classes);
        let unbound = |what: &str| {
            Err(Error::Limit {
                limit: "max_storage_buffer_binding_size",
                got: self.context.binding_limit(),
                needed: shape.classes as u64 * shape.inner as u64 * bytes,
                what: what.to_owned(),
            })
        };
        if layout.outputs.rank && cut {
            return unbound("ranks: the rows that they are found in");
        }
        let too_long = self.loop_budget(1).saturating_mul(2) < shape.classes as u64;
        if layout.targets == TargetForm::MultiHot && (cut || too_long) {
            return Err(Error::Layout {
                problem: format!(
                    "a row of {} classes is too long for this device, and multi-hot targets cannot be walked in \
                     pieces: use class lists",
                    shape.classes
                ),
            });
        }
        // One record a row is handed out: rows are taken whole.
        if layout.mode == Mode::Statistics && (cut || self.loop_budget(1) < shape.classes as u64) {
            return unbound("a shard's row statistics");
        }
        Ok(())
    }

    /// Classes that one team may take, where it takes so many rows one after another.
    pub(super) fn loop_budget(&self, rows: u64) -> u64 {
        let layout = self.layout;
        let dense = layout.targets.is_dense();
        let correct = u64::from(layout.outputs.correct);
        self.geometry.loop_budget(LoopWork {
            sweeps: 2
                + u64::from(self.spec.kind == Kind::Distillation)
                + u64::from(layout.targets == TargetForm::MultiHot)
                + if dense { correct } else { 0 },
            rows,
            lanes: if self.traversal == Traversal::Column { 4 } else { 1 },
            longest_list: layout.list_classes(),
            times: 1 + correct,
        })
    }

    /// Loss and gradient: in one pass where a team takes a row, in three where several share it.
    fn whole_rows(&self, schedule: &mut Schedule, chunks: &[Chunk]) -> Result<()> {
        let cut = cuts_rows(chunks, self.layout.shape.classes);
        if !cut && self.sizes.within_reach && self.strategy != Strategy::SplitRow {
            self.pass(schedule, chunks, Pass::Whole);
            return Ok(());
        }
        if !self.spec.kind.has_statistics() {
            return Err(Error::Layout {
                problem: format!(
                    "a row of {} classes is too long for one team on this device, and {} has no statistics that parts of a \
                     row could leave",
                    self.layout.shape.classes,
                    self.spec.kind.name()
                ),
            });
        }
        let rows = self.layout.shape.rows() as u64;
        if rows == 0 {
            // No parts either, among which the records would be dealt out.
            return Ok(());
        }
        self.pass(schedule, chunks, Pass::Split);
        let fitting = self.context.binding_limit() / (schedule.splits * STATISTICS_BYTES);
        let widest = schedule.dispatches.iter().flat_map(|d| &d.ranges).filter(|(slot, _)| *slot == Slot::Splits);
        let widest = widest.map(|(_, range)| range.size).max().unwrap_or_default();
        let row_statistics = if widest > self.context.binding_limit() {
            0
        } else if fitting >= rows {
            rows
        } else {
            (fitting / 64).saturating_sub(1) * 64
        };
        if row_statistics == 0 {
            return Err(Error::Limit {
                limit: "max_storage_buffer_binding_size",
                got: self.context.binding_limit(),
                needed: widest.max(128 * schedule.splits * STATISTICS_BYTES),
                what: format!("the records of rows in {} parts", schedule.splits),
            });
        }
        for first in (0..rows).step_by(row_statistics as usize) {
            let count = row_statistics.min(rows - first);
            let mut dispatch = self.merge(first, count, schedule.splits);
            dispatch.params.statistics_row_stride = schedule.splits as u32;
            dispatch.params.statistics_split_stride = 1;
            dispatch.ranges.push((Slot::Splits, self.row_range(first, count, schedule.splits * STATISTICS_BYTES)));
            dispatch.ranges.push((Slot::TrueParts, self.row_range(first, count, schedule.splits * TRUE_PART_BYTES)));
            schedule.dispatches.push(dispatch);
        }
        if self.layout.outputs.grad {
            self.pass(schedule, chunks, Pass::Gradient);
        }
        Ok(())
    }

    /// One pass over all chunks.
    fn pass(&self, schedule: &mut Schedule, chunks: &[Chunk], pass: Pass) {
        let shape = &self.layout.shape;
        let loop_budget = if self.traversal == Traversal::Column { u64::MAX } else { self.loop_budget(1) / 256 * 256 };
        let wanted = match self.strategy {
            Strategy::SplitRow => self.geometry.split_classes(shape.rows() as u64, shape.classes as u64),
            // As many parts as may be, to test what serves rows that have several.
            _ if self.sizes.in_parts && loop_budget >= shape.classes as u64 => 256,
            _ => u64::MAX,
        };
        // A row in one go was found to be within reach.
        let width = |classes: u64| if pass == Pass::Whole { classes } else { wanted.min(loop_budget).min(classes) };
        let splits_of = |chunk: &Chunk| chunk.classes.div_ceil(width(chunk.classes));
        // Chunks that begin a row, or hold rows whole, count parts from 0.
        let all = chunks.iter().take_while(|c| c.first_n == 0).map(splits_of).sum();
        let mut first = 0;
        for chunk in chunks {
            if chunk.first_class == 0 {
                first = 0;
            }
            let splits = Splits { here: splits_of(chunk), first, classes: width(chunk.classes), all };
            first += splits.here;
            let four_rows = if self.takes_four_rows(pass) { chunk.count / 4 * 4 } else { 0 };
            for (first, count, four_rows) in [(0, four_rows, true), (four_rows, chunk.count - four_rows, false)] {
                if count > 0 {
                    let chunk = Chunk { first_n: chunk.first_n + first, count, ..*chunk };
                    schedule.dispatches.push(self.row_chunk(&chunk, pass, splits, four_rows));
                }
            }
        }
        if pass == Pass::Split {
            schedule.splits = all;
        }
    }
}

/// Whether some chunk holds less than whole rows.
fn cuts_rows(chunks: &[Chunk], classes: usize) -> bool {
    chunks.iter().any(|chunk| chunk.classes < classes as u64)
}
