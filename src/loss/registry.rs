//! What is known of each loss: one row of a table, which names, checks, verify, the program and the page read.

use std::sync::LazyLock;

use super::{
    Asymmetric, Bce, Ce, Distillation, InfoNce, Kind, Loss as _, OptionName, Poly1, SigmoidCe, SigmoidFocal, SoftmaxCe,
    SoftmaxFocal, Spec, TargetForm,
};

/// What a loss is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Family {
    /// A softmax over each row's scores, and one loss a row.
    Softmax,
    /// Rows of given probabilities, and one loss a row.
    GivenRows,
    /// A sigmoid of each score, and one loss an element.
    Sigmoid,
    /// Given probabilities, and one loss an element.
    GivenElements,
}

/// What is known of a loss.
struct Row {
    kind: Kind,
    name: &'static str,
    /// What `--help` says of it.
    about: &'static str,
    family: Family,
    targets: &'static [TargetForm],
    /// The options that it has beside those of every loss.
    options: &'static [OptionName],
    defaults: fn() -> Spec,
    /// What other libraries call it, or something that it may be: letters and digits alone, without "loss" at the end.
    aliases: &'static [&'static str],
}

/// Every form.
const LABELS_OR_TEACHER: &[TargetForm] =
    &[TargetForm::Classes, TargetForm::Lists, TargetForm::MultiHot, TargetForm::Probabilities, TargetForm::Logits];

