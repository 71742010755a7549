//! What a traversal's kernel is put together from, and what its overrides are.

use super::{Scheduler, flag};
use crate::kernel::{Extras, Grad, KernelSpec, LossKernel, Pass, RowOptions, Traversal};
use crate::layout::{Mode, Upstream};

/// What is taken by vectors.
#[derive(Debug, Clone, Copy)]
pub(super) struct VectorAccess {
    /// Whether scores and gradient are taken by vectors.
    pub(super) vectors: bool,
    /// Whether dense targets are taken by vectors.
    pub(super) dense_vectors: bool,
    /// Positions that a thread takes side by side, down a column.
    pub(super) positions: u32,
    /// Whether rows may begin or end within a vector.
    pub(super) peeled: bool,
    /// Vectors of scores and gradient that are loaded and stored at once.
    pub(super) load_vectors: u32,
}

impl Scheduler<'_> {
    /// A traversal's kernel.
    pub(super) fn loss_kernel(&self, traversal: Traversal, pass: Pass, on: VectorAccess, grad: bool) -> KernelSpec {
        let layout = self.layout;
        KernelSpec::Loss(LossKernel {
            traversal,
            team: self.geometry.team,
            pass,
            kind: self.spec.kind.computed_as(),
            dtype: layout.dtype,
            targets: layout.targets,
            missing: layout.missing_labels,
            teacher: layout.teacher,
            options: self.row_options(pass),
            vectors: on.vectors,
            positions: on.positions,
            peeled: on.peeled,
            long_sums: matches!(traversal, Traversal::Row | Traversal::Column) && self.sizes.long_sums,
            dense_vectors: on.dense_vectors,
            wide: self.wide,
            wide_integers: self.wide_integers(),
            puts_nan_in: self.context.profile.llvmpipe.puts_nan_in,
            // Where rows stay resident, Mesa 22.3 is faster with `unpack2x16float`.
            widens_in_integers: traversal == Traversal::Row
                && self.context.profile.llvmpipe.widens_in_integers
                && !self.portable,
            load_vectors: on.load_vectors,
            grad: match (grad, layout.in_place) {
                (false, _) => Grad::Nowhere,
                (true, false) => Grad::Separate,
                (true, true) => Grad::InPlace,
            },
            scanned: pass != Pass::Split && self.scans(),
            weighted: self.weights().is_some(),
            extras: match pass {
                Pass::Whole => self.extras(),
                Pass::Split => Extras { true_parts: self.keeps_true_parts(), ..Extras::default() },
                Pass::Gradient => Extras {
                    upstream: layout.upstream == Upstream::PerLoss,
                    entropy_upstream: layout.entropy_upstream,
                    bad_rows: layout.mode == Mode::Gradient && self.rows_tell(),
                    ..Extras::default()
                },
            },
        })
    }

    /// Which ways the options of a row's loss take.
    pub(super) fn row_options(&self, pass: Pass) -> RowOptions {
        let outputs = self.layout.outputs;
        // The gradient's pass counts nothing.
        let told = pass != Pass::Gradient;
        let of_loss = RowOptions::of(self.spec, outputs.argmax || outputs.correct);
        let entropy = of_loss.entropy || self.layout.entropy_upstream;
        RowOptions {
            spread: entropy || outputs.entropy,
            entropy,
            ahead: outputs.rank && told,
            truth: of_loss.truth || (outputs.rank || outputs.log_prob) && told,
            ..of_loss
        }
    }

    /// Whether splits of rows keep what they know of true classes.
    pub(crate) fn keeps_true_parts(&self) -> bool {
        let outputs = self.layout.outputs;
        self.layout.mode == Mode::Whole && (outputs.log_prob || outputs.rank)
    }

    /// Optional buffers that a pass over whole rows has.
    pub(super) fn extras(&self) -> Extras {
        let (layout, spec) = (self.layout, self.spec);
        let losses = layout.outputs.hands_out_losses(spec) || spec.kind.per_row();
        Extras {
            upstream: layout.upstream == Upstream::PerLoss,
            element_weights: layout.element_weights,
            losses: losses && layout.writes_loss(),
            lse: layout.outputs.lse,
            argmax: layout.outputs.argmax,
            correct: layout.outputs.correct,
            statistics: layout.statistics,
            log_prob: layout.outputs.log_prob,
            entropy: layout.outputs.entropy,
            rank: layout.outputs.rank,
            entropy_upstream: layout.entropy_upstream && layout.writes_grad(),
            true_parts: false,
            bad_rows: self.rows_tell(),
        }
    }

    /// Overrides that all traversals know.
    pub(super) fn loss_constants(&self, tasks_per_group: u64) -> Vec<(&'static str, f64)> {
        let mut constants = self.integer_constants();
        constants.extend([
            ("GROUP_SIZE", f64::from(self.geometry.group)),
            ("TASKS_PER_GROUP", tasks_per_group as f64),
            ("ONE_TASK", flag(self.geometry.exact() && tasks_per_group == self.geometry.teams)),
            ("CORRECT", flag(self.layout.outputs.correct)),
        ]);
        constants
    }
}
