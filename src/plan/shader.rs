//! The one place where kernels are put together: a recipe names the pieces, `source` lays them end to end.
//!
//! Pieces are plain WGSL that define the same few functions each (`load4`, `target_values`, `team_sum`, …), so that
//! element types, targets, models and teams combine freely.

use crate::batch::{Dtype, TargetForm};
use crate::loss::Kind;

/// What a kernel is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Recipe {
    /// Losses and gradients.
    Walk(WalkRecipe),
    /// Denominator and label check over classes.
    ScanLabels {
        /// Whether classes have weights.
        weighted: bool,
    },
    /// The check of class lists.
    ScanLists,
    /// The scan's results put into scales and status.
    ScanFinish,
    /// One level of the sum of losses.
    Sum,
}

/// The pieces of a kernel that walks scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct WalkRecipe {
    /// The way over the scores.
    pub(crate) walk: Walk,
    /// Who goes it together.
    pub(crate) team: Team,
    /// The loss.
    pub(crate) kind: Kind,
    /// The type of scores and gradients.
    pub(crate) dtype: Dtype,
    /// The form of the targets.
    pub(crate) targets: TargetForm,
    /// Whether scores are taken by aligned quads of 4 (or one by one).
    pub(crate) quads: bool,
    /// Whether probabilities are taken by aligned quads.
    pub(crate) dense_quads: bool,
    /// Where the gradient goes.
    pub(crate) grad: Grad,
    /// Whether classes have weights.
    pub(crate) weighted: bool,
    /// Which optional buffers are bound.
    pub(crate) extras: Extras,
}

/// The optional buffers of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Extras {
    /// The gradient that arrives at each loss.
    pub(crate) upstream: bool,
    /// One weight an element.
    pub(crate) element_weights: bool,
    /// The losses before reduction.
    pub(crate) losses: bool,
    /// Log-sum-exps.
    pub(crate) lse: bool,
    /// Highest classes.
    pub(crate) argmax: bool,
    /// Counts of correct rows.
    pub(crate) correct: bool,
}

/// The way over the scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Walk {
    /// Along rows whose classes lie side by side.
    Row,
    /// Down the classes, four rows side by side.
    Column,
    /// Flat, for losses of single elements.
    Element,
}

/// Who walks a row (or block) together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Team {
    /// One thread.
    Thread,
    /// One subgroup.
    Subgroup,
    /// One workgroup with subgroups.
    Workgroup,
    /// One workgroup without.
    WorkgroupTree,
}

/// Where the gradient goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Grad {
    /// Nowhere: only the loss is wanted.
    Nowhere,
    /// Into a buffer of its own.
    Separate,
    /// Over the scores.
    InPlace,
}

macro_rules! piece {
    ($path:literal) => {
        include_str!(concat!("../../shaders/", $path))
    };
}

impl Recipe {
    /// The kernel's WGSL.
    pub(crate) fn source(&self) -> String {
        let mut pieces = vec![piece!("params.wgsl"), piece!("scalars.wgsl")];
        match self {
            Recipe::Walk(walk) => return walk.source(pieces),
            Recipe::ScanLabels { weighted } => pieces.extend([
                piece!("reduce/part.wgsl"),
                piece!("target/integers.wgsl"),
                piece!("target/labels.wgsl"),
                weights(*weighted),
                piece!("reduce/scan_labels.wgsl"),
            ]),
            Recipe::ScanLists => pieces.extend([
                piece!("reduce/part.wgsl"),
                piece!("target/integers.wgsl"),
                piece!("target/lists.wgsl"),
                piece!("reduce/scan_lists.wgsl"),
            ]),
            Recipe::ScanFinish => pieces.extend([
                piece!("reduce/part.wgsl"),
                piece!("output/status.wgsl"),
                piece!("reduce/scan_finish.wgsl"),
            ]),
            Recipe::Sum => pieces.extend([piece!("input/scalars.wgsl"), piece!("reduce/sum.wgsl")]),
        }
        pieces.join("\n")
    }

    /// A name for logs and graphics debuggers.
    pub(crate) fn label(&self) -> String {
        match self {
            Recipe::Walk(w) => {
                format!("gpu-loss {} {} {} {:?}/{:?}", w.kind.name(), w.targets.name(), w.dtype.name(), w.walk, w.team)
            }
            other => format!("gpu-loss {other:?}"),
        }
    }
}

fn weights(weighted: bool) -> &'static str {
    if weighted { piece!("model/weights.wgsl") } else { piece!("model/no_weights.wgsl") }
}

/// The piece of an optional buffer, or the function that stands in for it.
fn optional(present: bool, piece: &'static str, absent: &'static str) -> &'static str {
    if present { piece } else { absent }
}

