//! The walk over single elements, for losses that have no rows.

use super::recipe::OnQuads;
use super::window::{Window, window_row};
use super::{Dispatch, Draft, ELEMENT_BLOCK, VERDICT_BYTES, flag};
use crate::batch::TargetForm;
use crate::plan::Place;
use crate::plan::chunk::Run;
use crate::plan::params::Params;
use crate::plan::shader::Pass;

impl Draft<'_> {
    /// A run of elements, whose block sums begin at `first_part`.
    pub(super) fn walk_run(&self, run: &Run, first_part: u64) -> Dispatch {
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
            first_part: first_part as u32,
            ..self.params()
        };
        let arrays = [(&scores, 0), (&grad, 0)];
        let brick = match (strided, layout.writes_grad()) {
            (true, _) => 1,
            (false, true) => self.brick(&arrays, false),
            (false, false) => self.brick(&arrays[..1], false),
        };
        let on = OnQuads { quads: !strided, dense_quads: true, brick };
        let recipe = self.walk_recipe(self.walk, Pass::Whole, on, layout.writes_grad());
        let groups = run.elements.div_ceil(ELEMENT_BLOCK).div_ceil(self.geometry.teams);
        let mut dispatch = self.dispatch(recipe, params, groups);
        dispatch.elements = run.elements;
        dispatch.constants = self.walk_constants(self.geometry.teams);
        dispatch.constants.extend([
            ("STRIDED", flag(strided)),
            ("BLOCK", ELEMENT_BLOCK as f64),
            ("GRAD", flag(layout.writes_grad())),
            ("HAS_LOSSES", flag(layout.want.hands_out_losses(spec))),
        ]);
        dispatch.spans = vec![
            (Place::Scores, scores.span),
            (Place::Grad, grad.span),
            (Place::Upstream, dense.span),
            (Place::Losses, dense.span),
            (Place::ElementWeights, dense.span),
            (
                Place::Targets,
                match layout.targets {
                    TargetForm::Probabilities => dense.span,
                    TargetForm::MultiHot => bytes.span,
                    _ => self.target_row_span(first_row, rows),
                },
            ),
            (Place::Records, self.row_span(first_row, rows, VERDICT_BYTES)),
        ];
        dispatch
    }
}
