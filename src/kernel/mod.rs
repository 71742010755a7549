//! The one place where kernels are put together: a kernel spec names the pieces, `source` lays them end to end.
//!
//! Pieces are plain WGSL that define the same few functions each (`load4`, `target_values`, `team_sum`, …), so that
//! element types, targets, models and teams combine freely.

#[cfg(test)]
mod contract;
mod params;
mod resident;
mod slot;
#[cfg(test)]
mod tests;

pub(crate) use self::params::Params;
pub(crate) use self::resident::ResidentRow;
pub(crate) use self::slot::{ByteRange, Slot};

use crate::batch::{Dtype, TargetForm};
use crate::loss::Kind;

macro_rules! piece {
    ($path:literal) => {
        include_str!(concat!("../../shaders/", $path))
    };
}

/// What a kernel is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum KernelSpec {
    /// Losses and gradients.
    Loss(LossKernel),
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
    /// Records of splits of rows merged, and the rows' results written.
    Merge(MergeKernel),
    /// One level of the sum of losses.
    Sum,
}

/// The pieces of a kernel that merges records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MergeKernel {
    /// The loss.
    pub(crate) kind: Kind,
    /// The form of the targets.
    pub(crate) targets: TargetForm,
    /// Which optional buffers are bound.
    pub(crate) extras: Extras,
}

/// What a traversal does with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Pass {
    /// Everything at once.
    Whole,
    /// Statistics of a part.
    Split,
    /// The gradient, from the row's statistics.
    Gradient,
}

/// The pieces of a kernel that traverses scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LossKernel {
    /// The way over the scores.
    pub(crate) traversal: Traversal,
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
    /// Whether scores are taken by aligned vectors of 4 (or one by one).
    pub(crate) vectors: bool,
    /// Whether probabilities are taken by aligned vectors.
    pub(crate) dense_vectors: bool,
    /// Whether vectors are loaded as words of 64 bits,
    pub(crate) wide: bool,
    /// and integers.
    pub(crate) wide_integers: WideIntegers,
    /// Whether halves are widened in integers.
    pub(crate) widens_in_integers: bool,
    /// Vectors that an invocation loads at once: 1, or 2 or 4 by wide loads.
    pub(crate) load_vectors: u32,
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
            true => piece!("access/llvmpipe/integers_u64.wgsl"),
            false => piece!("target/integers.wgsl"),
        };
        let indices = match self.indices {
            true => piece!("access/llvmpipe/indices_u64.wgsl"),
            false => piece!("target/indices.wgsl"),
        };
        std::iter::once(integers).chain(lists.then_some(indices))
    }
}

/// The optional buffers of a traversal.
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
pub(crate) enum Traversal {
    /// Along rows whose classes lie side by side.
    Row,
    /// Down the classes, four rows side by side.
    Column,
    /// Along rows of so few classes that a thread holds four rows.
    FourRows(u32),
    /// Along rows that a team holds.
    ResidentRow(ResidentRow),
    /// Down so few classes that a thread holds four rows of them.
    ResidentColumn(u32),
    /// Flat, for losses of single elements.
    Element,
}

/// Who takes a row (or block) together.
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

