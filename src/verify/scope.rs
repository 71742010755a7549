//! Which cases there are.

use std::borrow::Cow;
use std::collections::HashSet;

use super::case::{Case, Ignore, OutputSet, Reduce, Scores, Strategies};
use super::options::{Group, groups};
use super::random::Random;
use crate::batch::{Dtype, TargetForm};
use crate::loss::Kind;

/// How much is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Scope {
    /// One case for each loss, form of target and group of options in f32, and for each loss, form of target and
    /// 16-bit type; its shape, scores, reduction and outputs chosen so that every two values of different kinds meet;
    /// one strategy each. Without it, each loss, form of target, type and group of options has such a case, and it runs
    /// with every strategy that can serve it.
    pub quick: bool,
}

impl Scope {
    /// A few cases of each kind.
    #[must_use]
    pub fn quick() -> Self {
        Scope { quick: true }
    }

    /// Everything.
    #[must_use]
    pub fn full() -> Self {
        Scope::default()
    }
}

/// A prime number of shapes: each strategy's own sizes, and odd ones beside them, some with positions behind the classes.
const SHAPES: [&[usize]; 17] = [
    &[7, 1],
    &[64, 2],
    &[130, 3],
    &[7, 5],
    &[64, 10],
    &[7, 33],
    &[130, 33],
    &[64, 100],
    &[7, 257],
    &[130, 257],
    &[7, 1000],
    &[1, 4099],
    &[7, 4099],
    &[0, 10],
    &[2, 5, 3, 4],
    &[1, 3, 7, 7],
    &[2, 4, 2, 8],
];

/// All cases of a scope.
#[must_use]
pub fn cases(scope: Scope) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut met = HashSet::new();
    for &kind in Kind::ALL {
        for form in kind.targets() {
            for &dtype in Dtype::ALL {
                for (at, group) in suiting(kind, *form).enumerate() {
                    let stem = Stem { kind, form: *form, dtype, group };
                    if !scope.quick {
                        let case = stem.least_met(&mut met, cases.len());
                        cases.push(Case { strategies: Strategies::All, ..case });
                    } else if dtype == Dtype::F32 || at == sampled(*form, dtype) % suiting(kind, *form).count() {
                        cases.push(stem.least_met(&mut met, cases.len()));
                    }
                }
            }
        }
    }
    cases
}

/// A case drawn at random from a seed, its shape too: of at most some 50,000 scores, with one strategy.
#[must_use]
pub fn random(seed: u64) -> Case {
    let mut random = Random::new(seed);
    let kind = Kind::ALL[random.below(Kind::ALL.len())];
    let form = kind.targets()[random.below(kind.targets().len())];
    let all: Vec<&'static Group> = suiting(kind, form).collect();
    let group = all[random.below(all.len())];
    let stem = Stem { kind, form, dtype: Dtype::ALL[random.below(Dtype::ALL.len())], group };
    let scores = Scores::of(kind, form);
    let dims = shape(&mut random);
    let case = stem.case(dims, scores[random.below(scores.len())], random.next());
    Case { strategies: Strategies::One(random.below(12)), ..case }
}

/// The groups of a loss's options that have a meaning on targets of this form.
fn suiting(kind: Kind, form: TargetForm) -> impl Iterator<Item = &'static Group> {
    groups(kind).iter().filter(move |group| group.only.is_none_or(|only| only == form))
}

/// A shape whose sizes are spread evenly over their orders of magnitude.
fn shape(random: &mut Random) -> Vec<usize> {
    const ELEMENTS: usize = 50_000;
    fn size(random: &mut Random, most: usize) -> usize {
        let power = 1 << random.below(most.max(1).ilog2() as usize + 1);
        (power + random.below(power)).min(most.max(1))
    }
    let classes = size(random, 8191);
    let rows = size(random, ELEMENTS / classes);
    if random.one_in(4) {
        let (depth, width) = (1 + random.below(3), 1 + random.below(4));
        vec![depth, classes, rows.div_ceil(depth * width), width]
    } else {
        vec![rows, classes]
    }
}

