//! The options that losses have beside those of every loss: one row of a table each.

use std::sync::LazyLock;

use super::Spec;

/// An option that some losses have; [`Kind::options`](super::Kind::options) says which.
///
/// Options that every loss has (reduction, denominator, what an empty mean is, the ignored label) are not among them.
///
/// ```
/// use gpu_loss::loss::OptionName;
/// use gpu_loss::{Kind, Loss, SoftmaxCe};
/// let mut spec = Kind::SoftmaxCe.defaults();
/// assert!(OptionName::LabelSmoothing.set(&mut spec, 0.1));
/// assert_eq!(spec, SoftmaxCe::default().label_smoothing(0.1).spec());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum OptionName {
    /// The share of each target that is spread evenly over all classes.
    LabelSmoothing,
    /// One weight a class.
    ClassWeights,
    /// One weight a class for the positive term.
    PosWeight,
    /// The factor of `lse²`.
    ZLoss,
    /// The factor of the scores.
    LogitScale,
    /// The bound of the scores.
    Softcap,
    /// The focusing exponent.
    Gamma,
    /// The balance between positives and negatives.
    Alpha,
    /// The factor of `1 − p_y`.
    Epsilon,
    /// What is added to each class's score.
    ClassBias,
    /// The factor of each row's entropy.
    EntropyCoefficient,
    /// What the true class's angle is multiplied by.
    MarginMultiplier,
    /// What is added to the true class's angle.
    MarginAngle,
    /// What is taken from the true class's cosine.
    MarginCosine,
}

/// What is known of an option.
#[derive(Debug)]
struct Row {
    option: OptionName,
    name: &'static str,
    /// What `--help` says of it.
    about: &'static str,
    /// What else people call it: letters and digits alone.
    aliases: &'static [&'static str],
    values: Values,
}

/// What an option's values are.
#[derive(Debug)]
pub(crate) enum Values {
    /// One number.
    Number {
        /// What stands for it in formulas and help.
        letter: &'static str,
        range: Range,
        /// Values that ask different things of the arithmetic.
        samples: &'static [f32],
        get: fn(&Spec) -> Option<f32>,
        set: fn(&mut Spec, f32),
    },
    /// One weight a class.
    Weights { range: Range, get: fn(&Spec) -> &Option<Vec<f32>>, set: fn(&mut Spec, Vec<f32>) },
}

/// Which numbers are allowed; none that is not finite.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Range {
    Any,
    Share,
    NotNegative,
    Positive,
    FromMinusOne,
}

impl Range {
    pub(crate) fn holds(self, value: f32) -> bool {
        value.is_finite()
            && match self {
                Range::Any => true,
                Range::Share => (0.0..=1.0).contains(&value),
                Range::NotNegative => value >= 0.0,
                Range::Positive => value > 0.0,
                Range::FromMinusOne => value >= -1.0,
            }
    }

    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Range::Any => "a finite number",
            Range::Share => "a number in [0, 1]",
            Range::NotNegative => "a finite number of at least 0",
            Range::Positive => "a finite number above 0",
            Range::FromMinusOne => "a finite number of at least -1",
        }
    }
}

