//! The one place where kernels are put together: a recipe names the pieces, `source` lays them end to end.
//!
//! Pieces are plain WGSL that define the same few functions each (`load4`, `target_values`, `team_sum`, …), so that
//! element types, targets, models and teams combine freely.

mod held;
#[cfg(test)]
mod tests;

pub(crate) use self::held::HeldRow;

use crate::batch::{Dtype, TargetForm};
use crate::loss::Kind;

macro_rules! piece {
    ($path:literal) => {
        include_str!(concat!("../../../shaders/", $path))
    };
}

/// What a kernel is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Recipe {
    /// Losses and gradients.
    Walk(WalkRecipe),
    /// Denominator and label check over classes.
    ScanLabels {
        /// Whether classes have weights.
        weighted: bool,
        /// Whether labels are loaded as words of 64 bits.
        wide: bool,
    },
    /// The check of class lists.
    ScanLists {
        /// Which integers are loaded as words of 64 bits.
        wide: WideIntegers,
        /// Whether it is kept what was found in each row.
        verdicts: bool,
    },
    /// The scan's results put into scales and status.
    ScanFinish {
        /// Whether the denominator is in a buffer.
        denominator: bool,
        /// Whether a gradient arrives at the reduced loss.
        upstream: bool,
        /// Whether it goes through the labels itself, and then whether classes have weights.
        labels: Option<bool>,
    },
    /// Records of parts of rows merged, and the rows' results written.
    Merge(MergeRecipe),
    /// One level of the sum of losses.
    Sum,
}

/// The pieces of a kernel that merges records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MergeRecipe {
    /// The loss.
    pub(crate) kind: Kind,
    /// The form of the targets.
    pub(crate) targets: TargetForm,
    /// Which optional buffers are bound.
    pub(crate) extras: Extras,
}

/// What a walk does with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Pass {
    /// Everything at once.
    Whole,
    /// Statistics of a part.
    Part,
    /// The gradient, from the row's statistics.
    Gradient,
}

/// The pieces of a kernel that walks scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct WalkRecipe {
    /// The way over the scores.
    pub(crate) walk: Walk,
    /// Who goes it together.
    pub(crate) team: Team,
    /// What is done with a row.
    pub(crate) pass: Pass,
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
    /// Whether quads are loaded as words of 64 bits,
    pub(crate) wide: bool,
    /// and integers.
    pub(crate) wide_integers: WideIntegers,
    /// Whether halves are widened in integers.
    pub(crate) widens_in_integers: bool,
    /// Quads that an invocation loads at once: 1, or a brick of 2 or 4 where they are wide.
    pub(crate) brick: u32,
    /// Where the gradient goes.
    pub(crate) grad: Grad,
    /// Whether classes have weights.
    pub(crate) weighted: bool,
    /// Which optional buffers are bound.
    pub(crate) extras: Extras,
}

/// Which integers are loaded as words of 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct WideIntegers {
    /// Labels and list offsets.
    pub(crate) targets: bool,
    /// The classes of lists.
    pub(crate) indices: bool,
}

impl WideIntegers {
    fn any(self) -> bool {
        self.targets || self.indices
    }

    /// The pieces that read integers, of lists with their classes.
    fn pieces(self, lists: bool) -> impl Iterator<Item = &'static str> {
        let integers = match self.targets {
            true => piece!("target/integers_wide.wgsl"),
            false => piece!("target/integers.wgsl"),
        };
        let indices = match self.indices {
            true => piece!("target/indices_wide.wgsl"),
            false => piece!("target/indices.wgsl"),
        };
        std::iter::once(integers).chain(lists.then_some(indices))
    }
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
    /// Row statistics.
    pub(crate) statistics: bool,
}

/// The way over the scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Walk {
    /// Along rows whose classes lie side by side.
    Row,
    /// Down the classes, four rows side by side.
    Column,
    /// Along rows of so few classes that a thread holds four rows.
    Tile(u32),
    /// Along rows that a team holds.
    HeldRow(HeldRow),
    /// Down so few classes that a thread holds four rows of them.
    HeldColumn(u32),
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

