//! The traversal over a chunk of rows.

use super::key::Access;
use super::wide_loads::Strided;
use super::window::{Window, window_row};
use super::{Chunk, Dispatch, Scheduler, TRUE_PART_BYTES, flag, gcd};
use crate::batch::TargetForm;
use crate::kernel::{Params, Pass, Slot, Traversal};
use crate::layout::{Layout, Mode, STATISTICS_BYTES};

/// Where the splits of a row lie among all its parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Splits {
    /// Parts of this dispatch in each row, and the first of them.
    pub(super) here: u64,
    pub(super) first: u64,
    /// Classes of each.
    pub(super) classes: u64,
    /// Parts of a row in all dispatches.
    pub(super) all: u64,
}

/// The parts of the dense arrays that a dispatch sees.
#[derive(Clone, Copy)]
struct Arrays<'a> {
    scores: &'a Window,
    grad: &'a Window,
    dense: &'a Window,
}

/// How rows lie on vectors.
struct VectorAccess {
    /// Whether scores and gradient are taken by vectors, and dense targets too.
    vectors: bool,
    dense_vectors: bool,
    /// Whether rows may begin or end within one.
    peeled: bool,
    /// Rows that one team takes, so that no other writes to their vectors.
    rows_per_team: u64,
}

impl Arrays<'_> {
    /// The arrays in the type of the scores, with how far it is from one row to the next in each.
    fn rows(&self, layout: &Layout, grad_wanted: bool) -> Vec<Strided<'_>> {
        let scores = (self.scores, layout.scores_step());
        std::iter::once(scores).chain(grad_wanted.then_some((self.grad, layout.grad_step()))).collect()
    }
}