impl KernelSpec {
    /// The kernel's WGSL.
    pub(crate) fn source(&self) -> String {
        let mut pieces = vec![piece!("params.wgsl"), piece!("scales.wgsl")];
        match self {
            KernelSpec::Loss(loss) => return loss.source(pieces),
            KernelSpec::ScanLabels { weighted, wide } => {
                let integers = WideIntegers { targets: *wide, indices: false };
                pieces.extend([piece!("access/llvmpipe/u64.wgsl")].into_iter().filter(|_| *wide));
                pieces.extend([piece!("reduce/found.wgsl"), piece!("reduce/stored.wgsl")]);
                pieces.extend(integers.pieces(false));
                pieces.extend([
                    piece!("target/labels.wgsl"),
                    weights(*weighted),
                    piece!("reduce/label.wgsl"),
                    piece!("reduce/scan_labels.wgsl"),
                ]);
            }
            KernelSpec::ScanLists { wide, verdicts } => {
                pieces.extend([piece!("access/llvmpipe/u64.wgsl")].into_iter().filter(|_| wide.any()));
                pieces.extend([piece!("reduce/found.wgsl"), piece!("reduce/stored.wgsl")]);
                pieces.extend(wide.pieces(true));
                pieces.extend([
                    piece!("target/lists.wgsl"),
                    optional(*verdicts, piece!("target/verdicts.wgsl"), "fn put_verdict(row: u32, good: bool) {}\n"),
                    piece!("reduce/scan_lists.wgsl"),
                ]);
            }
            KernelSpec::ScanFinish { denominator, upstream, labels } => {
                pieces.push(piece!("reduce/found.wgsl"));
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
                    piece!("io/status.wgsl"),
                    optional(
                        *denominator,
                        piece!("io/denominator.wgsl"),
                        "fn given_denominator() -> f32 { return 1.0; }\n",
                    ),
                    optional(
                        *upstream,
                        piece!("io/upstream_scalar.wgsl"),
                        "fn scalar_upstream() -> f32 { return 1.0; }\n",
                    ),
                    piece!("reduce/scan_finish.wgsl"),
                ]);
            }
            KernelSpec::Merge(merge) => merge.extend(&mut pieces),
            KernelSpec::Sum => pieces.extend([piece!("io/scales.wgsl"), piece!("reduce/sum.wgsl")]),
        }
        pieces.join("\n")
    }

    /// A name for logs and graphics debuggers.
    pub(crate) fn label(&self) -> String {
        match self {
            KernelSpec::Loss(w) => {
                format!(
                    "gpu-loss {} {} {} {:?}/{:?}",
                    w.kind.name(),
                    w.targets.name(),
                    w.dtype.name(),
                    w.traversal,
                    w.team
                )
            }
            other => format!("gpu-loss {other:?}"),
        }
    }
}

fn weights(weighted: bool) -> &'static str {
    if weighted { piece!("loss/class_weights.wgsl") } else { piece!("loss/no_class_weights.wgsl") }
}

/// The piece of an optional buffer, or the function that stands in for it.
fn optional(present: bool, piece: &'static str, absent: &'static str) -> &'static str {
    if present { piece } else { absent }
}