impl Recipe {
    /// The kernel's WGSL.
    pub(crate) fn source(&self) -> String {
        let mut pieces = vec![piece!("params.wgsl"), piece!("scalars.wgsl")];
        match self {
            Recipe::Walk(walk) => return walk.source(pieces),
            Recipe::ScanLabels { weighted, wide } => {
                let integers = WideIntegers { targets: *wide, indices: false };
                pieces.extend([piece!("access/words64.wgsl")].into_iter().filter(|_| *wide));
                pieces.extend([piece!("reduce/part.wgsl"), piece!("reduce/stored.wgsl")]);
                pieces.extend(integers.pieces(false));
                pieces.extend([
                    piece!("target/labels.wgsl"),
                    weights(*weighted),
                    piece!("reduce/label.wgsl"),
                    piece!("reduce/scan_labels.wgsl"),
                ]);
            }
            Recipe::ScanLists { wide, verdicts } => {
                pieces.extend([piece!("access/words64.wgsl")].into_iter().filter(|_| wide.any()));
                pieces.extend([piece!("reduce/part.wgsl"), piece!("reduce/stored.wgsl")]);
                pieces.extend(wide.pieces(true));
                pieces.extend([
                    piece!("target/lists.wgsl"),
                    optional(*verdicts, piece!("target/verdicts.wgsl"), "fn put_verdict(row: u32, good: bool) {}\n"),
                    piece!("reduce/scan_lists.wgsl"),
                ]);
            }
            Recipe::ScanFinish { denominator, upstream, labels } => {
                pieces.push(piece!("reduce/part.wgsl"));
                match labels {
                    None => pieces.push(piece!("reduce/stored.wgsl")),
                    Some(weighted) => pieces.extend([
                        piece!("target/integers.wgsl"),
                        piece!("target/labels.wgsl"),
                        weights(*weighted),
                        piece!("reduce/label.wgsl"),
                        "fn found(i: u32) -> Found { return found_in_label(i); }\n",
                    ]),
                }
                pieces.extend([
                    piece!("output/status.wgsl"),
                    optional(
                        *denominator,
                        piece!("input/denominator.wgsl"),
                        "fn given_denominator() -> f32 { return 1.0; }\n",
                    ),
                    optional(*upstream, piece!("input/arriving.wgsl"), "fn arriving() -> f32 { return 1.0; }\n"),
                    piece!("reduce/scan_finish.wgsl"),
                ]);
            }
            Recipe::Merge(merge) => merge.extend(&mut pieces),
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
    /// How scores are loaded and unpacked: type, then access.
    fn loads(&self) -> Vec<&'static str> {
        let halves = self.dtype != Dtype::F32;
        let mut pieces = vec![match self.dtype {
            Dtype::F32 => piece!("element/f32.wgsl"),
            Dtype::F16 => piece!("element/f16.wgsl"),
            Dtype::Bf16 => piece!("element/bf16.wgsl"),
        }];
        if halves {
            pieces.push(piece!("element/halves.wgsl"));
        }
        if self.dtype == Dtype::F16 {
            pieces.push(match self.widens_in_integers {
                false => piece!("element/unpack_f16.wgsl"),
                true => piece!("element/unpack_f16_integers.wgsl"),
            });
        }
        if self.wide || self.wide_integers.any() {
            pieces.push(piece!("access/words64.wgsl"));
        }
        if self.brick > 1 {
            pieces.push(piece!("access/load_bricks.wgsl"));
            pieces.extend(match (halves, self.brick) {
                (false, _) => vec![piece!("access/brick_f32.wgsl")],
                (true, 2) => vec![piece!("access/brick_halves.wgsl"), piece!("access/brick2_halves.wgsl")],
                (true, _) => vec![piece!("access/brick_halves.wgsl"), piece!("access/brick4_halves.wgsl")],
            });
        } else if self.quads {
            pieces.push(match (self.wide, halves) {
                (false, _) => piece!("access/plain.wgsl"),
                (true, false) => piece!("access/wide_f32.wgsl"),
                (true, true) => piece!("access/wide_halves.wgsl"),
            });
            pieces.push(piece!("access/load_quads.wgsl"));
        } else {
            pieces.push(match halves && self.grad == Grad::InPlace {
                false => piece!("access/load_words.wgsl"),
                true => piece!("access/load_atomic_words.wgsl"),
            });
        }
        pieces.push(match self.brick {
            1 => piece!("access/four_quads.wgsl"),
            2 => piece!("access/four_in_two.wgsl"),
            _ => piece!("access/four_in_one.wgsl"),
        });
        pieces
    }

    /// How gradients are stored.
    fn store(&self) -> String {
        let halves = self.dtype != Dtype::F32;
        let store = match (self.grad, self.quads, halves) {
            (Grad::Nowhere, _, _) => return piece!("access/store_nothing.wgsl").to_owned(),
            _ if self.brick > 1 => {
                let quads = match halves {
                    false => piece!("access/store_bricks_f32.wgsl"),
                    true => piece!("access/store_bricks_halves.wgsl"),
                };
                [piece!("access/store_bricks.wgsl"), quads].join("\n")
            }
            (Grad::InPlace, true, _) => return piece!("access/store_quads_over.wgsl").to_owned(),
            (Grad::Separate, true, _) => piece!("access/store_quads.wgsl").to_owned(),
            (_, false, false) => piece!("access/store_words.wgsl").to_owned(),
            (_, false, true) => piece!("access/store_halves.wgsl").to_owned(),
        };
        if self.grad == Grad::InPlace { over_the_scores(&store) } else { store }
    }

    fn source(&self, mut pieces: Vec<&'static str>) -> String {
        let in_place = self.grad == Grad::InPlace;
        pieces.extend([piece!("input/scalars.wgsl"), piece!("math.wgsl")]);
        pieces.extend(self.loads());
        let store = self.store();
        let gathers = matches!(self.walk, Walk::Tile(_) | Walk::HeldColumn(_));
        let mut rest = vec![
            if in_place { "const IN_PLACE = true;\n" } else { "const IN_PLACE = false;\n" },
            if gathers { "const GATHERS = true;\n" } else { "const GATHERS = false;\n" },
            match self.walk {
                Walk::HeldRow(_) => "const HOLDS = true;\n",
                _ => "const HOLDS = false;\n",
            },
        ];
        rest.extend(targets(self.targets, self.dense_quads, self.wide, self.wide_integers));
        rest.push(weights(self.weighted));
        rest.extend(model(self.kind));
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
        ]);
        rest.extend(has.outputs(self.kind));
        rest.push(match self.team {
            Team::Thread => piece!("team/thread.wgsl"),
            Team::Subgroup => piece!("team/subgroup.wgsl"),
            Team::Workgroup => piece!("team/workgroup.wgsl"),
            Team::WorkgroupTree => piece!("team/workgroup_tree.wgsl"),
        });
        let written = match self.walk {
            Walk::HeldRow(held) => Some(held.source(self.brick)),
            Walk::Tile(classes) => Some(held::tile(classes, self.brick, self.targets)),
            Walk::HeldColumn(classes) => Some(held::column(classes)),
            Walk::Row | Walk::Column | Walk::Element => None,
        };
        let values = match self.targets {
            TargetForm::Lists => piece!("rows/held_bits.wgsl"),
            _ => piece!("rows/held_values.wgsl"),
        };
        let (row, column) = (piece!("walk/row.wgsl"), piece!("walk/column.wgsl"));
        let (together, apart) = (piece!("rows/together.wgsl"), piece!("rows/apart.wgsl"));
        if self.walk != Walk::Element {
            rest.push(piece!("walk/spread.wgsl"));
        }
        match self.walk {
            Walk::Element => rest.extend([
                optional(
                    self.targets == TargetForm::Lists,
                    piece!("target/verdicts.wgsl"),
                    "fn is_bad(rows: vec4<u32>) -> vec4<bool> { return vec4(false); }\n",
                ),
                piece!("walk/bricks.wgsl"),
                piece!("walk/element.wgsl"),
            ]),
            Walk::Row => rest.extend([piece!("walk/bricks.wgsl"), row, together]),
            Walk::HeldRow(_) => {
                rest.extend([piece!("walk/bricks.wgsl"), row, together, piece!("walk/held_row.wgsl")]);
            }
            Walk::Column => rest.extend([column, apart]),
            Walk::HeldColumn(_) => rest.extend([column, apart, piece!("walk/held_column.wgsl"), values]),
            Walk::Tile(_) => rest.extend([piece!("walk/tile.wgsl"), apart, values]),
        }
        if self.walk != Walk::Element {
            rest.extend([piece!("rows/strip.wgsl"), piece!("rows/sweeps.wgsl"), piece!("rows/record.wgsl")]);
            match self.pass {
                Pass::Whole => {
                    rest.extend([has.statistics(), piece!("rows/results.wgsl")]);
                    rest.push(if written.is_some() { piece!("rows/held.wgsl") } else { piece!("rows/whole.wgsl") });
                }
                Pass::Part => rest.extend([piece!("rows/parts.wgsl"), piece!("rows/part.wgsl")]),
                Pass::Gradient => rest.extend([piece!("rows/statistics.wgsl"), piece!("rows/gradient.wgsl")]),
            }
        }
        format!("{}\n{store}\n{}\n{}", pieces.join("\n"), rest.join("\n"), written.unwrap_or_default())
    }
}