/// The place of the group of options that a 16-bit type is sampled with. The type matters to how scores are loaded and
/// gradients stored, the options to the arithmetic between: they need not all meet, each only now and then.
fn sampled(form: TargetForm, dtype: Dtype) -> usize {
    1 + form as usize + if dtype == Dtype::Bf16 { TargetForm::ALL.len() } else { 0 }
}

/// The part of a case that is never left out.
#[derive(Clone, Copy)]
struct Stem {
    kind: Kind,
    form: TargetForm,
    dtype: Dtype,
    group: &'static Group,
}

/// Places in the list of a case's values.
const KIND_AND_FORM: usize = 1;
const DTYPE: usize = 4;
const SHAPE: usize = 5;
const SCORES: usize = 6;

/// Two values of a case that meet in it, each with the place of its kind.
type Pair = ((usize, u64), (usize, u64));

impl Stem {
    fn case(self, dims: impl Into<Cow<'static, [usize]>>, scores: Scores, turn: u64) -> Case {
        let mut random = Random::new(turn.wrapping_mul(0x5851_f42d_4c95_7f2d));
        let ignore = match (self.form, scores) {
            (TargetForm::Classes, Scores::AllIgnored) => [Ignore::Negative, Ignore::RealClass][random.below(2)],
            (TargetForm::Classes, _) => [Ignore::Nothing, Ignore::Negative, Ignore::RealClass][random.below(3)],
            _ => Ignore::Nothing,
        };
        Case {
            kind: self.kind,
            form: self.form,
            dtype: self.dtype,
            group: self.group,
            dims: dims.into(),
            scores,
            reduce: Reduce::ALL[random.below(Reduce::ALL.len())],
            ignore,
            // The gradient is what matters; every sixth case is without.
            outputs: match random.below(6) {
                0..3 => OutputSet::Gradient,
                3 => OutputSet::Rows,
                4 => OutputSet::Details,
                _ => OutputSet::LossOnly,
            },
            strategies: Strategies::All,
            seed: turn,
        }
    }

    /// Of some cases drawn at random, the one with the most pairs of values that have not met.
    fn least_met(self, met: &mut HashSet<Pair>, index: usize) -> Case {
        let mut random = Random::new(index as u64);
        let scores = Scores::of(self.kind, self.form);
        let drawn = (0..40).map(|_| {
            let dims = SHAPES[random.below(SHAPES.len())];
            let mut case = self.case(dims, scores[random.below(scores.len())], random.next());
            case.strategies = Strategies::One(random.below(12));
            case
        });
        // Where there are few cases, these pairs come first: special scores and odd shapes are what breaks kernels.
        let weight = |((a, _), (b, _)): &Pair| match (*a, *b) {
            (KIND_AND_FORM, SCORES) => 50,
            (DTYPE, SHAPE) => 20,
            _ => 1,
        };
        let news = |case: &Case| {
            let sum = pairs(case).iter().filter(|pair| !met.contains(*pair)).map(weight).sum::<i32>();
            // The few cases of a 16-bit type are there for what it stores.
            let stores = case.outputs != OutputSet::LossOnly && case.scores != Scores::AllIgnored && case.dims[0] > 0;
            if stores || self.dtype == Dtype::F32 { sum } else { sum - 30 }
        };
        let best = drawn.max_by_key(news).unwrap_or_else(|| self.case(SHAPES[0], Scores::Ordinary, 0));
        met.extend(pairs(&best));
        best
    }
}

