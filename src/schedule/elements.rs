//! The traversal over single elements, for losses that have no rows.

use super::key::VectorAccess;
use super::window::{Window, window_row};
use super::{Dispatch, ELEMENT_BLOCK, Run, Scheduler, VERDICT_BYTES, flag};
use crate::batch::TargetForm;
use crate::kernel::{ByteRange, Params, Pass, Slot};

/// Where a run lies among the rows.
#[derive(Clone, Copy)]
struct Place {
    /// Elements before it in its first `n`.
    phase: u64,
    /// The first row of that `n`.
    first_row: u64,
    /// Rows from there to the end of its last `n`.
    rows: u64,
}

/// The parts of the arrays that a run sees.
struct Windows {
    scores: Window,
    grad: Window,
    /// Of arrays with one number an element.
    dense: Window,
    /// Of arrays with one byte an element.
    bytes: Window,
}

impl Scheduler<'_> {
    /// A run of elements, whose block sums begin at `first_partial`.
    pub(super) fn element_run(&self, run: &Run, first_partial: u64) -> Dispatch {
        let (spec, layout) = (self.spec, self.layout);
        let slab = layout.shape.slab() as u64;
        let strided = layout.scores_step() != slab || layout.grad_step() != slab;
        let (place, windows) = (self.place(run), self.element_windows(run));
        // Strided places count from the start of the first n.
        let back = if strided { place.phase as u32 } else { 0 };
        let params = Params {
            rows: place.rows as u32,
            first_row: (place.first_row - window_row(place.first_row)) as u32,
            window_row: window_row(place.first_row) as u32,
            scores_at: (windows.scores.at as u32).wrapping_sub(back),
            scores_stride: layout.scores_step() as u32,
            grad_at: (windows.grad.at as u32).wrapping_sub(back),
            grad_stride: layout.grad_step() as u32,
            dense_at: windows.dense.at as u32,
            elements: run.elements as u32,
            phase: place.phase as u32,
            first_partial: first_partial as u32,
            ..self.params()
        };
        let arrays = [(&windows.scores, 0), (&windows.grad, 0)];
        let load_vectors = match (strided, layout.writes_grad()) {
            (true, _) => 1,
            (false, true) => self.load_vectors(&arrays, false),
            (false, false) => self.load_vectors(&arrays[..1], false),
        };
        let on = VectorAccess { vectors: !strided, dense_vectors: true, peeled: false, load_vectors };
        let kernel = self.loss_kernel(self.traversal, Pass::Whole, on, layout.writes_grad());
        let groups = run.elements.div_ceil(ELEMENT_BLOCK).div_ceil(self.geometry.teams);
        let mut dispatch = self.dispatch(kernel, params, groups);
        dispatch.elements = run.elements;
        dispatch.constants = self.loss_constants(self.geometry.teams);
        dispatch.constants.extend([
            ("STRIDED", flag(strided)),
            ("BLOCK", ELEMENT_BLOCK as f64),
            ("GRAD", flag(layout.writes_grad())),
            ("HAS_LOSSES", flag(layout.outputs.hands_out_losses(spec))),
        ]);
        dispatch.ranges = self.element_ranges(place, &windows);
        dispatch
    }

    fn place(&self, run: &Run) -> Place {
        let shape = &self.layout.shape;
        let (slab, inner) = (shape.slab() as u64, shape.inner as u64);
        let first_n = run.first_element / slab;
        Place {
            phase: run.first_element - first_n * slab,
            first_row: first_n * inner,
            rows: ((run.first_element + run.elements).div_ceil(slab) - first_n) * inner,
        }
    }

    fn element_windows(&self, run: &Run) -> Windows {
        let layout = self.layout;
        let slab = layout.shape.slab() as u64;
        let window = |step: u64, bytes: u64| {
            let place = |element: u64| element / slab * step + element % slab;
            let first = place(run.first_element);
            let all = (layout.shape.n as u64 - 1) * step + slab;
            Window::new(first, place(run.first_element + run.elements - 1) + 1 - first, all, bytes)
        };
        let size = layout.dtype.size() as u64;
        Windows {
            scores: window(layout.scores_step(), size),
            grad: window(layout.grad_step(), size),
            dense: window(slab, 4),
            bytes: window(slab, 1),
        }
    }

    /// The parts of the buffers that a run is bound to.
    fn element_ranges(&self, Place { first_row, rows, .. }: Place, windows: &Windows) -> Vec<(Slot, ByteRange)> {
        let dense = windows.dense.range;
        let targets = match self.layout.targets {
            TargetForm::Probabilities => dense,
            TargetForm::MultiHot => windows.bytes.range,
            _ => self.target_row_range(first_row, rows),
        };
        vec![
            (Slot::Scores, windows.scores.range),
            (Slot::Grad, windows.grad.range),
            (Slot::Upstream, dense),
            (Slot::Losses, dense),
            (Slot::ElementWeights, dense),
            (Slot::Targets, targets),
            (Slot::RowStatistics, self.row_range(first_row, rows, VERDICT_BYTES)),
        ]
    }
}