const TABLE: &[Row] = &[
    Row {
        option: OptionName::LabelSmoothing,
        name: "label_smoothing",
        about: "ε in [0, 1]: the share of each target that is spread over all classes",
        aliases: &["smoothing"],
        values: Values::Number {
            letter: "E",
            range: Range::Share,
            samples: &[0.1, 1.0],
            get: |spec| Some(spec.label_smoothing),
            set: |spec, value| spec.label_smoothing = value,
        },
    },
    Row {
        option: OptionName::ClassWeights,
        name: "class_weights",
        about: "w, one weight a class",
        aliases: &[],
        values: Values::Weights {
            range: Range::NotNegative,
            get: |spec| &spec.class_weights,
            set: |spec, weights| spec.class_weights = Some(weights),
        },
    },
    Row {
        option: OptionName::PosWeight,
        name: "pos_weight",
        about: "q, the weight of the positive term, one a class",
        aliases: &[],
        values: Values::Weights {
            range: Range::NotNegative,
            get: |spec| &spec.pos_weight,
            set: |spec, weights| spec.pos_weight = Some(weights),
        },
    },
    Row {
        option: OptionName::ZLoss,
        name: "z_loss",
        about: "z: adds z·lse² to each row's loss",
        aliases: &[],
        values: Values::Number {
            letter: "Z",
            range: Range::NotNegative,
            samples: &[1e-3],
            get: |spec| Some(spec.z_loss),
            set: |spec, value| spec.z_loss = value,
        },
    },
    Row {
        option: OptionName::LogitScale,
        name: "logit_scale",
        about: "Multiplies the scores",
        aliases: &[],
        values: Values::Number {
            letter: "SCALE",
            range: Range::Positive,
            samples: &[0.7],
            get: |spec| Some(spec.logit_scale),
            set: |spec, value| spec.logit_scale = value,
        },
    },
    Row {
        option: OptionName::Softcap,
        name: "softcap",
        about: "Bounds the scores: cap·tanh(scale·x / cap)",
        aliases: &["logitsoftcap"],
        values: Values::Number {
            letter: "CAP",
            range: Range::Positive,
            samples: &[5.0],
            get: |spec| spec.softcap,
            set: |spec, value| spec.softcap = Some(value),
        },
    },
    Row {
        option: OptionName::Gamma,
        name: "gamma",
        about: "γ, the focusing exponent, at least 0",
        aliases: &[],
        values: Values::Number {
            letter: "G",
            range: Range::NotNegative,
            // Below 1 the gradient's power of 1 − p_y has a negative exponent; 1 and 2 have ways of their own.
            samples: &[1.5, 0.0, 0.3, 1.0, 2.0, 5.0],
            get: |spec| Some(spec.gamma),
            set: |spec, value| spec.gamma = value,
        },
    },
    Row {
        option: OptionName::Alpha,
        name: "alpha",
        about: "α in [0, 1], the weight of positives against 1 − α of negatives; without it both weigh 1",
        aliases: &[],
        values: Values::Number {
            letter: "A",
            range: Range::Share,
            samples: &[0.25],
            get: |spec| spec.alpha,
            set: |spec, value| spec.alpha = Some(value),
        },
    },
    Row {
        option: OptionName::Epsilon,
        name: "epsilon",
        about: "ε, the factor of 1 − p_y, at least -1",
        aliases: &["poly1epsilon"],
        values: Values::Number {
            letter: "E",
            range: Range::FromMinusOne,
            // At −1 the gradient of a confident row vanishes twice over.
            samples: &[2.0, 0.0, -0.5, -1.0],
            get: |spec| Some(spec.epsilon),
            set: |spec, value| spec.epsilon = value,
        },
    },
    Row {
        option: OptionName::ClassBias,
        name: "class_bias",
        about: "What is added to each class's score, behind scale and softcap, one number a class",
        aliases: &["bias", "logitadjustment"],
        values: Values::Weights {
            range: Range::Any,
            get: |spec| &spec.class_bias,
            set: |spec, bias| spec.class_bias = Some(bias),
        },
    },
    Row {
        option: OptionName::EntropyCoefficient,
        name: "entropy_coefficient",
        about: "β: takes β·H from each row's loss, H the entropy of its softmax",
        aliases: &["entropycoef", "entcoef", "entropyweight"],
        values: Values::Number {
            letter: "B",
            range: Range::Any,
            samples: &[0.1, -0.5],
            get: |spec| Some(spec.entropy_coefficient),
            set: |spec, value| spec.entropy_coefficient = value,
        },
    },
    Row {
        option: OptionName::MarginMultiplier,
        name: "margin_multiplier",
        about: "m1: what the angle of the true class is multiplied by (SphereFace); classes only",
        aliases: &["m1"],
        values: Values::Number {
            letter: "M1",
            range: Range::Positive,
            samples: &[1.35, 4.0],
            get: |spec| Some(spec.margin_multiplier),
            set: |spec, value| spec.margin_multiplier = value,
        },
    },
    Row {
        option: OptionName::MarginAngle,
        name: "margin_angle",
        about: "m2: what is added to the angle of the true class (ArcFace); classes only",
        aliases: &["m2", "arcface"],
        values: Values::Number {
            letter: "M2",
            range: Range::NotNegative,
            samples: &[0.5],
            get: |spec| Some(spec.margin_angle),
            set: |spec, value| spec.margin_angle = value,
        },
    },
    Row {
        option: OptionName::MarginCosine,
        name: "margin_cosine",
        about: "m3: what is taken from the cosine of the true class (CosFace); classes only",
        aliases: &["m3", "cosface"],
        values: Values::Number {
            letter: "M3",
            range: Range::NotNegative,
            samples: &[0.35],
            get: |spec| Some(spec.margin_cosine),
            set: |spec, value| spec.margin_cosine = value,
        },
    },
];