impl MergeRecipe {
    fn extend(&self, pieces: &mut Vec<&'static str>) {
        pieces.push(piece!("math.wgsl"));
        pieces.extend(targets(self.targets, false, false, WideIntegers::default()));
        // B was weighed when the parts were summed.
        pieces.push(weights(false));
        pieces.extend(model(self.kind));
        pieces.extend(self.extras.outputs(self.kind));
        pieces.extend([
            piece!("rows/strip.wgsl"),
            piece!("rows/record.wgsl"),
            piece!("rows/parts.wgsl"),
            self.extras.statistics(),
            piece!("rows/results.wgsl"),
            piece!("rows/merge.wgsl"),
        ]);
    }
}

impl Extras {
    fn outputs(self, kind: Kind) -> [&'static str; 4] {
        [
            optional(self.losses, piece!("output/losses.wgsl"), "fn put_loss(i: u32, value: f32) {}\n"),
            optional(self.lse, piece!("output/lse.wgsl"), "fn put_lse(i: u32, value: f32) {}\n"),
            optional(self.argmax, piece!("output/argmax.wgsl"), "fn put_argmax(i: u32, class_id: u32) {}\n"),
            if kind.takes_probabilities() || self.correct {
                piece!("output/status.wgsl")
            } else {
                "fn count_outside(index: u32) {}\nfn count_correct() {}\n"
            },
        ]
    }

