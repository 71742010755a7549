//! The options that losses have beside those of every loss: one row of a table each.

mod table;

use std::sync::LazyLock;

use super::Spec;
use table::TABLE;

/// An option that some losses have; [`Kind::options`](super::Kind::options) says which.
///
/// Options that every loss has (reduction, denominator, what an empty mean is, the ignored label) are not among them.
///
/// ```
/// use gpu_loss::SoftmaxCe;
/// use gpu_loss::loss::{Kind, Loss, OptionName};
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
    Weights { range: Range, get: fn(&Spec) -> &Option<Vec<f32>>, set: fn(&mut Spec, Vec<f32>) },
}

/// Which numbers are allowed; none that is not finite.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Range {
    Any,
    Share,
    NotNegative,
    Positive,
    /// What devices do not take for 0, as they may a subnormal number.
    Normal,
    /// What f32 holds the square and the inverse's square of.
    Temperature,
    FromMinusOne,
    Between,
}

impl Range {
    pub(crate) fn holds(self, value: f32) -> bool {
        value.is_finite()
            && match self {
                Range::Any => true,
                Range::Share => (0.0..=1.0).contains(&value),
                Range::NotNegative => value >= 0.0,
                Range::Positive => value > 0.0,
                Range::Normal => value >= f32::MIN_POSITIVE,
                Range::Temperature => (1e-18..=1e18).contains(&value),
                Range::FromMinusOne => value >= -1.0,
                Range::Between => value > 0.0 && value < 1.0,
            }
    }

    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Range::Any => "a finite number",
            Range::Share => "a number in [0, 1]",
            Range::NotNegative => "a finite number of at least 0",
            Range::Positive => "a finite number above 0",
            Range::Normal => "a finite number above 0: at least 1.18e-38, f32's least normal one",
            Range::Temperature => "a number from 1e-18 to 1e18",
            Range::FromMinusOne => "a finite number of at least -1",
            Range::Between => "a number above 0 and below 1",
        }
    }
}

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
