//! The one place where kernels are put together: a key names the pieces, `source` lays them end to end.
//!
//! Pieces are plain WGSL. Those of one family define the same few functions (`load4`, `target_values`, `team_sum`, …), so
//! that element types, targets, losses and teams combine freely. What is switched off is not there.

use super::key::{Grad, KernelSpec, LossKernel, MergeKernel, Pass, RowOptions, Team, Traversal, WideIntegers};
use super::pieces::*;
use super::targets::{targets, weights, words};
use super::{maths, resident, scan, template};
use crate::batch::{Dtype, TargetForm};
use crate::loss::Kind;

impl KernelSpec {
    /// The kernel's WGSL.
    pub(crate) fn source(&self) -> String {
        let mut pieces = vec![PARAMS, SCALES];
        match self {
            KernelSpec::Loss(loss) => return loss.source(pieces),
            KernelSpec::ScanLabels { weighted, wide } => pieces.extend(scan::labels(*weighted, *wide)),
            KernelSpec::ScanLists { wide, verdicts } => pieces.extend(scan::lists(*wide, *verdicts)),
            KernelSpec::ScanMultiHot => pieces.extend(scan::MULTI_HOT),
            KernelSpec::ScanFinish { denominator, upstream, labels } => {
                pieces.extend(scan::finish(*denominator, *upstream, *labels));
            }
            KernelSpec::Merge(merge) => pieces.extend(merge.pieces()),
            KernelSpec::Sum => pieces.extend([IO_SCALES, REDUCE_SUM]),
            KernelSpec::ClassSums => pieces.extend([ROW_SUM_COMPENSATED, REDUCE_CLASS_SUMS]),
            KernelSpec::ClassSumsFinish => pieces.extend([ROW_SUM_COMPENSATED, REDUCE_CLASS_SUMS_FINISH]),
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

impl LossKernel {
    fn source(&self, mut pieces: Pieces) -> String {
        pieces.extend([IO_SCALES, MATH]);
        pieces.extend(self.loads());
        pieces.extend(self.stores());
        pieces.extend(match self.missing {
            true => vec![TARGET_MULTI_HOT_MISSING],
            false if self.targets == TargetForm::Logits => self.teacher_scores(),
            false => targets(self.targets, self.dense_vectors, self.wide, self.wide_integers),
        });
        pieces.push(weights(self.weighted));
        pieces.extend(maths::of(self.kind, self.options, self.gathers()));
        let has = self.extras;
        pieces.extend([
            if has.upstream { IO_UPSTREAM_PER_LOSS } else { IO_ABSENT_UPSTREAM_PER_LOSS },
            if has.element_weights { IO_ELEMENT_WEIGHTS } else { IO_ABSENT_ELEMENT_WEIGHTS },
        ]);
        if self.traversal != Traversal::Element {
            pieces.extend([has.entropy_upstream(), truth(self.options)]);
        }
        pieces.extend(has.outputs(self.kind));
        pieces.push(match self.team {
            Team::Thread => TEAM_THREAD,
            Team::Subgroup => TEAM_SUBGROUP,
            Team::Workgroup => TEAM_WORKGROUP,
            Team::WorkgroupTree => TEAM_WORKGROUP_TREE,
        });
        pieces.extend(self.traversal());
        if self.traversal != Traversal::Element {
            pieces.extend(self.passes());
        }
        [pieces.join("\n"), self.resident().unwrap_or_default()].join("\n")
    }

    /// How scores are loaded and unpacked: type, then access.
    fn loads(&self) -> Pieces {
        let halves = self.dtype != Dtype::F32;
        let mut pieces = vec![match self.dtype {
            Dtype::F32 => ELEMENT_F32,
            Dtype::F16 => ELEMENT_F16,
            Dtype::Bf16 => ELEMENT_BF16,
        }];
        if halves {
            pieces.push(ELEMENT_HALVES);
        }
        if self.dtype == Dtype::F16 {
            pieces.push(match self.widens_in_integers {
                false => ELEMENT_UNPACK_F16,
                true => ACCESS_LLVMPIPE_UNPACK_F16_INTEGERS,
            });
        }
        pieces.extend(words(self.wide || self.wide_integers.any()));
        if self.load_vectors > 1 {
            pieces.push(ACCESS_LLVMPIPE_LOAD_WIDE);
            pieces.extend(match (halves, self.load_vectors) {
                (false, _) => vec![ACCESS_LLVMPIPE_WIDE_F32],
                (true, 2) => vec![ACCESS_LLVMPIPE_WIDE_HALVES, ACCESS_LLVMPIPE_WIDE2_HALVES],
                (true, _) => vec![ACCESS_LLVMPIPE_WIDE_HALVES, ACCESS_LLVMPIPE_WIDE4_HALVES],
            });
        } else if self.vectors {
            pieces.push(match (self.wide, halves) {
                (false, _) => ACCESS_PLAIN,
                (true, false) => ACCESS_LLVMPIPE_U64_F32,
                (true, true) => ACCESS_LLVMPIPE_U64_HALVES,
            });
            pieces.push(ACCESS_LOAD_VECTORS);
        } else {
            pieces.push(match halves && self.grad == Grad::InPlace {
                false => ACCESS_LOAD_SCALARS,
                true => ACCESS_LOAD_ATOMIC_HALVES,
            });
        }
        pieces.push(match self.load_vectors {
            1 => ACCESS_FOUR_VECTORS,
            2 => ACCESS_LLVMPIPE_FOUR_IN_TWO,
            _ => ACCESS_LLVMPIPE_FOUR_IN_ONE,
        });
        pieces
    }

    /// How a teacher's scores are loaded: as probabilities are, or as halves.
    fn teacher_scores(&self) -> Pieces {
        let halves = match self.teacher {
            Dtype::F32 => return targets(TargetForm::Probabilities, self.dense_vectors, self.wide, self.wide_integers),
            Dtype::F16 => TARGET_DENSE_F16,
            Dtype::Bf16 => TARGET_DENSE_BF16,
        };
        vec![halves, TARGET_DENSE, TARGET_PROBABILITIES]
    }

    /// Whether the loss of a row may take a pass of its own.
    fn termwise(&self) -> bool {
        self.kind == Kind::Distillation
    }

    /// How gradients are stored, and into which buffer.
    fn stores(&self) -> Pieces {
        let halves = self.dtype != Dtype::F32;
        let into = |grad, scores| if self.grad == Grad::InPlace { scores } else { grad };
        if self.grad == Grad::Nowhere {
            return vec![ACCESS_STORE_NOTHING];
        }
        if self.load_vectors > 1 {
            let vectors = if halves { ACCESS_LLVMPIPE_STORE_WIDE_HALVES } else { ACCESS_LLVMPIPE_STORE_WIDE_F32 };
            let into = into(ACCESS_LLVMPIPE_INTO_GRAD, ACCESS_LLVMPIPE_INTO_SCORES);
            return vec![into, ACCESS_LLVMPIPE_STORE_WIDE, vectors];
        }
        match (self.vectors, halves) {
            (true, _) => vec![into(ACCESS_INTO_GRAD_VECTORS, ACCESS_INTO_SCORES_VECTORS), ACCESS_STORE_VECTORS],
            (false, false) => vec![into(ACCESS_INTO_GRAD_SCALARS, ACCESS_INTO_SCORES_SCALARS), ACCESS_STORE_SCALARS],
            (false, true) => {
                vec![into(ACCESS_INTO_GRAD_HALVES, ACCESS_INTO_SCORES_HALVES), ACCESS_STORE_ATOMIC_HALVES]
            }
        }
    }

    /// Whether classes are weighed one by one, with the statistics: not where true ones can be listed, unless four rows
    /// stay resident at once.
    fn gathers(&self) -> bool {
        self.targets.is_dense()
            || self.options.smoothed
            || self.kind.takes_probabilities()
            || matches!(self.traversal, Traversal::FourRows(_) | Traversal::ResidentColumn(_))
    }

    /// Whether the gradient is first written as if no class were true. Not over the scores: what is patched is read again.
    fn patches(&self) -> bool {
        !self.targets.is_dense() && !self.options.smoothed && self.grad != Grad::InPlace
    }

    /// The way over the scores.
    fn traversal(&self) -> Pieces {
        let weights = if self.gathers() { ROW_WEIGHTS_GATHERED } else { ROW_WEIGHTS_LISTED };
        let inner = [
            ACCESS_VECTORS,
            ROW_INNER,
            if self.peeled { ROW_EDGES_PEELED } else { ROW_EDGES_ALIGNED },
            if self.patches() { ROW_PATCHED } else { ROW_UNPATCHED },
            weights,
            ROW_REDUCE_LANES,
        ];
        let values = match self.targets {
            TargetForm::Lists => ROW_RESIDENT_LISTS,
            _ => ROW_RESIDENT_TARGETS,
        };
        let mut pieces = match self.traversal {
            Traversal::Element => {
                let lists = self.targets == TargetForm::Lists;
                let verdicts = if lists { TARGET_VERDICTS } else { TARGET_ABSENT_VERDICTS };
                return vec![verdicts, ACCESS_VECTORS, ELEMENTWISE_ELEMENTWISE];
            }
            Traversal::Row => [&inner[..], &[ROW_FOURS]].concat(),
            Traversal::ResidentRow(_) => [&inner[..], &[ROW_RESIDENT_INNER]].concat(),
            Traversal::Column => vec![COLUMN_COLUMN, weights, ROW_LANES_INDEPENDENT],
            Traversal::ResidentColumn(_) => {
                vec![COLUMN_COLUMN, weights, ROW_LANES_INDEPENDENT, COLUMN_RESIDENT_COLUMN, values]
            }
            Traversal::FourRows(_) => vec![ROW_FOUR_ROWS, ROW_LANES_INDEPENDENT, values],
        };
        pieces.push(ACCESS_LLVMPIPE_INTERLEAVE);
        pieces
    }

    /// What is done with a tile of rows.
    fn passes(&self) -> Pieces {
        let sum = if self.long_sums { ROW_SUM_COMPENSATED } else { ROW_SUM_PLAIN };
        let mut pieces = vec![ROW_TILE, sum, ROW_PASSES, ROW_STATISTICS];
        pieces.extend(self.listed());
        match self.pass {
            Pass::Whole => {
                pieces.extend([self.extras.statistics(), winner(self.options), ROW_RESULTS]);
                pieces.extend(self.extras.details());
                pieces.push(match (self.is_resident(), self.termwise()) {
                    (true, _) => ROW_RESIDENT_MERGE,
                    (false, true) => ROW_THREE_PASS,
                    (false, false) => ROW_TWO_PASS,
                });
            }
            Pass::Split => pieces.extend([IO_SPLIT_STATISTICS, self.extras.true_parts(), ROW_SPLIT]),
            Pass::Gradient => pieces.extend([IO_STATISTICS, ROW_GRADIENT]),
        }
        pieces
    }

    /// What listed classes add to a row's sums.
    fn listed(&self) -> Option<&'static str> {
        let four = matches!(self.traversal, Traversal::FourRows(_) | Traversal::ResidentColumn(_));
        match (self.targets, self.gathers()) {
            // Their bits tell.
            (TargetForm::Lists, _) if four => None,
            (TargetForm::Lists, true) => Some(ROW_LISTED_MARKS),
            (TargetForm::Lists, false) => Some(ROW_LISTED_SEVERAL),
            (TargetForm::Classes, false) => Some(ROW_LISTED_SINGLE),
            _ => Some(ROW_LISTED_NONE),
        }
    }

    fn is_resident(&self) -> bool {
        matches!(self.traversal, Traversal::ResidentRow(_) | Traversal::FourRows(_) | Traversal::ResidentColumn(_))
    }

    /// What stands for a target outside of a row: no weight, or a teacher's mask.
    fn outside(&self) -> &'static str {
        if self.targets == TargetForm::Logits { "masked" } else { "unmasked" }
    }

    /// What templates have lines for only where it is looked for.
    fn looked_for(&self) -> impl Iterator<Item = &'static str> {
        let asked = [(self.options.best, "best"), (self.options.ahead, "ahead"), (self.termwise(), "termwise")];
        asked.into_iter().filter_map(|(on, tag)| on.then_some(tag))
    }

