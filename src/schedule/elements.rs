//! The traversal over single elements, for losses that have no rows.

use super::key::Access;
use super::window::{Window, window_row};
use super::{Dispatch, ELEMENT_BLOCK, Run, Scheduler, VERDICT_BYTES, flag};
use crate::batch::TargetForm;
use crate::kernel::{Params, Pass, Slot};

impl Scheduler<'_> {
    /// A run of elements, whose block sums begin at `first_partial`.
    pub(super) fn element_run(&self, run: &Run, first_partial: u64) -> Dispatch {
        let (spec, layout) = (self.spec, self.layout);
        let shape = &layout.shape;
        let slab = (shape.classes * shape.inner) as u64;
        let first_n = run.first_element / slab;
        let phase = run.first_element - first_n * slab;
        let rows = ((run.first_element + run.elements).div_ceil(slab) - first_n) * shape.inner as u64;
        let first_row = first_n * shape.inner as u64;

        let strided = layout.scores_step() != slab || layout.grad_step() != slab;
        let size = layout.dtype.size() as u64;
        let window = |step: u64, bytes: u64| {
            let place = |element: u64| element / slab * step + element % slab;
            let first = place(run.first_element);
            let all = (shape.n as u64 - 1) * step + slab;
            Window::new(first, place(run.first_element + run.elements - 1) + 1 - first, all, bytes)
        };
        let (scores, grad) = (window(layout.scores_step(), size), window(layout.grad_step(), size));
        let (dense, bytes) = (window(slab, 4), window(slab, 1));
        // Strided places count from the start of the first n.
        let back = if strided { phase as u32 } else { 0 };

        let params = Params {
            rows: rows as u32,
            first_row: (first_row - window_row(first_row)) as u32,
            window_row: window_row(first_row) as u32,
            scores_at: (scores.at as u32).wrapping_sub(back),
            scores_stride: layout.scores_step() as u32,
            grad_at: (grad.at as u32).wrapping_sub(back),
            grad_stride: layout.grad_step() as u32,
            dense_at: dense.at as u32,
            elements: run.elements as u32,
            phase: phase as u32,
            first_partial: first_partial as u32,
            ..self.params()
        };
        let arrays = [(&scores, 0), (&grad, 0)];
        let load_vectors = match (strided, layout.writes_grad()) {
            (true, _) => 1,
            (false, true) => self.load_vectors(&arrays, false),
            (false, false) => self.load_vectors(&arrays[..1], false),
        };
        let on = Access { vectors: !strided, dense_vectors: true, peeled: false, load_vectors };
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
        dispatch.ranges = vec![
            (Slot::Scores, scores.range),
            (Slot::Grad, grad.range),
            (Slot::Upstream, dense.range),
            (Slot::Losses, dense.range),
            (Slot::ElementWeights, dense.range),
            (
                Slot::Targets,
                match layout.targets {
                    TargetForm::Probabilities => dense.range,
                    TargetForm::MultiHot => bytes.range,
                    _ => self.target_row_range(first_row, rows),
                },
            ),
            (Slot::RowStatistics, self.row_range(first_row, rows, VERDICT_BYTES)),
        ];
        dispatch
    }
}
