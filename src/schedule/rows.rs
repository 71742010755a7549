//! The traversal over a chunk of rows.

use super::key::VectorAccess;
use super::wide_loads::Strided;
use super::window::{Window, window_row};
use super::{Chunk, Dispatch, Scheduler, TRUE_PART_BYTES, flag, gcd};
use crate::kernel::{ByteRange, Params, Pass, Slot, Traversal};
use crate::layout::{Layout, Mode, STATISTICS_BYTES};

/// Where the splits of a row lie among all its parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Splits {
    /// Parts of this dispatch in each row.
    pub(super) here: u64,
    /// The first of them.
    pub(super) first: u64,
    /// Classes of each part.
    pub(super) classes: u64,
    /// Parts of a row in all dispatches.
    pub(super) all: u64,
}

/// The parts of the dense arrays that a dispatch sees.
struct Windows {
    scores: Window,
    grad: Window,
    dense: Window,
}

impl Windows {
    /// The arrays in the type of the scores, with how far it is from one row to the next in each.
    fn strided(&self, layout: &Layout, grad_wanted: bool) -> Vec<Strided<'_>> {
        let scores = (&self.scores, layout.scores_step());
        std::iter::once(scores).chain(grad_wanted.then_some((&self.grad, layout.grad_step()))).collect()
    }
}

