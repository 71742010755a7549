//! The walks over the scores, chunk by chunk, and the merging of what they leave apart.

use super::{Dispatch, Draft, Drafted, ELEMENT_BLOCK, flag, window_row};
use crate::batch::TargetForm;
use crate::error::{Error, Result};
use crate::loss::{Kind, Reduction};
use crate::plan::chunk::{Chunk, Run, by_elements, by_rows};
use crate::plan::layout::{Mode, STATISTICS_BYTES};
use crate::plan::params::Params;
use crate::plan::shader::{Extras, Grad, HeldRow, MergeRecipe, Pass, Recipe, Walk, WalkRecipe};
use crate::plan::strategy::{Effort, HELD_LONG_ELEMENTS, HELD_ROWS, HELD_SOON};
use crate::plan::{Place, Span, Strategy, Upstream};

/// Where the parts of a row lie among all its parts.
#[derive(Debug, Clone, Copy)]
struct Parts {
    /// Parts of this dispatch in each row, and the first of them.
    here: u64,
    first: u64,
    /// Classes of each.
    classes: u64,
    /// Parts of a row in all dispatches.
    all: u64,
}

/// A dense array's part that a dispatch sees.
struct Window {
    span: Span,
    /// Where the chunk begins in it, in elements.
    at: u64,
}