    fn statistics(self) -> &'static str {
        optional(
            self.statistics,
            piece!("rows/statistics.wgsl"),
            "const KEEPS_STATISTICS = false;\nfn put_statistics(row: u32, record: Record) {}\n",
        )
    }
}

fn targets(form: TargetForm, quads: bool, wide: bool, integers: WideIntegers) -> Vec<&'static str> {
    match form {
        TargetForm::Classes => {
            integers.pieces(false).chain([piece!("target/labels.wgsl"), piece!("target/classes.wgsl")]).collect()
        }
        TargetForm::Lists => integers.pieces(true).chain([piece!("target/lists.wgsl")]).collect(),
        TargetForm::MultiHot => vec![piece!("target/dense.wgsl"), piece!("target/multi_hot.wgsl")],
        TargetForm::Probabilities => vec![
            match (quads, wide) {
                (false, _) => piece!("target/dense_words.wgsl"),
                (true, false) => piece!("target/dense_quads.wgsl"),
                (true, true) => piece!("target/dense_wide.wgsl"),
            },
            piece!("target/dense.wgsl"),
            piece!("target/probabilities.wgsl"),
        ],
    }
}

fn model(kind: Kind) -> Vec<&'static str> {
    match kind {
        Kind::SoftmaxCe | Kind::SoftmaxFocal => {
            vec![piece!("model/target_weights.wgsl"), piece!("model/softmax.wgsl")]
        }
        Kind::Ce => vec![piece!("model/target_weights.wgsl"), piece!("model/given.wgsl")],
        Kind::SigmoidCe => vec![piece!("model/sigmoid_ce.wgsl")],
        Kind::SigmoidFocal => vec![piece!("model/sigmoid_focal.wgsl")],
        Kind::Bce => vec![piece!("model/bce.wgsl")],
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