/// All pairs of a case's values: what is computed against how, and the kinds of how among each other.
fn pairs(case: &Case) -> Vec<Pair> {
    let shape = SHAPES.iter().position(|dims| *dims == case.dims()).unwrap_or(0);
    let traversal = match case.strategies {
        Strategies::All => 0,
        Strategies::One(turn) => turn % 4,
    };
    let values = [
        // Shape and strategy matter to the loss, its targets and its type together.
        case.kind as u64 * 100 + case.form as u64 * 10 + case.dtype as u64,
        case.kind as u64 * 10 + case.form as u64,
        case.kind as u64,
        case.form as u64,
        case.dtype as u64,
        shape as u64,
        case.scores as u64,
        case.reduce as u64,
        case.ignore as u64,
        case.outputs as u64,
        traversal as u64,
    ];
    let mut pairs = Vec::new();
    for (i, a) in values.iter().enumerate() {
        for (j, b) in values.iter().enumerate().skip(i + 1) {
            pairs.push(((i, *a), (j, *b)));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_scope_has_every_option_and_type_and_every_pair_that_matters() {
        let cases = cases(Scope { quick: true });
        assert!((100..320).contains(&cases.len()), "{} cases", cases.len());
        let met = |test: &dyn Fn(&Case) -> bool| cases.iter().any(test);
        for &kind in Kind::ALL {
            for form in kind.targets() {
                // InfoNCE is softmax_ce at a scale, which meets all of them; its own cases are few.
                for scores in Scores::of(kind, *form).iter().filter(|_| kind != Kind::InfoNce) {
                    assert!(
                        met(&|c| (c.kind, c.form, c.scores) == (kind, *form, *scores)),
                        "{kind:?} {form:?} {scores:?}"
                    );
                }
                for &dtype in Dtype::ALL {
                    for group in suiting(kind, *form) {
                        let is = |c: &&Case| {
                            (c.kind, c.form, c.dtype, c.group.name.as_str())
                                == (kind, *form, dtype, group.name.as_str())
                        };
                        let count = cases.iter().filter(is).count();
                        assert!(count <= 1 && (count == 1 || dtype != Dtype::F32), "{kind:?} {form:?} {}", group.name);
                    }
                    assert!(met(&|c| (c.kind, c.form, c.dtype) == (kind, *form, dtype)), "{kind:?} {form:?} {dtype:?}");
                }
            }
            for reduce in Reduce::ALL.into_iter().filter(|_| kind != Kind::InfoNce) {
                assert!(met(&|c| (c.kind, c.reduce) == (kind, reduce)), "{kind:?} {reduce:?}");
            }
            // Others have too few cases to meet every shape.
            for dims in SHAPES.iter().filter(|_| matches!(kind, Kind::SoftmaxCe | Kind::SigmoidFocal)) {
                assert!(met(&|c| (c.kind, c.dims()) == (kind, *dims)), "{kind:?} {dims:?}");
            }
        }
        for dims in SHAPES {
            for dtype in Dtype::ALL.iter().copied().filter(|dtype| dims[0] > 0 || *dtype == Dtype::F32) {
                assert!(met(&|c| (c.dims(), c.dtype) == (dims, dtype)), "{dims:?} {dtype:?}");
            }
        }
    }

    #[test]
    fn the_full_scope_has_every_stem_with_every_strategy() {
        let cases = cases(Scope::default());
        for &kind in Kind::ALL {
            for (form, dtype) in
                kind.targets().iter().flat_map(|form| Dtype::ALL.iter().copied().map(|dtype| (*form, dtype)))
            {
                for group in suiting(kind, form) {
                    let is = |c: &&Case| {
                        (c.kind, c.form, c.dtype, c.group.name.as_str()) == (kind, form, dtype, group.name.as_str())
                    };
                    let stem: Vec<&Case> = cases.iter().filter(is).collect();
                    assert_eq!(stem.len(), 1, "{kind:?} {form:?} {dtype:?} {}", group.name);
                    assert!(stem.iter().all(|case| case.strategies == Strategies::All));
                }
            }
            // Others have too few cases to meet every shape.
            for dims in SHAPES.iter().filter(|_| matches!(kind, Kind::SoftmaxCe | Kind::SigmoidFocal)) {
                let met = cases.iter().any(|c| (c.kind, c.dims()) == (kind, *dims));
                assert!(met, "{kind:?} {dims:?}");
            }
        }
    }
}