impl Window {
    /// Of `elements` from `first` on, at `bytes` each; it begins on every device's offset alignment.
    fn new(first: u64, elements: u64, bytes: u64) -> Self {
        let start = first / 256 * 256;
        let at = first - start;
        Window { span: Span { offset: start * bytes, size: ((at + elements) * bytes).next_multiple_of(16) }, at }
    }
}

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
            for run in by_elements(shape, (bytes * step).div_ceil(slab), limit, ELEMENT_BLOCK) {
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
    fn reach(&self, rows: u64) -> u64 {
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
        let bundle = if self.layout.want.grad { 4 / gcd(self.layout.grad_step(), 4) } else { 1 };
        let reached = self.walk == Walk::Column || self.reach(bundle) >= self.layout.shape.classes as u64;
        if !cut && reached && self.strategy != Strategy::SplitRow {
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

    /// Whether threads hold four rows at once, of which each begins on a quad.
    fn tiles(&self, pass: Pass) -> bool {
        let layout = self.layout;
        let tight = layout.shape.classes as u64;
        self.walk == Walk::Row
            && self.strategy == Strategy::ThreadRow
            && pass == Pass::Whole
            && !(layout.targets.is_dense() && layout.want.correct)
            && layout.shape.classes <= self.held_limit(self.geometry.held_classes)
            && self.worth_holding()
            && (layout.scores_step(), layout.grad_step()) == (tight, tight)
    }

    /// Whether there are rows enough to build a kernel for their length.
    fn worth_holding(&self) -> bool {
        self.layout.shape.rows() >= HELD_ROWS
    }

    /// How many of at most `most` classes or quads are held, each of which has code of its own: few where that is long, or
    /// where few scores would have to make up for building it.
    fn held_limit(&self, most: usize) -> usize {
        let (spec, want) = (self.spec, self.layout.want);
        let long = want.argmax || want.correct || spec.softcap.is_some() || spec.label_smoothing > 0.0;
        if long || self.layout.shape.elements() < HELD_LONG_ELEMENTS { most.min(HELD_SOON) } else { most }
    }

    /// The walk that holds whole rows in registers, where they are short enough; else the one that sweeps them twice.
    fn held(&self, pass: Pass, edges: bool) -> Walk {
        let classes = self.layout.shape.classes;
        match self.walk {
            walk if pass != Pass::Whole || !self.worth_holding() => walk,
            Walk::Column if classes <= self.held_limit(self.geometry.held_classes) => Walk::HeldColumn(classes as u32),
            // Masks stand for what lies outside of a row; among given probabilities there are none.
            Walk::Row if self.spec.kind.is_softmax() => {
                let quads = (classes / 4).div_ceil(self.geometry.team_size as usize);
                if quads == 0 || quads > self.held_limit(self.geometry.held_quads) {
                    return self.walk;
                }
                // Rows that begin within a quad may have one less in their body.
                let fewest = if edges { classes.saturating_sub(3) / 4 } else { classes / 4 };
                let whole = if self.geometry.exact { fewest / self.geometry.team_size as usize } else { 0 };
                Walk::HeldRow(HeldRow { quads: quads as u32, whole: whole as u32, edges })
            }
            walk => walk,
        }
    }

    fn walk_chunk(&self, chunk: &Chunk, pass: Pass, parts: Parts, tiled: bool) -> Dispatch {
        let layout = self.layout;
        let shape = &layout.shape;
        let inner = shape.inner as u64;
        let (scores_step, grad_step) = (layout.scores_step(), layout.grad_step());
        let dense_step = shape.classes as u64 * inner;
        let size = layout.dtype.size() as u64;
        let window = |step: u64, bytes: u64| {
            let first = chunk.first_n * step + chunk.first_class * inner;
            Window::new(first, (chunk.count - 1) * step + chunk.classes * inner, bytes)
        };
        let (scores, grad) = (window(scores_step, size), window(grad_step, size));
        let dense = window(dense_step, if layout.targets == TargetForm::MultiHot { 1 } else { 4 });
        let (first_row, rows) = (chunk.first_n * inner, chunk.count * inner);

        let split = parts.here > 1 || chunk.classes < layout.all_classes() as u64;
        let grad_wanted = layout.writes_grad() && pass != Pass::Part;
        let on_quads = |step: u64, at: u64| match self.walk {
            Walk::Column => inner.is_multiple_of(4) && step.is_multiple_of(4) && at.is_multiple_of(4),
            _ => step.is_multiple_of(4) && at.is_multiple_of(4),
        };
        let grad_on_quads = !grad_wanted || on_quads(grad_step, grad.at);
        let aligned = on_quads(scores_step, scores.at) && grad_on_quads;
        // Rows off the quads are peeled; but quads that are written may only be shared by rows that one team takes.
        let sharing = 4 / gcd(grad_step, 4);
        let alike = scores_step % 4 == grad_step % 4 && scores.at % 4 == grad.at % 4;
        let together = alike && !split && self.reach(sharing) >= chunk.classes;
        let quads = match self.walk {
            Walk::Column => aligned,
            _ => aligned || !grad_wanted || together,
        };
        let whole_quads = aligned && chunk.classes.is_multiple_of(4);
        let peeled = self.walk == Walk::Row && !whole_quads;
        let dense_quads = whole_quads && on_quads(dense_step, dense.at);
        let bundle = if peeled && quads && grad_wanted { sharing } else { 1 };

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
        let recipe = self.walk_recipe(walk, pass, quads, dense_quads, grad_wanted);
        let (per_group, tasks) = match self.walk {
            Walk::Column => (u64::from(self.geometry.group), chunk.count * inner.div_ceil(4)),
            _ if split => (self.geometry.teams, rows * parts.here),
            _ => (self.geometry.teams, rows.div_ceil(bundle)),
        };
        let mut dispatch = self.dispatch(recipe, params, tasks.div_ceil(per_group));
        dispatch.elements = rows * chunk.classes;
        dispatch.constants = self.walk_constants(per_group);
        dispatch.constants.extend([
            ("BUNDLE", bundle as f64),
            ("PEELED", flag(peeled)),
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

    /// A run of elements, whose block sums begin at `first_part`.
    fn walk_run(&self, run: &Run, first_part: u64) -> Dispatch {
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
            Window::new(first, place(run.first_element + run.elements - 1) + 1 - first, bytes)
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
        let recipe = self.walk_recipe(self.walk, Pass::Whole, !strided, true, layout.writes_grad());
        let groups = run.elements.div_ceil(ELEMENT_BLOCK).div_ceil(self.geometry.teams);
        let mut dispatch = self.dispatch(recipe, params, groups);
        dispatch.elements = run.elements;
        dispatch.constants = self.walk_constants(self.geometry.teams);
        dispatch.constants.extend([
            ("STRIDED", flag(strided)),
            ("BLOCK", ELEMENT_BLOCK as f64),
            ("GRAD", flag(layout.writes_grad())),
            ("HAS_LOSSES", flag(layout.want.losses || spec.reduction == Reduction::None)),
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
        ];
        dispatch
    }

    /// The records of shards, one after another, merged.
    pub(super) fn merge_shards(&self, drafted: &mut Drafted, shards: u32) -> Result<u64> {
        let rows = self.layout.shape.rows() as u64;
        let needed = u64::from(shards) * rows * STATISTICS_BYTES;
        let limit = self.context.binding_limit();
        if needed > limit {
            return Err(Error::Limit {
                limit: "max_storage_buffer_binding_size",
                got: limit,
                needed,
                what: format!("the statistics of {rows} rows in {shards} shards"),
            });
        }
        let mut dispatch = self.merge(0, rows, u64::from(shards));
        dispatch.params.record_row = 1;
        dispatch.params.record_part = rows as u32;
        dispatch.elsewhere.extend([(15, Place::Shards), (16, Place::Statistics)]);
        dispatch.spans.push((Place::Shards, Span { offset: 0, size: needed }));
        drafted.dispatches.push(dispatch);
        Ok(rows)
    }

    fn merge(&self, first_row: u64, rows: u64, parts: u64) -> Dispatch {
        const GROUP: u64 = 64;
        let layout = self.layout;
        let keeps = layout.statistics || layout.mode != Mode::Whole || layout.want.grad;
        let recipe = Recipe::Merge(MergeRecipe {
            kind: self.spec.kind,
            targets: layout.targets,
            extras: Extras { upstream: false, element_weights: false, statistics: keeps, ..self.extras() },
        });
        let params = Params {
            rows: rows as u32,
            first_row: (first_row - window_row(first_row)) as u32,
            window_row: window_row(first_row) as u32,
            parts: parts as u32,
            ..self.params()
        };
        let mut dispatch = self.dispatch(recipe, params, rows.div_ceil(GROUP));
        dispatch.elements = rows * parts;
        dispatch.constants = self.walk_constants(1);
        dispatch.constants.push(("GROUP_SIZE", GROUP as f64));
        let row_span = |bytes: u64| self.row_span(first_row, rows, bytes);
        dispatch.spans = vec![
            (Place::Losses, row_span(4)),
            (Place::Lse, row_span(4)),
            (Place::Argmax, row_span(4)),
            (Place::Statistics, row_span(STATISTICS_BYTES)),
            (Place::Records, row_span(STATISTICS_BYTES)),
        ];
        if !layout.targets.is_dense() {
            dispatch.spans.push((Place::Targets, self.target_row_span(first_row, rows)));
        }
        if layout.mode == Mode::Whole && !layout.statistics {
            dispatch.elsewhere.push((16, Place::Records));
        }
        dispatch
    }

    fn walk_recipe(&self, walk: Walk, pass: Pass, quads: bool, dense_quads: bool, grad: bool) -> Recipe {
        let layout = self.layout;
        Recipe::Walk(WalkRecipe {
            walk,
            team: self.geometry.team,
            pass,
            kind: self.spec.kind,
            dtype: layout.dtype,
            targets: layout.targets,
            quads,
            dense_quads,
            wide: self.wide,
            wide_integers: self.wide_integers(),
            grad: match (grad, layout.in_place) {
                (false, _) => Grad::Nowhere,
                (true, false) => Grad::Separate,
                (true, true) => Grad::InPlace,
            },
            weighted: self.weights().is_some(),
            extras: match pass {
                Pass::Whole => self.extras(),
                Pass::Part => Extras::default(),
                Pass::Gradient => Extras { upstream: layout.upstream == Upstream::PerLoss, ..Extras::default() },
            },
        })
    }

    fn extras(&self) -> Extras {
        let (layout, spec) = (self.layout, self.spec);
        let losses = layout.want.losses || spec.reduction == Reduction::None || spec.kind.per_row();
        Extras {
            upstream: layout.upstream == Upstream::PerLoss,
            element_weights: layout.element_weights,
            losses: losses && layout.writes_loss(),
            lse: layout.want.lse,
            argmax: layout.want.argmax,
            correct: layout.want.correct,
            statistics: layout.statistics,
        }
    }

    fn walk_constants(&self, tasks_per_group: u64) -> Vec<(&'static str, f64)> {
        let (spec, want) = (self.spec, self.layout.want);
        let mut constants = self.integer_constants();
        constants.extend([
            ("GROUP_SIZE", f64::from(self.geometry.group)),
            ("TASKS_PER_GROUP", tasks_per_group as f64),
            ("ONE_TASK", flag(self.geometry.exact && tasks_per_group == self.geometry.teams)),
            ("ARGMAX", flag(want.argmax || want.correct)),
            ("CORRECT", flag(want.correct)),
            ("SMOOTHED", flag(spec.label_smoothing > 0.0)),
            ("TRANSFORMED", flag(spec.logit_scale != 1.0)),
            ("CAPPED", flag(spec.softcap.is_some())),
            ("Z_LOSS", flag(spec.z_loss > 0.0)),
            ("FOCAL", flag(spec.kind == Kind::SoftmaxFocal)),
        ]);
        constants
    }
}

/// Whether some chunk holds less than whole rows.
fn cuts_rows(chunks: &[Chunk], classes: usize) -> bool {
    chunks.iter().any(|chunk| chunk.classes < classes as u64)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