impl LossKernel {
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
                true => piece!("access/llvmpipe/unpack_f16_integers.wgsl"),
            });
        }
        if self.wide || self.wide_integers.any() {
            pieces.push(piece!("access/llvmpipe/u64.wgsl"));
        }
        if self.load_vectors > 1 {
            pieces.push(piece!("access/llvmpipe/load_wide.wgsl"));
            pieces.extend(match (halves, self.load_vectors) {
                (false, _) => vec![piece!("access/llvmpipe/wide_f32.wgsl")],
                (true, 2) => {
                    vec![piece!("access/llvmpipe/wide_halves.wgsl"), piece!("access/llvmpipe/wide2_halves.wgsl")]
                }
                (true, _) => {
                    vec![piece!("access/llvmpipe/wide_halves.wgsl"), piece!("access/llvmpipe/wide4_halves.wgsl")]
                }
            });
        } else if self.vectors {
            pieces.push(match (self.wide, halves) {
                (false, _) => piece!("access/plain.wgsl"),
                (true, false) => piece!("access/llvmpipe/u64_f32.wgsl"),
                (true, true) => piece!("access/llvmpipe/u64_halves.wgsl"),
            });
            pieces.push(piece!("access/load_vectors.wgsl"));
        } else {
            pieces.push(match halves && self.grad == Grad::InPlace {
                false => piece!("access/load_scalars.wgsl"),
                true => piece!("access/load_atomic_halves.wgsl"),
            });
        }
        pieces.push(match self.load_vectors {
            1 => piece!("access/four_vectors.wgsl"),
            2 => piece!("access/llvmpipe/four_in_two.wgsl"),
            _ => piece!("access/llvmpipe/four_in_one.wgsl"),
        });
        pieces
    }

    /// How gradients are stored.
    fn store(&self) -> String {
        let halves = self.dtype != Dtype::F32;
        let store = match (self.grad, self.vectors, halves) {
            (Grad::Nowhere, _, _) => return piece!("access/store_nothing.wgsl").to_owned(),
            _ if self.load_vectors > 1 => {
                let vectors = match halves {
                    false => piece!("access/llvmpipe/store_wide_f32.wgsl"),
                    true => piece!("access/llvmpipe/store_wide_halves.wgsl"),
                };
                [piece!("access/llvmpipe/store_wide.wgsl"), vectors].join("\n")
            }
            (Grad::InPlace, true, _) => return piece!("access/store_vectors_in_place.wgsl").to_owned(),
            (Grad::Separate, true, _) => piece!("access/store_vectors.wgsl").to_owned(),
            (_, false, false) => piece!("access/store_scalars.wgsl").to_owned(),
            (_, false, true) => piece!("access/store_atomic_halves.wgsl").to_owned(),
        };
        if self.grad == Grad::InPlace { over_the_scores(&store) } else { store }
    }

    fn source(&self, mut pieces: Vec<&'static str>) -> String {
        let in_place = self.grad == Grad::InPlace;
        pieces.extend([piece!("io/scales.wgsl"), piece!("math.wgsl")]);
        pieces.extend(self.loads());
        let store = self.store();
        let gathers = matches!(self.traversal, Traversal::FourRows(_) | Traversal::ResidentColumn(_));
        let mut rest = vec![
            if in_place { "const IN_PLACE = true;\n" } else { "const IN_PLACE = false;\n" },
            if gathers { "const GATHERS = true;\n" } else { "const GATHERS = false;\n" },
            match self.traversal {
                Traversal::ResidentRow(_) => "const RESIDENT = true;\n",
                _ => "const RESIDENT = false;\n",
            },
        ];
        rest.extend(targets(self.targets, self.dense_vectors, self.wide, self.wide_integers));
        rest.push(weights(self.weighted));
        rest.extend(model(self.kind));
        let has = self.extras;
        rest.extend([
            optional(
                has.upstream,
                piece!("io/upstream_per_loss.wgsl"),
                "fn upstream_at(i: u32) -> f32 { return 1.0; }\nfn upstream4(i: u32) -> vec4<f32> { return vec4(1.0); }\n",
            ),
            optional(
                has.element_weights,
                piece!("io/element_weights.wgsl"),
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
        let written = match self.traversal {
            Traversal::ResidentRow(resident) => Some(resident.source(self.load_vectors)),
            Traversal::FourRows(classes) => Some(resident::four_rows(classes, self.load_vectors, self.targets)),
            Traversal::ResidentColumn(classes) => Some(resident::column(classes)),
            Traversal::Row | Traversal::Column | Traversal::Element => None,
        };
        let values = match self.targets {
            TargetForm::Lists => piece!("row/resident_lists.wgsl"),
            _ => piece!("row/resident_targets.wgsl"),
        };
        let (row, column) = (piece!("row/inner.wgsl"), piece!("column/column.wgsl"));
        let (together, apart) = (piece!("row/reduce_lanes.wgsl"), piece!("row/lanes_independent.wgsl"));
        if self.traversal != Traversal::Element {
            rest.push(piece!("access/llvmpipe/interleave.wgsl"));
        }
        match self.traversal {
            Traversal::Element => rest.extend([
                optional(
                    self.targets == TargetForm::Lists,
                    piece!("target/verdicts.wgsl"),
                    "fn is_bad(rows: vec4<u32>) -> vec4<bool> { return vec4(false); }\n",
                ),
                piece!("access/vectors.wgsl"),
                piece!("elementwise/elementwise.wgsl"),
            ]),
            Traversal::Row => rest.extend([piece!("access/vectors.wgsl"), row, together]),
            Traversal::ResidentRow(_) => {
                rest.extend([piece!("access/vectors.wgsl"), row, together, piece!("row/resident_inner.wgsl")]);
            }
            Traversal::Column => rest.extend([column, apart]),
            Traversal::ResidentColumn(_) => rest.extend([column, apart, piece!("column/resident.wgsl"), values]),
            Traversal::FourRows(_) => rest.extend([piece!("row/four_rows.wgsl"), apart, values]),
        }
        if self.traversal != Traversal::Element {
            rest.extend([piece!("row/tile.wgsl"), piece!("row/passes.wgsl"), piece!("row/statistics.wgsl")]);
            match self.pass {
                Pass::Whole => {
                    rest.extend([has.statistics(), piece!("row/results.wgsl")]);
                    rest.push(if written.is_some() {
                        piece!("row/resident.wgsl")
                    } else {
                        piece!("row/two_pass.wgsl")
                    });
                }
                Pass::Split => rest.extend([piece!("io/split_statistics.wgsl"), piece!("row/split.wgsl")]),
                Pass::Gradient => rest.extend([piece!("io/statistics.wgsl"), piece!("row/gradient.wgsl")]),
            }
        }
        format!("{}\n{store}\n{}\n{}", pieces.join("\n"), rest.join("\n"), written.unwrap_or_default())
    }
}

impl MergeKernel {
    fn extend(&self, pieces: &mut Vec<&'static str>) {
        pieces.push(piece!("math.wgsl"));
        pieces.extend(targets(self.targets, false, false, WideIntegers::default()));
        // B was weighed when the parts were summed.
        pieces.push(weights(false));
        pieces.extend(model(self.kind));
        pieces.extend(self.extras.outputs(self.kind));
        pieces.extend([
            piece!("row/tile.wgsl"),
            piece!("row/statistics.wgsl"),
            piece!("io/split_statistics.wgsl"),
            self.extras.statistics(),
            piece!("row/results.wgsl"),
            piece!("row/merge.wgsl"),
        ]);
    }
}

impl Extras {
    fn outputs(self, kind: Kind) -> [&'static str; 4] {
        [
            optional(self.losses, piece!("io/losses.wgsl"), "fn put_loss(i: u32, value: f32) {}\n"),
            optional(self.lse, piece!("io/lse.wgsl"), "fn put_lse(i: u32, value: f32) {}\n"),
            optional(self.argmax, piece!("io/argmax.wgsl"), "fn put_argmax(i: u32, class_id: u32) {}\n"),
            if kind.takes_probabilities() || self.correct {
                piece!("io/status.wgsl")
            } else {
                "fn count_outside(index: u32) {}\nfn count_correct() {}\n"
            },
        ]
    }

    fn statistics(self) -> &'static str {
        optional(
            self.statistics,
            piece!("io/statistics.wgsl"),
            "const KEEPS_STATISTICS = false;\nfn put_statistics(row: u32, stored: RowStatistics) {}\n",
        )
    }
}

fn targets(form: TargetForm, vectors: bool, wide: bool, integers: WideIntegers) -> Vec<&'static str> {
    match form {
        TargetForm::Classes => {
            integers.pieces(false).chain([piece!("target/labels.wgsl"), piece!("target/classes.wgsl")]).collect()
        }
        TargetForm::Lists => integers.pieces(true).chain([piece!("target/lists.wgsl")]).collect(),
        TargetForm::MultiHot => vec![piece!("target/dense.wgsl"), piece!("target/multi_hot.wgsl")],
        TargetForm::Probabilities => vec![
            match (vectors, wide) {
                (false, _) => piece!("target/dense_scalars.wgsl"),
                (true, false) => piece!("target/dense_vectors.wgsl"),
                (true, true) => piece!("access/llvmpipe/dense_u64.wgsl"),
            },
            piece!("target/dense.wgsl"),
            piece!("target/probabilities.wgsl"),
        ],
    }
}

fn model(kind: Kind) -> Vec<&'static str> {
    match kind {
        Kind::SoftmaxCe | Kind::SoftmaxFocal => {
            vec![piece!("loss/target_weights.wgsl"), piece!("loss/softmax.wgsl")]
        }
        Kind::Ce => vec![piece!("loss/target_weights.wgsl"), piece!("loss/given.wgsl")],
        Kind::SigmoidCe => vec![piece!("loss/sigmoid_ce.wgsl")],
        Kind::SigmoidFocal => vec![piece!("loss/sigmoid_focal.wgsl")],
        Kind::Bce => vec![piece!("loss/bce.wgsl")],
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