impl OptionName {
    /// All of them.
    pub const ALL: &'static [OptionName] = {
        const ALL: [OptionName; TABLE.len()] = {
            let mut all = [OptionName::LabelSmoothing; TABLE.len()];
            let mut at = 0;
            while at < TABLE.len() {
                assert!(TABLE[at].option as usize == at, "the table is in the order of the names");
                all[at] = TABLE[at].option;
                at += 1;
            }
            all
        };
        &ALL
    };

    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    pub(crate) fn values(self) -> &'static Values {
        &self.row().values
    }

    /// The name, that of the field of [`Spec`]: `label_smoothing`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The name on command lines: `label-smoothing`.
    #[must_use]
    pub fn hyphenated(self) -> &'static str {
        static HYPHENATED: LazyLock<Vec<String>> =
            LazyLock::new(|| TABLE.iter().map(|row| row.name.replace('_', "-")).collect());
        &HYPHENATED[self as usize]
    }

    /// What it does, in a line.
    #[must_use]
    pub fn about(self) -> &'static str {
        self.row().about
    }

    /// What else people call it: letters and digits alone.
    #[must_use]
    pub fn aliases(self) -> &'static [&'static str] {
        self.row().aliases
    }

    /// What stands for its value in formulas and help, if it is one number; `None` for one weight a class.
    #[must_use]
    pub fn letter(self) -> Option<&'static str> {
        match self.values() {
            Values::Number { letter, .. } => Some(letter),
            Values::Weights { .. } => None,
        }
    }

    /// Values that ask different things of the arithmetic, for tests; none for one weight a class.
    #[must_use]
    pub fn samples(self) -> &'static [f32] {
        match self.values() {
            Values::Number { samples, .. } => samples,
            Values::Weights { .. } => &[],
        }
    }

    /// Its value in a loss, if it is one number and there is one.
    #[must_use]
    pub fn get(self, spec: &Spec) -> Option<f32> {
        match self.values() {
            Values::Number { get, .. } => get(spec),
            Values::Weights { .. } => None,
        }
    }

    /// Sets it, unless it is one weight a class; returns whether it did. [`Spec::check`] says whether the value will do.
    pub fn set(self, spec: &mut Spec, value: f32) -> bool {
        match self.values() {
            Values::Number { set, .. } => set(spec, value),
            Values::Weights { .. } => return false,
        }
        true
    }

    /// Sets one weight a class, unless the option is one number; returns whether it did.
    pub fn set_weights(self, spec: &mut Spec, weights: Vec<f32>) -> bool {
        match self.values() {
            Values::Number { .. } => return false,
            Values::Weights { set, .. } => set(spec, weights),
        }
        true
    }
}
