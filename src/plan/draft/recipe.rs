//! What a walk's kernel is put together from, and what its overrides are.

use super::{Draft, flag};
use crate::loss::Kind;
use crate::plan::Upstream;
use crate::plan::shader::{Extras, Grad, Pass, Recipe, Walk, WalkRecipe};

/// What is taken by quads.
#[derive(Debug, Clone, Copy)]
pub(super) struct OnQuads {
    /// Scores and gradient,
    pub(super) quads: bool,
    /// and dense targets.
    pub(super) dense_quads: bool,
    /// Quads of scores and gradient that are loaded and stored at once.
    pub(super) brick: u32,
}

impl Draft<'_> {
    /// A walk's kernel.
    pub(super) fn walk_recipe(&self, walk: Walk, pass: Pass, on: OnQuads, grad: bool) -> Recipe {
        let layout = self.layout;
        Recipe::Walk(WalkRecipe {
            walk,
            team: self.geometry.team,
            pass,
            kind: self.spec.kind,
            dtype: layout.dtype,
            targets: layout.targets,
            quads: on.quads,
            dense_quads: on.dense_quads,
            wide: self.wide,
            wide_integers: self.wide_integers(),
            // Where rows are held, Mesa 22.3 is faster with `unpack2x16float`.
            widens_in_integers: walk == Walk::Row && self.context.is_software() && !self.portable,
            brick: on.brick,
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

    /// Optional buffers that a pass over whole rows has.
    pub(super) fn extras(&self) -> Extras {
        let (layout, spec) = (self.layout, self.spec);
        let losses = layout.want.hands_out_losses(spec) || spec.kind.per_row();
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

    /// Overrides that all walks know.
    pub(super) fn walk_constants(&self, tasks_per_group: u64) -> Vec<(&'static str, f64)> {
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
