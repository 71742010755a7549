//! The options that losses have beside those of every loss: one row of a table each.

use std::sync::LazyLock;

use super::{Divergence, Spec};

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
    /// The focusing exponent of positives.
    GammaPositive,
    /// The focusing exponent of negatives.
    GammaNegative,
    /// What is taken off the probabilities of negatives.
    Clip,
    /// What both sides' scores are divided by.
    Temperature,
    /// Which divergence: the number of its name.
    Divergence,
    /// The teacher's share of the mixture.
    Lambda,
    /// Whether loss and gradient are multiplied by the temperature's square: 0 or 1.
    TimesTemperatureSquared,
    /// Whether a matrix of similarities is gone down by its columns too: 0 or 1.
    Symmetric,
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
        /// The words for 0, 1, …, where the number stands for one.
        words: &'static [&'static str],
        /// Values that ask different things of the arithmetic.
        samples: &'static [f32],
        get: fn(&Spec) -> Option<f32>,
        set: fn(&mut Spec, f32),
    },
    /// One weight a class.
    Weights { get: fn(&Spec) -> &Option<Vec<f32>>, set: fn(&mut Spec, Vec<f32>) },
}

/// Which numbers are allowed; none that is not finite.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Range {
    Share,
    NotNegative,
    Positive,
    FromMinusOne,
    Between,
}

impl Range {
    pub(crate) fn holds(self, value: f32) -> bool {
        value.is_finite()
            && match self {
                Range::Share => (0.0..=1.0).contains(&value),
                Range::NotNegative => value >= 0.0,
                Range::Positive => value > 0.0,
                Range::FromMinusOne => value >= -1.0,
                Range::Between => value > 0.0 && value < 1.0,
            }
    }

    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Range::Share => "a number in [0, 1]",
            Range::NotNegative => "a finite number of at least 0",
            Range::Positive => "a finite number above 0",
            Range::FromMinusOne => "a finite number of at least -1",
            Range::Between => "a number above 0 and below 1",
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
            words: &[],
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
            get: |spec| &spec.class_weights,
            set: |spec, weights| spec.class_weights = Some(weights),
        },
    },
    Row {
        option: OptionName::PosWeight,
        name: "pos_weight",
        about: "q, the weight of the positive term, one a class",
        aliases: &[],
        values: Values::Weights { get: |spec| &spec.pos_weight, set: |spec, weights| spec.pos_weight = Some(weights) },
    },
    Row {
        option: OptionName::ZLoss,
        name: "z_loss",
        about: "z: adds z·lse² to each row's loss",
        aliases: &[],
        values: Values::Number {
            letter: "Z",
            range: Range::NotNegative,
            words: &[],
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
            words: &[],
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
            words: &[],
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
            words: &[],
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
            words: &[],
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
            words: &[],
            // At −1 the gradient of a confident row vanishes twice over.
            samples: &[2.0, 0.0, -0.5, -1.0],
            get: |spec| Some(spec.epsilon),
            set: |spec, value| spec.epsilon = value,
        },
    },
    Row {
        option: OptionName::GammaPositive,
        name: "gamma_positive",
        about: "γ₊, the focusing exponent of positives, at least 0",
        aliases: &["gammapos"],
        values: Values::Number {
            letter: "G",
            range: Range::NotNegative,
            words: &[],
            samples: &[0.0, 0.5, 2.0],
            get: |spec| Some(spec.gamma_positive),
            set: |spec, value| spec.gamma_positive = value,
        },
    },
    Row {
        option: OptionName::GammaNegative,
        name: "gamma_negative",
        about: "γ₋, the focusing exponent of negatives, at least 0",
        aliases: &["gammaneg"],
        values: Values::Number {
            letter: "G",
            range: Range::NotNegative,
            words: &[],
            // Below 1 the gradient's power of p_m has a negative exponent; 1, 2 and 4 have ways of their own.
            samples: &[0.0, 0.5, 1.0, 2.0, 3.0],
            get: |spec| Some(spec.gamma_negative),
            set: |spec, value| spec.gamma_negative = value,
        },
    },
    Row {
        option: OptionName::Clip,
        name: "clip",
        about: "Taken off the probabilities of negatives, in [0, 1]",
        aliases: &["probabilitymargin"],
        values: Values::Number {
            letter: "M",
            range: Range::Share,
            words: &[],
            // At 1 no negative has a loss.
            samples: &[0.0, 0.2, 1.0],
            get: |spec| Some(spec.clip),
            set: |spec, value| spec.clip = value,
        },
    },
    Row {
        option: OptionName::Temperature,
        name: "temperature",
        about: "τ, which the scores of both sides are divided by, above 0",
        aliases: &[],
        values: Values::Number {
            letter: "T",
            range: Range::Positive,
            words: &[],
            samples: &[2.0, 0.5],
            get: |spec| Some(spec.temperature),
            set: |spec, value| spec.temperature = value,
        },
    },
    Row {
        option: OptionName::Divergence,
        name: "divergence",
        about: "forward-kl, reverse-kl or jensen-shannon",
        aliases: &[],
        values: Values::Number {
            letter: "NAME",
            range: Range::NotNegative,
            words: &Divergence::NAMES,
            samples: &[1.0, 2.0],
            get: |spec| Some(f32::from(spec.divergence as u8)),
            set: |spec, value| spec.divergence = Divergence::ALL[value as usize],
        },
    },
    Row {
        option: OptionName::Lambda,
        name: "lambda",
        about: "λ of jensen-shannon: the teacher's share of the mixture, above 0 and below 1",
        aliases: &[],
        values: Values::Number {
            letter: "L",
            range: Range::Between,
            words: &[],
            samples: &[0.3],
            get: |spec| Some(spec.lambda),
            set: |spec, value| spec.lambda = value,
        },
    },
    Row {
        option: OptionName::TimesTemperatureSquared,
        name: "times_temperature_squared",
        about: "Multiplies loss and gradient by τ²",
        aliases: &["tsquared"],
        values: Values::Number {
            letter: "BOOL",
            range: Range::NotNegative,
            words: &["false", "true"],
            samples: &[1.0],
            get: |spec| Some(f32::from(u8::from(spec.times_temperature_squared))),
            set: |spec, value| spec.times_temperature_squared = value == 1.0,
        },
    },
    Row {
        option: OptionName::Symmetric,
        name: "symmetric",
        about: "Half along the rows, half down the first N columns; scores [N, M]",
        aliases: &[],
        values: Values::Number {
            letter: "BOOL",
            range: Range::NotNegative,
            words: &["false", "true"],
            // It asks for positives on the diagonal, and has tests of its own.
            samples: &[],
            get: |spec| Some(f32::from(u8::from(spec.symmetric))),
            set: |spec, value| spec.symmetric = value == 1.0,
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

    /// The words that its numbers 0, 1, … stand for, if they do.
    #[must_use]
    pub fn words(self) -> &'static [&'static str] {
        match self.values() {
            Values::Number { words, .. } => words,
            Values::Weights { .. } => &[],
        }
    }

    /// Sets it, unless it is one weight a class, or the value the number of no word of its; returns whether it did.
    /// [`Spec::check`] says whether a number will do.
    pub fn set(self, spec: &mut Spec, value: f32) -> bool {
        match self.values() {
            Values::Number { words, .. } if !words.is_empty() && !(0..words.len()).any(|n| n as f32 == value) => {
                return false;
            }
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
