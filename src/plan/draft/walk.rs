//! The walks over the scores: chunk by chunk, in one pass or in three.

use super::rows::Parts;
use super::{Draft, Drafted, ELEMENT_BLOCK};
use crate::batch::TargetForm;
use crate::error::{Error, Result};
use crate::plan::chunk::{Chunk, by_elements, by_rows};
use crate::plan::layout::{Mode, STATISTICS_BYTES};
use crate::plan::shader::{Pass, Walk};
use crate::plan::strategy::Effort;
use crate::plan::{Place, Strategy};

impl Draft<'_> {
    /// Walks all scores; returns how many losses or partial sums there are to add up.
    pub(super) fn walks(&self, drafted: &mut Drafted) -> Result<u64> {
        let layout = self.layout;
        let shape = &layout.shape;
        let dense = layout.targets == TargetForm::Probabilities || layout.element_weights || !self.spec.kind.per_row();
        let bytes = if dense { 4 } else { layout.dtype.size() as u64 };
        let limit = self.context.binding_limit();
        let step = layout.scores_step().max(layout.grad_step());
        if self.walk == Walk::Element {
            let slab = (shape.classes * shape.inner) as u64;
            let mut blocks = 0;
            for run in by_elements(shape, (bytes * step).div_ceil(slab), limit, ELEMENT_BLOCK)? {
                drafted.dispatches.push(self.walk_run(&run, blocks));
                blocks += run.elements.div_ceil(ELEMENT_BLOCK);
            }
            drafted.scratch = drafted.scratch.max(blocks * 4);
            return Ok(blocks);
        }
        // The row walk cuts long rows into parts of its own.
        let reach = if self.walk == Walk::Column { self.reach(1) } else { u64::MAX };
        if self.reach(1) < 256 {
            return Err(Error::Limit {
                limit: "number of turns of loops in one invocation",
                got: self.context.loop_limit().unwrap_or_default(),
                needed: layout.longest_list as u64 * 2,
                what: format!("class lists of {} classes", layout.longest_list),
            });
        }
        let chunks = by_rows(shape, step, bytes, limit, reach)?;
        let counted = layout.targets == TargetForm::MultiHot;
        let too_long = self.reach(1).saturating_mul(2) < shape.classes as u64;
        if counted && (cuts_rows(&chunks, shape.classes) || too_long) {
            return Err(Error::Layout {
                problem: format!(
                    "a row of {} classes is too long for this device, and multi-hot targets cannot be walked in \
                     pieces: use class lists",
                    shape.classes
                ),
            });
        }
        match layout.mode {
            Mode::Whole => self.whole_rows(drafted, &chunks)?,
            Mode::Gradient => self.pass(drafted, &chunks, Pass::Gradient),
            Mode::Statistics => {
                // One record a row is handed out: rows are taken whole.
                if cuts_rows(&chunks, shape.classes) || self.reach(1) < shape.classes as u64 {
                    return Err(Error::Limit {
                        limit: "max_storage_buffer_binding_size",
                        got: limit,
                        needed: shape.classes as u64 * shape.inner as u64 * bytes,
                        what: "a shard's row statistics".to_owned(),
                    });
                }
                let one = Parts { here: 1, first: 0, classes: shape.classes as u64, all: 1 };
                drafted.dispatches.extend(chunks.iter().map(|chunk| self.walk_chunk(chunk, Pass::Part, one, false)));
            }
            Mode::Merge { .. } => {}
        }
        Ok(shape.rows() as u64)
    }

    /// Classes that one team may walk, where it takes so many rows one after another.
    pub(super) fn reach(&self, rows: u64) -> u64 {
        let layout = self.layout;
        let dense = layout.targets.is_dense();
        let correct = u64::from(layout.want.correct);
        self.geometry.reach(Effort {
            sweeps: 2 + u64::from(layout.targets == TargetForm::MultiHot) + if dense { correct } else { 0 },
            rows,
            lanes: if self.walk == Walk::Column { 4 } else { 1 },
            longest_list: layout.list_classes(),
            times: 1 + correct,
        })
    }

    /// Loss and gradient: in one pass where a team takes a row, in three where several share it.
    fn whole_rows(&self, drafted: &mut Drafted, chunks: &[Chunk]) -> Result<()> {
        let cut = cuts_rows(chunks, self.layout.shape.classes);
        if !cut && self.sizes.within_reach && self.strategy != Strategy::SplitRow {
            self.pass(drafted, chunks, Pass::Whole);
            return Ok(());
        }
        self.pass(drafted, chunks, Pass::Part);
        let rows = self.layout.shape.rows() as u64;
        let fitting = self.context.binding_limit() / (drafted.parts * STATISTICS_BYTES);
        let widest = drafted.dispatches.iter().flat_map(|d| &d.spans).filter(|(place, _)| *place == Place::Parts);
        let widest = widest.map(|(_, span)| span.size).max().unwrap_or_default();
        let records = if widest > self.context.binding_limit() {
            0
        } else if fitting >= rows {
            rows
        } else {
            (fitting / 64).saturating_sub(1) * 64
        };
        if records == 0 {
            return Err(Error::Limit {
                limit: "max_storage_buffer_binding_size",
                got: self.context.binding_limit(),
                needed: widest.max(128 * drafted.parts * STATISTICS_BYTES),
                what: format!("the records of rows in {} parts", drafted.parts),
            });
        }
        for first in (0..rows).step_by(records as usize) {
            let count = records.min(rows - first);
            let mut dispatch = self.merge(first, count, drafted.parts);
            dispatch.params.record_row = drafted.parts as u32;
            dispatch.params.record_part = 1;
            dispatch.spans.push((Place::Parts, self.row_span(first, count, drafted.parts * STATISTICS_BYTES)));
            drafted.dispatches.push(dispatch);
        }
        if self.layout.want.grad {
            self.pass(drafted, chunks, Pass::Gradient);
        }
        Ok(())
    }

    /// One pass over all chunks.
    fn pass(&self, drafted: &mut Drafted, chunks: &[Chunk], pass: Pass) {
        let shape = &self.layout.shape;
        let reach = if self.walk == Walk::Column { u64::MAX } else { self.reach(1) / 256 * 256 };
        let wanted = match self.strategy {
            Strategy::SplitRow => self.geometry.part_classes(shape.rows() as u64, shape.classes as u64),
            // As many parts as may be, to test what serves rows that have several.
            _ if self.sizes.in_parts && reach >= shape.classes as u64 => 256,
            _ => u64::MAX,
        };
        // A row in one go was found to be within reach.
        let width = |classes: u64| if pass == Pass::Whole { classes } else { wanted.min(reach).min(classes) };
        let parts_of = |chunk: &Chunk| chunk.classes.div_ceil(width(chunk.classes));
        // Chunks that begin a row, or hold rows whole, count parts from 0.
        let all = chunks.iter().take_while(|c| c.first_n == 0).map(parts_of).sum();
        let mut first = 0;
        for chunk in chunks {
            if chunk.first_class == 0 {
                first = 0;
            }
            let parts = Parts { here: parts_of(chunk), first, classes: width(chunk.classes), all };
            first += parts.here;
            let tiled = if self.tiles(pass) { chunk.count / 4 * 4 } else { 0 };
            for (first, count, tiled) in [(0, tiled, true), (tiled, chunk.count - tiled, false)] {
                if count > 0 {
                    let chunk = Chunk { first_n: chunk.first_n + first, count, ..*chunk };
                    drafted.dispatches.push(self.walk_chunk(&chunk, pass, parts, tiled));
                }
            }
        }
        if pass == Pass::Part {
            drafted.parts = all;
        }
    }
}

/// Whether some chunk holds less than whole rows.
fn cuts_rows(chunks: &[Chunk], classes: usize) -> bool {
    chunks.iter().any(|chunk| chunk.classes < classes as u64)
}