impl Scheduler<'_> {
    /// One pass over a chunk; `four_rows`, a thread holds four rows at once.
    pub(super) fn row_chunk(&self, chunk: &Chunk, pass: Pass, splits: Splits, four_rows: bool) -> Dispatch {
        let layout = self.layout;
        let shape = &layout.shape;
        let inner = shape.inner as u64;
        let (scores_step, grad_step) = (layout.scores_step(), layout.grad_step());
        let dense_step = shape.slab() as u64;
        let size = layout.dtype.size() as u64;
        let window = |step: u64, bytes: u64| {
            let first = chunk.first_n * step + chunk.first_class * inner;
            let all = (shape.n as u64 - 1) * step + shape.slab() as u64;
            Window::new(first, (chunk.count - 1) * step + chunk.classes * inner, all, bytes)
        };
        let (scores, grad) = (window(scores_step, size), window(grad_step, size));
        let dense = window(
            dense_step,
            match layout.targets {
                TargetForm::MultiHot => 1,
                TargetForm::Logits => layout.teacher.size() as u64,
                _ => 4,
            },
        );
        let (first_row, rows) = (chunk.first_n * inner, chunk.count * inner);

        let split = splits.here > 1 || chunk.classes < layout.all_classes() as u64;
        let grad_wanted = layout.writes_grad() && pass != Pass::Split;
        let arrays_at = Arrays { scores: &scores, grad: &grad, dense: &dense };
        let VectorAccess { vectors, dense_vectors, peeled, rows_per_team } =
            self.vector_access(chunk, arrays_at, grad_wanted, split);

        let params = Params {
            rows: rows as u32,
            classes: chunk.classes as u32,
            first_class: (layout.first_class() as u64 + chunk.first_class) as u32,
            first_row: (first_row - window_row(first_row)) as u32,
            window_row: window_row(first_row) as u32,
            scores_at: scores.at as u32,
            scores_stride: scores_step as u32,
            grad_at: grad.at as u32,
            grad_stride: grad_step as u32,
            dense_at: dense.at as u32,
            dense_stride: dense_step as u32,
            first_split: splits.first as u32,
            splits: splits.here as u32,
            split_classes: splits.classes as u32,
            statistics_row_stride: splits.all as u32,
            statistics_split_stride: 1,
            ..self.params()
        };
        let traversal = match four_rows {
            true => Traversal::FourRows(shape.classes as u32),
            false if split => self.traversal,
            false => self.resident(pass, peeled),
        };
        let (vectors, dense_vectors, rows_per_team) =
            if four_rows { (true, true, 4) } else { (vectors, dense_vectors, rows_per_team) };
        let arrays = arrays_at.rows(layout, grad_wanted);
        let (traversal, load_vectors) = if vectors { self.wide_loads(traversal, &arrays) } else { (traversal, 1) };
        let misaligned = load_vectors > 1 && load_vectors != self.load_vectors(&arrays, false);
        let on = Access { vectors, dense_vectors, peeled, load_vectors };
        let kernel = self.loss_kernel(traversal, pass, on, grad_wanted);
        let (per_group, tasks) = match self.traversal {
            Traversal::Column => (u64::from(self.geometry.group), chunk.count * inner.div_ceil(4)),
            _ if split => (self.geometry.teams, rows * splits.here),
            _ => (self.geometry.teams, rows.div_ceil(rows_per_team)),
        };
        let interleave = self.interleave(rows_per_team * scores_step * size);
        let tasks = if interleave > 1 { tasks.next_multiple_of(8 * interleave) } else { tasks };
        let mut dispatch = self.dispatch(kernel, params, tasks.div_ceil(per_group));
        dispatch.elements = rows * chunk.classes;
        dispatch.constants = self.loss_constants(per_group);
        dispatch.constants.extend([
            ("ROWS_PER_TEAM", rows_per_team as f64),
            ("MISALIGNED", flag(misaligned)),
            ("INTERLEAVE", interleave as f64),
            ("SPLIT", flag(split)),
            ("GRAD", flag(grad_wanted)),
        ]);
        let row_range = |bytes: u64| self.row_range(first_row, rows, bytes);
        dispatch.ranges = vec![
            (Slot::Scores, scores.range),
            (Slot::Grad, grad.range),
            (Slot::Upstream, row_range(4)),
            (Slot::EntropyUpstream, row_range(4)),
            (Slot::TrueParts, row_range(TRUE_PART_BYTES * splits.all)),
            (Slot::Splits, row_range(STATISTICS_BYTES * splits.all)),
            (
                Slot::Targets,
                if layout.targets.is_dense() { dense.range } else { self.target_row_range(first_row, rows) },
            ),
        ];
        dispatch.ranges.extend(self.result_ranges(first_row, rows));
        if layout.mode == Mode::Statistics {
            dispatch.elsewhere.push((15, Slot::Statistics));
        } else if pass == Pass::Gradient && layout.mode == Mode::Whole && !layout.statistics {
            dispatch.elsewhere.push((16, Slot::RowStatistics));
        }
        dispatch
    }

    /// Every how many tasks begin as far behind a line of a processor's cache, if a thread takes each and those in between
    /// do not: rows of so many bytes, or vectors side by side.
    fn interleave(&self, row_bytes: u64) -> u64 {
        const LINE: u64 = 64;
        /// Shorter tasks are worth more side by side.
        const LEAST: u64 = 256;
        if !self.geometry.interleaves {
            return 1;
        }
        let vector = 4 * self.layout.dtype.size() as u64;
        let interleave = match self.traversal {
            Traversal::Column => LINE / vector,
            _ if row_bytes < LEAST => 1,
            _ => LINE / gcd(row_bytes, LINE),
        };
        if interleave <= LINE / vector { interleave } else { 1 }
    }

    fn vector_access(&self, chunk: &Chunk, arrays_at: Arrays<'_>, grad_wanted: bool, split: bool) -> VectorAccess {
        let layout = self.layout;
        let (scores, grad) = (arrays_at.scores, arrays_at.grad);
        let (scores_step, grad_step) = (layout.scores_step(), layout.grad_step());
        let inner = layout.shape.inner as u64;
        let vector_access = |step: u64, at: u64| match self.traversal {
            Traversal::Column => inner.is_multiple_of(4) && step.is_multiple_of(4) && at.is_multiple_of(4),
            _ => step.is_multiple_of(4) && at.is_multiple_of(4),
        };
        let grad_on_vectors = !grad_wanted || vector_access(grad_step, grad.at);
        let aligned = vector_access(scores_step, scores.at) && grad_on_vectors;
        // Rows off the vectors are peeled; but vectors that are written may only be shared by rows that one team takes.
        let sharing = 4 / gcd(grad_step, 4);
        let alike = scores_step % 4 == grad_step % 4 && scores.at % 4 == grad.at % 4;
        let together = alike && !split && self.sizes.within_reach;
        let vectors = match self.traversal {
            Traversal::Column => aligned,
            _ => aligned || !grad_wanted || together,
        };
        let whole_vectors = aligned && chunk.classes.is_multiple_of(4);
        let peeled = self.traversal == Traversal::Row && !whole_vectors;
        VectorAccess {
            vectors,
            dense_vectors: whole_vectors && vector_access(layout.shape.slab() as u64, arrays_at.dense.at),
            peeled,
            rows_per_team: if peeled && vectors && grad_wanted { sharing } else { 1 },
        }
    }
}