impl WalkRecipe {
    fn source(&self, mut pieces: Vec<&'static str>) -> String {
        let halves = self.dtype != Dtype::F32;
        let in_place = self.grad == Grad::InPlace;
        pieces.extend([piece!("input/scalars.wgsl"), piece!("math.wgsl")]);
        pieces.push(match self.dtype {
            Dtype::F32 => piece!("element/f32.wgsl"),
            Dtype::F16 => piece!("element/f16.wgsl"),
            Dtype::Bf16 => piece!("element/bf16.wgsl"),
        });
        pieces.push(match (self.quads, halves && in_place) {
            (true, _) => piece!("access/load_quads.wgsl"),
            (false, false) => piece!("access/load_words.wgsl"),
            (false, true) => piece!("access/load_atomic_words.wgsl"),
        });
        let store = match (self.grad, self.quads, halves) {
            (Grad::Nowhere, _, _) => piece!("access/store_nothing.wgsl"),
            (_, true, _) => piece!("access/store_quads.wgsl"),
            (_, false, false) => piece!("access/store_words.wgsl"),
            (_, false, true) => piece!("access/store_halves.wgsl"),
        };
        let store = if in_place { over_the_scores(store) } else { store.to_owned() };
        let mut rest = Vec::new();
        rest.extend(match self.targets {
            TargetForm::Classes => {
                vec![piece!("target/integers.wgsl"), piece!("target/labels.wgsl"), piece!("target/classes.wgsl")]
            }
            TargetForm::Lists => vec![piece!("target/integers.wgsl"), piece!("target/lists.wgsl")],
            TargetForm::MultiHot => vec![piece!("target/multi_hot.wgsl")],
            TargetForm::Probabilities => vec![
                if self.dense_quads { piece!("target/dense_quads.wgsl") } else { piece!("target/dense_words.wgsl") },
                piece!("target/probabilities.wgsl"),
            ],
        });
        rest.push(weights(self.weighted));
        rest.push(match self.kind {
            Kind::SoftmaxCe | Kind::SoftmaxFocal => piece!("model/softmax.wgsl"),
            Kind::Ce => piece!("model/given.wgsl"),
            Kind::SigmoidCe => piece!("model/sigmoid_ce.wgsl"),
            Kind::SigmoidFocal => piece!("model/sigmoid_focal.wgsl"),
            Kind::Bce => piece!("model/bce.wgsl"),
        });
        let has = self.extras;
        rest.extend([
            optional(
                has.upstream,
                piece!("input/upstream.wgsl"),
                "fn upstream_at(i: u32) -> f32 { return 1.0; }\nfn upstream4(i: u32) -> vec4<f32> { return vec4(1.0); }\n",
            ),
            optional(
                has.element_weights,
                piece!("input/element_weights.wgsl"),
                "fn element_weights4(i: u32) -> vec4<f32> { return vec4(1.0); }\n",
            ),
            optional(has.losses, piece!("output/losses.wgsl"), "fn put_loss(i: u32, value: f32) {}\n"),
            optional(has.lse, piece!("output/lse.wgsl"), "fn put_lse(i: u32, value: f32) {}\n"),
            optional(has.argmax, piece!("output/argmax.wgsl"), "fn put_argmax(i: u32, class_id: u32) {}\n"),
            if self.kind.takes_probabilities() || has.correct {
                piece!("output/status.wgsl")
            } else {
                "fn count_outside(index: u32) {}\nfn count_correct() {}\n"
            },
            match self.team {
                Team::Thread => piece!("team/thread.wgsl"),
                Team::Subgroup => piece!("team/subgroup.wgsl"),
                Team::Workgroup => piece!("team/workgroup.wgsl"),
                Team::WorkgroupTree => piece!("team/workgroup_tree.wgsl"),
            },
            match self.walk {
                Walk::Row => piece!("walk/row.wgsl"),
                Walk::Column => piece!("walk/column.wgsl"),
                Walk::Element => piece!("walk/element.wgsl"),
            },
        ]);
        format!("{}\n{store}\n{}", pieces.join("\n"), rest.join("\n"))
    }
}

/// A store piece whose gradient buffer is the scores' own.
fn over_the_scores(store: &str) -> String {
    let lines = store.lines().filter(|line| !line.starts_with("@group"));
    lines.map(|line| line.replace("grad[", "scores[")).collect::<Vec<_>>().join("\n")
}

/// The bindings that WGSL declares, as (binding, is uniform).
pub(crate) fn bindings(source: &str) -> Vec<(u32, bool)> {
    let mut found: Vec<(u32, bool)> = source
        .lines()
        .filter_map(|line| {
            let rest = line.trim_start().strip_prefix("@group(0) @binding(")?;
            let (number, rest) = rest.split_once(')')?;
            Some((number.parse().ok()?, rest.trim_start().starts_with("var<uniform>")))
        })
        .collect();
    found.sort_unstable();
    found
}

/// Of these constants, the ones that WGSL declares as overrides: naming another would be an error.
pub(crate) fn declared<'a>(source: &str, constants: &[(&'a str, f64)]) -> Vec<(&'a str, f64)> {
    let names: Vec<&str> =
        source.lines().filter_map(|line| line.trim_start().strip_prefix("override ")?.split(':').next()).collect();
    constants.iter().filter(|(name, _)| names.contains(name)).copied().collect()
}
