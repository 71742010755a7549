//! One thing to check: a loss with options, on a batch of one form, type, shape and kind of values.

use std::borrow::Cow;

use super::options::Group;
use crate::batch::{Dtype, Outputs, TargetForm};
use crate::loss::{EmptyMean, Kind, Reduction, Spec};

/// What the scores of a batch are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Scores {
    /// Of ordinary size.
    Ordinary,
    /// The true class far above the others; for given probabilities, exact zeros and ones.
    Confident,
    /// About ±10,000.
    Large,
    /// A quarter of them `−∞`.
    Masked,
    /// A row with a NaN, and for softmax losses one with `+∞` and one of `−∞` only.
    NotANumber,
    /// Ordinary ones, in rows that are all ignored.
    AllIgnored,
}

impl Scores {
    /// The kinds of scores that a loss is checked with, on targets of this form.
    pub(super) fn of(kind: Kind, form: TargetForm) -> &'static [Scores] {
        use Scores::{AllIgnored, Confident, Large, Masked, NotANumber, Ordinary};
        match (kind.takes_probabilities(), form) {
            (true, TargetForm::Classes) => &[Ordinary, Confident, AllIgnored],
            (true, _) => &[Ordinary, Confident],
            (false, TargetForm::Classes) => &[Ordinary, Confident, Large, Masked, NotANumber, AllIgnored],
            (false, _) => &[Ordinary, Confident, Large, Masked, NotANumber],
        }
    }

    /// What messages call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Scores::Ordinary => "ordinary scores",
            Scores::Confident => "confident scores",
            Scores::Large => "scores of ±1e4",
            Scores::Masked => "−∞ masks",
            Scores::NotANumber => "NaN rows",
            Scores::AllIgnored => "all rows ignored",
        }
    }
}

/// How the losses become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reduce {
    Mean,
    Sum,
    BatchMean,
    Denominator,
    None,
    Upstream,
}

impl Reduce {
    pub(super) const ALL: [Reduce; 6] =
        [Reduce::Mean, Reduce::Sum, Reduce::BatchMean, Reduce::Denominator, Reduce::None, Reduce::Upstream];
}

/// Which label counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ignore {
    Nothing,
    Negative,
    /// A real class: it stays in every other row's softmax.
    RealClass,
}

/// Which outputs are asked for besides the loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum OutputSet {
    Gradient,
    /// Losses, log-sum-exps, highest classes and whether they are true.
    Rows,
    /// Losses, and what is told of the true class. Not both at once: WebGPU's default limits bind eight buffers.
    Details,
    LossOnly,
}

/// Which of the strategies that can serve a case take its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strategies {
    All,
    /// The one at this place, counted around.
    One(usize),
}

/// One thing to check. See [`cases`](super::cases).
#[derive(Debug, Clone)]
pub struct Case {
    pub(super) kind: Kind,
    pub(super) form: TargetForm,
    pub(super) dtype: Dtype,
    pub(super) group: &'static Group,
    pub(super) dims: Cow<'static, [usize]>,
    pub(super) scores: Scores,
    pub(super) reduce: Reduce,
    pub(super) ignore: Ignore,
    pub(super) outputs: OutputSet,
    pub(super) strategies: Strategies,
    pub(super) seed: u64,
}

impl Case {
    /// The loss.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The form of the targets.
    #[must_use]
    pub fn form(&self) -> TargetForm {
        self.form
    }

    /// The type of the scores and of the gradient.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The shape of the scores.
    #[must_use]
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// What the scores are like.
    #[must_use]
    pub fn scores(&self) -> Scores {
        self.scores
    }

    /// The name of the group of options.
    #[must_use]
    pub fn options(&self) -> &'static str {
        &self.group.name
    }

    /// The loss with its options.
    #[must_use]
    pub fn spec(&self) -> Spec {
        let mut spec = self.kind.defaults();
        self.group.set(&mut spec, self.classes());
        spec.reduction = match self.reduce {
            Reduce::Mean | Reduce::Denominator => Reduction::Mean,
            Reduce::Sum => Reduction::Sum,
            Reduce::BatchMean => Reduction::BatchMean,
            Reduce::None | Reduce::Upstream => Reduction::None,
        };
        spec.denominator = (self.reduce == Reduce::Denominator).then_some(12.5);
        spec.ignore_index = self.ignored();
        if self.seed % 2 == 1 {
            spec.empty_mean = EmptyMean::Zero;
        }
        spec
    }

    pub(super) fn classes(&self) -> usize {
        self.dims[1]
    }

    /// The label that counts for nothing.
    pub(super) fn ignored(&self) -> Option<i64> {
        match self.ignore {
            Ignore::Nothing => None,
            Ignore::Negative => Some(-100),
            Ignore::RealClass => Some(self.classes() as i64 / 2),
        }
    }

    pub(super) fn outputs(&self) -> Outputs {
        let per_row = self.kind.per_row();
        match self.outputs {
            OutputSet::Gradient => Outputs::default(),
            OutputSet::LossOnly => Outputs { grad: false, ..Outputs::default() },
            OutputSet::Rows | OutputSet::Details => {
                let details = self.outputs == OutputSet::Details;
                let (softmax, dense) = (self.kind.is_softmax(), self.form.is_dense());
                let of_classes = softmax && self.form == TargetForm::Classes;
                let weighs_entropy = self.spec().entropy_coefficient != 0.0;
                Outputs {
                    losses: true,
                    lse: softmax && !details,
                    argmax: per_row && !details,
                    correct: per_row && !details && self.form != TargetForm::Logits && !(dense && weighs_entropy),
                    log_prob: of_classes && details,
                    entropy: softmax && details && self.form != TargetForm::Logits && (!dense || weighs_entropy),
                    rank: of_classes && details,
                    ..Outputs::default()
                }
            }
        }
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Case { kind, form, dtype, group, dims, scores, reduce, .. } = self;
        let (kind, form, dtype, options, scores) = (kind.name(), form.name(), dtype.name(), &group.name, scores.name());
        let reduction = match reduce {
            Reduce::Mean => "mean",
            Reduce::Sum => "sum",
            Reduce::BatchMean => "batch_mean",
            Reduce::Denominator => "mean with a denominator",
            Reduce::None => "none",
            Reduce::Upstream => "none with upstream",
        };
        write!(f, "{kind} on {form}, {dtype} {dims:?}, {options}, {reduction}, {scores}")?;
        match self.ignored() {
            Some(label) => write!(f, ", ignore_index {label}"),
            None => Ok(()),
        }
    }
}
