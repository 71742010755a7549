//! The walk over a chunk of rows.

use super::bricks::Rows;
use super::recipe::OnQuads;
use super::window::{Window, window_row};
use super::{Dispatch, Draft, flag, gcd};
use crate::batch::TargetForm;
use crate::plan::Place;
use crate::plan::chunk::Chunk;
use crate::plan::layout::{Layout, Mode, STATISTICS_BYTES};
use crate::plan::params::Params;
use crate::plan::shader::{Pass, Walk};

/// Where the parts of a row lie among all its parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts {
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
struct Placed<'a> {
    scores: &'a Window,
    grad: &'a Window,
    dense: &'a Window,
}

/// How rows lie on quads.
struct Quads {
    /// Whether scores and gradient are taken by quads, and dense targets too.
    quads: bool,
    dense_quads: bool,
    /// Whether rows may begin or end within one.
    peeled: bool,
    /// Rows that one team takes, so that no other writes to their quads.
    bundle: u64,
}

impl Placed<'_> {
    /// The arrays in the type of the scores, with how far it is from one row to the next in each.
    fn rows(&self, layout: &Layout, grad_wanted: bool) -> Vec<Rows<'_>> {
        let scores = (self.scores, layout.scores_step());
        std::iter::once(scores).chain(grad_wanted.then_some((self.grad, layout.grad_step()))).collect()
    }
}

impl Draft<'_> {
    /// One pass over a chunk; `tiled`, four rows at once are held by a thread.
    pub(super) fn walk_chunk(&self, chunk: &Chunk, pass: Pass, parts: Parts, tiled: bool) -> Dispatch {
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
        let dense = window(dense_step, if layout.targets == TargetForm::MultiHot { 1 } else { 4 });
        let (first_row, rows) = (chunk.first_n * inner, chunk.count * inner);

        let split = parts.here > 1 || chunk.classes < layout.all_classes() as u64;
        let grad_wanted = layout.writes_grad() && pass != Pass::Part;
        let placed = Placed { scores: &scores, grad: &grad, dense: &dense };
        let Quads { quads, dense_quads, peeled, bundle } = self.on_quads(chunk, placed, grad_wanted, split);

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
            first_part: parts.first as u32,
            parts: parts.here as u32,
            part_classes: parts.classes as u32,
            record_row: parts.all as u32,
            record_part: 1,
            ..self.params()
        };
        let walk = match tiled {
            true => Walk::Tile(shape.classes as u32),
            false if split => self.walk,
            false => self.held(pass, peeled),
        };
        let (quads, dense_quads, bundle) = if tiled { (true, true, 4) } else { (quads, dense_quads, bundle) };
        let arrays = placed.rows(layout, grad_wanted);
        let (walk, brick) = if quads { self.in_bricks(walk, &arrays) } else { (walk, 1) };
        let ragged = brick > 1 && brick != self.brick(&arrays, false);
        let on = OnQuads { quads, dense_quads, brick };
        let recipe = self.walk_recipe(walk, pass, on, grad_wanted);
        let (per_group, tasks) = match self.walk {
            Walk::Column => (u64::from(self.geometry.group), chunk.count * inner.div_ceil(4)),
            _ if split => (self.geometry.teams, rows * parts.here),
            _ => (self.geometry.teams, rows.div_ceil(bundle)),
        };
        let spread = self.spread(bundle * scores_step * size);
        let tasks = if spread > 1 { tasks.next_multiple_of(8 * spread) } else { tasks };
        let mut dispatch = self.dispatch(recipe, params, tasks.div_ceil(per_group));
        dispatch.elements = rows * chunk.classes;
        dispatch.constants = self.walk_constants(per_group);
        dispatch.constants.extend([
            ("BUNDLE", bundle as f64),
            ("PEELED", flag(peeled)),
            ("RAGGED", flag(ragged)),
            ("SPREAD", spread as f64),
            ("SPLIT", flag(split)),
            ("GRAD", flag(grad_wanted)),
        ]);
        let row_span = |bytes: u64| self.row_span(first_row, rows, bytes);
        dispatch.spans = vec![
            (Place::Scores, scores.span),
            (Place::Grad, grad.span),
            (Place::Upstream, row_span(4)),
            (Place::Losses, row_span(4)),
            (Place::Lse, row_span(4)),
            (Place::Argmax, row_span(4)),
            (Place::Statistics, row_span(STATISTICS_BYTES)),
            (Place::Records, row_span(STATISTICS_BYTES)),
            (Place::Parts, row_span(STATISTICS_BYTES * parts.all)),
            (
                Place::Targets,
                if layout.targets.is_dense() { dense.span } else { self.target_row_span(first_row, rows) },
            ),
        ];
        if layout.mode == Mode::Statistics {
            dispatch.elsewhere.push((15, Place::Statistics));
        } else if pass == Pass::Gradient && layout.mode == Mode::Whole && !layout.statistics {
            dispatch.elsewhere.push((16, Place::Records));
        }
        dispatch
    }

    /// Every how many tasks begin as far behind a line of a processor's cache, if a thread takes each and those in between
    /// do not: rows of so many bytes, or quads side by side.
    fn spread(&self, row_bytes: u64) -> u64 {
        const LINE: u64 = 64;
        /// Shorter tasks are worth more side by side.
        const LEAST: u64 = 256;
        if !self.geometry.spreads {
            return 1;
        }
        let quad = 4 * self.layout.dtype.size() as u64;
        let spread = match self.walk {
            Walk::Column => LINE / quad,
            _ if row_bytes < LEAST => 1,
            _ => LINE / gcd(row_bytes, LINE),
        };
        if spread <= LINE / quad { spread } else { 1 }
    }

    fn on_quads(&self, chunk: &Chunk, placed: Placed<'_>, grad_wanted: bool, split: bool) -> Quads {
        let layout = self.layout;
        let (scores, grad) = (placed.scores, placed.grad);
        let (scores_step, grad_step) = (layout.scores_step(), layout.grad_step());
        let inner = layout.shape.inner as u64;
        let on_quads = |step: u64, at: u64| match self.walk {
            Walk::Column => inner.is_multiple_of(4) && step.is_multiple_of(4) && at.is_multiple_of(4),
            _ => step.is_multiple_of(4) && at.is_multiple_of(4),
        };
        let grad_on_quads = !grad_wanted || on_quads(grad_step, grad.at);
        let aligned = on_quads(scores_step, scores.at) && grad_on_quads;
        // Rows off the quads are peeled; but quads that are written may only be shared by rows that one team takes.
        let sharing = 4 / gcd(grad_step, 4);
        let alike = scores_step % 4 == grad_step % 4 && scores.at % 4 == grad.at % 4;
        let together = alike && !split && self.sizes.within_reach;
        let quads = match self.walk {
            Walk::Column => aligned,
            _ => aligned || !grad_wanted || together,
        };
        let whole_quads = aligned && chunk.classes.is_multiple_of(4);
        let peeled = self.walk == Walk::Row && !whole_quads;
        Quads {
            quads,
            dense_quads: whole_quads && on_quads(layout.shape.slab() as u64, placed.dense.at),
            peeled,
            bundle: if peeled && quads && grad_wanted { sharing } else { 1 },
        }
    }
}