const TABLE: &[Row] = {
    use OptionName::{
        Alpha, ClassBias, ClassWeights, Clip, Divergence, EntropyCoefficient, Epsilon, Gamma, GammaNegative,
        GammaPositive, LabelSmoothing, Lambda, LogitScale, MarginAngle, MarginCosine, MarginMultiplier, PosWeight,
        Softcap, Symmetric, Temperature, TimesTemperatureSquared, ZLoss,
    };
    &[
        Row {
            kind: Kind::Ce,
            name: "ce",
            about: "Cross-entropy of given probabilities",
            family: Family::GivenRows,
            targets: TargetForm::ALL,
            options: &[LabelSmoothing, ClassWeights],
            defaults: || Ce::default().spec(),
            aliases: &["nll", "negativeloglikelihood", "logloss", "log"],
        },
        Row {
            kind: Kind::Bce,
            name: "bce",
            about: "Binary cross-entropy of given probabilities",
            family: Family::GivenElements,
            targets: TargetForm::ALL,
            options: &[],
            defaults: || Bce::default().spec(),
            aliases: &["binarycrossentropy", "binary"],
        },
        Row {
            kind: Kind::SoftmaxCe,
            name: "softmax_ce",
            about: "Cross-entropy of logits (or log-probabilities) over classes; PyTorch's cross_entropy",
            family: Family::Softmax,
            targets: TargetForm::ALL,
            options: &[
                LabelSmoothing,
                ClassWeights,
                ZLoss,
                LogitScale,
                Softcap,
                ClassBias,
                EntropyCoefficient,
                MarginMultiplier,
                MarginAngle,
                MarginCosine,
            ],
            defaults: || SoftmaxCe::default().spec(),
            aliases: &[
                "crossentropy",
                "xent",
                "softmax",
                "logsoftmax",
                "softmaxcrossentropy",
                "softmaxcrossentropywithlogits",
                "sparsesoftmaxcrossentropy",
                "sparsesoftmaxcrossentropywithlogits",
                "softmaxcrossentropywithintegerlabels",
                "crossentropywithlogits",
                "categoricalcrossentropy",
                "sparsecategoricalcrossentropy",
                "categorical",
                "multiclass",
                "nll",
                "negativeloglikelihood",
                "logloss",
                "log",
            ],
        },
        Row {
            kind: Kind::SigmoidCe,
            name: "sigmoid_ce",
            about: "Binary cross-entropy of logits; PyTorch's binary_cross_entropy_with_logits",
            family: Family::Sigmoid,
            targets: LABELS_OR_TEACHER,
            options: &[PosWeight, ClassBias, Temperature, TimesTemperatureSquared],
            defaults: || SigmoidCe::default().spec(),
            aliases: &[
                "bcewithlogits",
                "bcelogits",
                "binarycrossentropywithlogits",
                "sigmoid",
                "logistic",
                "sigmoidcrossentropy",
                "sigmoidcrossentropywithlogits",
                "sigmoidbinarycrossentropy",
                "sigmoidbce",
                "multilabel",
                "multilabelsoftmargin",
                "binarycrossentropy",
                "binary",
            ],
        },
        Row {
            kind: Kind::SoftmaxFocal,
            name: "softmax_focal",
            about: "Focal loss over classes",
            family: Family::Softmax,
            targets: &[TargetForm::Classes],
            options: &[Gamma, ClassWeights, LogitScale, Softcap, ClassBias],
            defaults: || SoftmaxFocal::default().spec(),
            aliases: &["focal", "categoricalfocal", "categoricalfocalcrossentropy", "multiclassfocal"],
        },
        Row {
            kind: Kind::SigmoidFocal,
            name: "sigmoid_focal",
            about: "Focal loss of elements (RetinaNet); torchvision's sigmoid_focal_loss",
            family: Family::Sigmoid,
            targets: LABELS_OR_TEACHER,
            options: &[Gamma, Alpha, ClassBias, Temperature, TimesTemperatureSquared],
            defaults: || SigmoidFocal::default().spec(),
            aliases: &["focal", "sigmoidfocalcrossentropy", "binaryfocal", "binaryfocalcrossentropy", "retinanet"],
        },
        Row {
            kind: Kind::Poly1,
            name: "poly_1",
            about: "Poly-1 cross-entropy over classes, CE + ε·(1 − p_y) (PolyLoss)",
            family: Family::Softmax,
            targets: &[TargetForm::Classes],
            options: &[Epsilon, ClassWeights, LogitScale, Softcap, ClassBias],
            defaults: || Poly1::default().spec(),
            aliases: &["poly", "poly1", "polyce", "poly1ce", "poly1crossentropy"],
        },
        Row {
            kind: Kind::Asymmetric,
            name: "asymmetric",
            about: "Asymmetric loss of elements (ASL), for several labels of which few are true",
            family: Family::Sigmoid,
            targets: &[TargetForm::Classes, TargetForm::Lists, TargetForm::MultiHot],
            options: &[GammaPositive, GammaNegative, Clip],
            defaults: || Asymmetric::default().spec(),
            aliases: &["asl", "asymmetricmultilabel", "multilabel"],
        },
        Row {
            kind: Kind::Distillation,
            name: "distillation",
            about: "Divergence from a teacher's scores over classes: forward or reverse KL, Jensen–Shannon",
            family: Family::Softmax,
            targets: &[TargetForm::Logits],
            options: &[Temperature, Divergence, Lambda, TimesTemperatureSquared],
            defaults: || Distillation::default().spec(),
            aliases: &[
                "distill",
                "knowledgedistillation",
                "kd",
                "kl",
                "kldiv",
                "kullbackleibler",
                "reversekl",
                "jsd",
                "jensenshannon",
                "gkd",
            ],
        },
        Row {
            kind: Kind::InfoNce,
            name: "info_nce",
            about: "Cross-entropy over a matrix of similarities, the diagonal or given positives (InfoNCE; symmetric: CLIP)",
            family: Family::Softmax,
            targets: &[TargetForm::Classes],
            options: &[Temperature, Symmetric],
            defaults: || InfoNce::default().spec(),
            aliases: &["nce", "ntxent", "clip", "contrastive", "multiplenegativesranking"],
        },
    ]
};

/// What is put together of a row's words, for messages that ask for words that stay.
struct Words {
    hyphenated: String,
    options: String,
    targets: String,
}

static WORDS: LazyLock<Vec<Words>> = LazyLock::new(|| {
    TABLE
        .iter()
        .map(|row| {
            let options: Vec<&str> = row.options.iter().map(|option| option.name()).collect();
            let targets: Vec<&str> = row.targets.iter().map(|form| form.name()).collect();
            Words {
                hyphenated: row.name.replace('_', "-"),
                options: match options.as_slice() {
                    [] => "what every loss takes: reduction, denominator, empty_mean and ignore_index".into(),
                    some => format!("{} and what every loss takes", some.join(", ")),
                },
                targets: format!("{} as targets", targets.join(", ")),
            }
        })
        .collect()
});