impl Scheduler<'_> {
    /// One pass over a chunk; `four_rows`, a thread holds four rows at once.
    pub(super) fn row_chunk(&self, chunk: &Chunk, pass: Pass, splits: Splits, four_rows: bool) -> Dispatch {
        let layout = self.layout;
        let inner = layout.shape.inner as u64;
        let rows = chunk.count * inner;
        let windows = self.row_windows(chunk);
        let split = splits.here > 1 || chunk.classes < layout.all_classes() as u64;
        let grad_wanted = layout.writes_grad() && pass != Pass::Split;

        let (mut on, mut rows_per_team) = self.vector_access(chunk, &windows, grad_wanted, split);
        let traversal = match four_rows {
            true => Traversal::FourRows(layout.shape.classes as u32),
            false if split => self.traversal,
            false => self.resident(pass, on),
        };
        if four_rows {
            (on.vectors, on.dense_vectors, rows_per_team) = (true, true, 4);
        }
        let arrays = windows.strided(layout, grad_wanted);
        let (traversal, load_vectors) = if on.vectors { self.wide_loads(traversal, &arrays) } else { (traversal, 1) };
        on.load_vectors = load_vectors;
        let misaligned = load_vectors > 1 && load_vectors != self.load_vectors(&arrays, false);
        let kernel = self.loss_kernel(traversal, pass, on, grad_wanted);

        let (per_group, tasks) = match self.traversal {
            Traversal::Column => {
                (u64::from(self.geometry.group), chunk.count * inner.div_ceil(u64::from(on.positions)))
            }
            _ if split => (self.geometry.teams, rows * splits.here),
            _ => (self.geometry.teams, rows.div_ceil(rows_per_team)),
        };
        let interleave = self.interleave(rows_per_team * layout.scores_step() * layout.dtype.size() as u64);
        let tasks = if interleave > 1 { tasks.next_multiple_of(8 * interleave) } else { tasks };
        let params = self.row_params(chunk, splits, &windows);
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
        dispatch.ranges = self.row_ranges(chunk, splits, &windows);
        if layout.mode == Mode::Statistics {
            dispatch.elsewhere.push((15, Slot::Statistics));
        } else if pass == Pass::Gradient && layout.mode == Mode::Whole && !layout.statistics {
            dispatch.elsewhere.push((16, Slot::RowStatistics));
        }
        dispatch
    }

    /// What a chunk sees of the dense arrays.
    fn row_windows(&self, chunk: &Chunk) -> Windows {
        let layout = self.layout;
        let shape = &layout.shape;
        let window = |step: u64, bytes: u64| {
            let first = chunk.first_n * step + chunk.first_class * shape.inner as u64;
            let all = (shape.n as u64 - 1) * step + shape.slab() as u64;
            Window::new(first, (chunk.count - 1) * step + chunk.classes * shape.inner as u64, all, bytes)
        };
        let size = layout.dtype.size() as u64;
        Windows {
            scores: window(layout.scores_step(), size),
            grad: window(layout.grad_step(), size),
            dense: window(shape.slab() as u64, self.dense_bytes()),
        }
    }

    /// Where a chunk and its splits lie, for the kernel.
    fn row_params(&self, chunk: &Chunk, splits: Splits, windows: &Windows) -> Params {
        let layout = self.layout;
        let inner = layout.shape.inner as u64;
        let first_row = chunk.first_n * inner;
        Params {
            rows: (chunk.count * inner) as u32,
            classes: chunk.classes as u32,
            first_class: (layout.first_class() as u64 + chunk.first_class) as u32,
            first_row: (first_row - window_row(first_row)) as u32,
            window_row: window_row(first_row) as u32,
            scores_at: windows.scores.at as u32,
            scores_stride: layout.scores_step() as u32,
            grad_at: windows.grad.at as u32,
            grad_stride: layout.grad_step() as u32,
            dense_at: windows.dense.at as u32,
            dense_stride: layout.shape.slab() as u32,
            first_split: splits.first as u32,
            splits: splits.here as u32,
            split_classes: splits.classes as u32,
            statistics_row_stride: splits.all as u32,
            statistics_split_stride: 1,
            ..self.params()
        }
    }

    /// The parts of the buffers that a chunk is bound to.
    fn row_ranges(&self, chunk: &Chunk, splits: Splits, windows: &Windows) -> Vec<(Slot, ByteRange)> {
        let layout = self.layout;
        let inner = layout.shape.inner as u64;
        let (first_row, rows) = (chunk.first_n * inner, chunk.count * inner);
        let row_range = |bytes: u64| self.row_range(first_row, rows, bytes);
        let targets = match layout.targets.is_dense() {
            true => windows.dense.range,
            false => self.target_row_range(first_row, rows),
        };
        let mut ranges = vec![
            (Slot::Scores, windows.scores.range),
            (Slot::Grad, windows.grad.range),
            (Slot::Upstream, row_range(4)),
            (Slot::EntropyUpstream, row_range(4)),
            (Slot::TrueParts, row_range(TRUE_PART_BYTES * splits.all)),
            (Slot::Splits, row_range(STATISTICS_BYTES * splits.all)),
            (Slot::Targets, targets),
        ];
        ranges.extend(self.result_ranges(first_row, rows));
        ranges
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

    /// How rows lie on vectors, and how many of them one team takes, so that no other writes to their vectors.
    fn vector_access(&self, chunk: &Chunk, windows: &Windows, grad_wanted: bool, split: bool) -> (VectorAccess, u64) {
        let layout = self.layout;
        let (scores, grad) = (&windows.scores, &windows.grad);
        let (scores_step, grad_step) = (layout.scores_step(), layout.grad_step());
        let inner = layout.shape.inner as u64;
        let on_vectors = |step: u64, at: u64| match self.traversal {
            Traversal::Column => inner.is_multiple_of(4) && step.is_multiple_of(4) && at.is_multiple_of(4),
            _ => step.is_multiple_of(4) && at.is_multiple_of(4),
        };
        let grad_on_vectors = !grad_wanted || on_vectors(grad_step, grad.at);
        let aligned = on_vectors(scores_step, scores.at) && grad_on_vectors;
        // Rows off the vectors are peeled; but vectors that are written may only be shared by rows that one team takes.
        let sharing = 4 / gcd(grad_step, 4);
        let alike = scores_step % 4 == grad_step % 4 && scores.at % 4 == grad.at % 4;
        let together = alike && !split && self.sizes.within_reach && self.sizes.share_vectors;
        let on_pairs = [inner, scores_step, scores.at, grad_step, grad.at].iter().all(|place| place.is_multiple_of(2));
        let positions = self.geometry.positions(layout.dtype.size(), on_pairs);
        let vectors = match self.traversal {
            Traversal::Column => aligned && positions == 4,
            _ => aligned || !grad_wanted || together,
        };
        let whole_vectors = aligned && chunk.classes.is_multiple_of(4);
        let peeled = self.traversal == Traversal::Row && !whole_vectors;
        let dense_vectors = whole_vectors && vectors && on_vectors(layout.shape.slab() as u64, windows.dense.at);
        let rows_per_team = if peeled && vectors && grad_wanted { sharing } else { 1 };
        (VectorAccess { vectors, dense_vectors, positions, peeled, load_vectors: 1 }, rows_per_team)
    }
}