    /// What is written out vector by vector, where rows stay in registers.
    fn resident(&self) -> Option<String> {
        let written = |template, vectors: &[template::Vector], tags: &[&'static str]| {
            Some(template::expand(template, vectors, tags))
        };
        let of_classes = |template, classes: u32, tags: &[&'static str]| {
            let text = template::expand(template, &resident::classes(classes, self.load_vectors), tags);
            Some(format!("const RESIDENT_CLASSES = {classes}u;\n\n{text}"))
        };
        match self.traversal {
            Traversal::ResidentRow(row) => {
                let mut tags = Vec::new();
                if self.gathers() {
                    tags.push("gathered");
                } else if !self.patches() {
                    tags.push("weighed");
                }
                tags.push(if self.patches() { "patched" } else { "direct" });
                tags.push(self.outside());
                tags.extend(self.looked_for());
                written(ROW_RESIDENT_ROW, &row.vectors(self.load_vectors), &tags)
            }
            Traversal::FourRows(classes) => {
                let tag = if self.targets.is_dense() { "dense" } else { "listed" };
                let tags: Vec<&str> = std::iter::once(tag).chain(self.looked_for()).collect();
                of_classes(ROW_RESIDENT_FOUR_ROWS, classes, &tags)
            }
            Traversal::ResidentColumn(classes) => {
                let tags: Vec<&str> = self.looked_for().collect();
                of_classes(ROW_RESIDENT_COLUMN, classes, &tags)
            }
            Traversal::Row | Traversal::Column | Traversal::Element => None,
        }
    }
}

impl MergeKernel {
    fn pieces(&self) -> Pieces {
        let mut pieces = vec![MATH];
        pieces.extend(targets(self.targets, false, false, WideIntegers::default()));
        // B was weighed when the parts were summed.
        pieces.push(weights(false));
        pieces.extend(maths::of(self.kind, self.options, true));
        pieces.extend(self.extras.outputs(self.kind));
        pieces.extend([
            ROW_LANES_INDEPENDENT,
            ROW_TILE,
            ROW_SUM_PLAIN,
            ROW_STATISTICS,
            IO_SPLIT_STATISTICS,
            self.extras.statistics(),
            self.extras.true_parts(),
            winner(self.options),
            ROW_RESULTS,
            ROW_MERGE,
        ]);
        pieces.extend(self.extras.details());
        pieces
    }
}

fn truth(options: RowOptions) -> &'static str {
    if options.truth { ROW_TRUTH_HELD } else { ROW_TRUTH_NONE }
}

fn winner(options: RowOptions) -> &'static str {
    if options.best { ROW_WINNER } else { ROW_NO_WINNER }
}