impl Kind {
    /// All losses.
    pub const ALL: &'static [Kind] = {
        const ALL: [Kind; TABLE.len()] = {
            let mut all = [Kind::Ce; TABLE.len()];
            let mut at = 0;
            while at < TABLE.len() {
                assert!(TABLE[at].kind as usize == at, "the table is in the order of the kinds");
                all[at] = TABLE[at].kind;
                at += 1;
            }
            all
        };
        &ALL
    };

    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The name in the API: `softmax_ce`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The name on command lines: `softmax-ce`.
    #[must_use]
    pub fn hyphenated(self) -> &'static str {
        &WORDS[self as usize].hyphenated
    }

    /// What it is, in a line.
    #[must_use]
    pub fn about(self) -> &'static str {
        self.row().about
    }

    /// Names under which people may look for it: letters and digits alone, without "loss" at the end. A name may mean
    /// several losses.
    #[must_use]
    pub fn aliases(self) -> &'static [&'static str] {
        self.row().aliases
    }

    /// What it is made of.
    #[must_use]
    pub fn family(self) -> Family {
        self.row().family
    }

    /// The forms of target that it takes.
    #[must_use]
    pub fn targets(self) -> &'static [TargetForm] {
        self.row().targets
    }

    pub(crate) fn targets_in_words(self) -> &'static str {
        &WORDS[self as usize].targets
    }

    /// The options that it has beside those of every loss.
    #[must_use]
    pub fn options(self) -> &'static [OptionName] {
        self.row().options
    }

    pub(crate) fn options_in_words(self) -> &'static str {
        &WORDS[self as usize].options
    }

    /// The loss with its default options: those of its struct's `Default`.
    #[must_use]
    pub fn defaults(self) -> Spec {
        (self.row().defaults)()
    }

    /// Whether one loss belongs to a row (softmax losses and [`Ce`]) rather than to an element.
    #[must_use]
    pub fn per_row(self) -> bool {
        matches!(self.family(), Family::Softmax | Family::GivenRows)
    }

    /// Whether a softmax turns the scores into probabilities.
    #[must_use]
    pub fn is_softmax(self) -> bool {
        self.family() == Family::Softmax
    }

    /// Whether rows have statistics that can be kept for the gradient, and merged from parts of a row: not in losses of
    /// single elements, nor where they would have to be of two sides, as those of distillation.
    #[must_use]
    pub fn has_statistics(self) -> bool {
        self.per_row() && self != Kind::Distillation
    }

    /// The loss whose kernels serve it: InfoNCE is softmax cross-entropy at a scale.
    pub(crate) fn computed_as(self) -> Kind {
        if self == Kind::InfoNce { Kind::SoftmaxCe } else { self }
    }

    /// Whether the scores are probabilities already.
    #[must_use]
    pub fn takes_probabilities(self) -> bool {
        matches!(self.family(), Family::GivenRows | Family::GivenElements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_loss_has_its_default_options_and_takes_all_its_own() {
        for kind in Kind::ALL {
            let defaults = kind.defaults();
            assert_eq!(defaults.kind, *kind);
            assert!(defaults.check(3).is_ok(), "{kind:?}");
            for option in OptionName::ALL {
                let mut spec = defaults.clone();
                for sample in option.samples().iter().filter(|sample| Spec::plain(*kind).differs(*option, **sample)) {
                    option.set(&mut spec, *sample);
                    assert_eq!(option.get(&spec), Some(*sample));
                    assert_eq!(spec.check(3).is_ok(), kind.options().contains(option), "{kind:?} {}", option.name());
                }
                if option.set_weights(&mut spec, vec![0.5; 3]) {
                    assert_eq!(spec.check(3).is_ok(), kind.options().contains(option), "{kind:?} {}", option.name());
                }
            }
        }
    }

    impl Spec {
        fn differs(&self, option: OptionName, value: f32) -> bool {
            option.get(self) != Some(value)
        }
    }

    #[test]
    fn names_and_other_names_are_letters_and_digits() {
        for kind in Kind::ALL {
            assert!(kind.name().chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
            assert_eq!(kind.hyphenated().replace('-', "_"), kind.name());
            let words = kind.aliases().iter().chain(OptionName::ALL.iter().flat_map(|option| option.aliases()));
            for alias in words {
                assert!(alias.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()), "{alias}");
            }
        }
    }
}
