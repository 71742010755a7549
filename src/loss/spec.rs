//! The common form of every loss, and the check of its options.

use super::{Bce, Ce, EmptyMean, Loss as _, Reduction, SigmoidCe, SigmoidFocal, SoftmaxCe, SoftmaxFocal};
use crate::error::{Error, Result};

/// Which of the six losses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Cross-entropy of given probabilities.
    Ce,
    /// Binary cross-entropy of given probabilities.
    Bce,
    /// Softmax cross-entropy.
    SoftmaxCe,
    /// Sigmoid cross-entropy.
    SigmoidCe,
    /// Softmax focal loss.
    SoftmaxFocal,
    /// Sigmoid focal loss.
    SigmoidFocal,
}

impl Kind {
    /// All six, in the order of the documentation.
    pub const ALL: [Kind; 6] =
        [Kind::Ce, Kind::Bce, Kind::SoftmaxCe, Kind::SigmoidCe, Kind::SoftmaxFocal, Kind::SigmoidFocal];

    /// The name in the API (`softmax_ce`).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Ce => "ce",
            Kind::Bce => "bce",
            Kind::SoftmaxCe => "softmax_ce",
            Kind::SigmoidCe => "sigmoid_ce",
            Kind::SoftmaxFocal => "softmax_focal",
            Kind::SigmoidFocal => "sigmoid_focal",
        }
    }

    /// The loss with its default options: those of its struct's `Default`.
    #[must_use]
    pub fn defaults(self) -> Spec {
        match self {
            Kind::Ce => Ce::default().spec(),
            Kind::Bce => Bce::default().spec(),
            Kind::SoftmaxCe => SoftmaxCe::default().spec(),
            Kind::SigmoidCe => SigmoidCe::default().spec(),
            Kind::SoftmaxFocal => SoftmaxFocal::default().spec(),
            Kind::SigmoidFocal => SigmoidFocal::default().spec(),
        }
    }

    /// Its options, for messages.
    fn options(self) -> &'static str {
        match self {
            Kind::Ce => "label_smoothing, class_weights and what every loss takes",
            Kind::Bce => "what every loss takes: reduction, denominator, empty_mean and ignore_index",
            Kind::SoftmaxCe => "label_smoothing, class_weights, z_loss, logit_scale, softcap and what every loss takes",
            Kind::SigmoidCe => "pos_weight and what every loss takes",
            Kind::SoftmaxFocal => "gamma, class_weights, logit_scale, softcap and what every loss takes",
            Kind::SigmoidFocal => "gamma, alpha and what every loss takes",
        }
    }

    /// Whether one loss belongs to a row (softmax losses and [`Kind::Ce`]) rather than to an element.
    #[must_use]
    pub fn per_row(self) -> bool {
        matches!(self, Kind::Ce | Kind::SoftmaxCe | Kind::SoftmaxFocal)
    }

    /// Whether a softmax turns the scores into probabilities.
    #[must_use]
    pub fn is_softmax(self) -> bool {
        matches!(self, Kind::SoftmaxCe | Kind::SoftmaxFocal)
    }

    /// Whether the scores are probabilities already.
    #[must_use]
    pub fn takes_probabilities(self) -> bool {
        matches!(self, Kind::Ce | Kind::Bce)
    }
}

/// A loss with its options, in the form that every layer below reads.
///
/// Options that a loss does not have keep their neutral value; another is refused.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Spec {
    /// Which loss.
    pub kind: Kind,
    /// How losses are reduced.
    pub reduction: Reduction,
    /// What the mean divides by, in place of its own count.
    pub denominator: Option<f32>,
    /// What a mean over nothing is.
    pub empty_mean: EmptyMean,
    /// The label whose rows count for nothing.
    pub ignore_index: Option<i64>,
    /// `ε`, in [0, 1].
    pub label_smoothing: f32,
    /// `w`, one weight a class.
    pub class_weights: Option<Vec<f32>>,
    /// `q`, the weight of the positive term, one a class.
    pub pos_weight: Option<Vec<f32>>,
    /// `z`, the factor of `lse²`.
    pub z_loss: f32,
    /// The factor of the scores.
    pub logit_scale: f32,
    /// The bound of the scores, applied after `logit_scale`.
    pub softcap: Option<f32>,
    /// The focusing exponent `γ`.
    pub gamma: f32,
    /// The focal balance `α` between positives (`α`) and negatives (`1 − α`).
    pub alpha: Option<f32>,
}

impl Spec {
    /// The plain loss, every option neutral.
    #[must_use]
    pub fn plain(kind: Kind) -> Self {
        Spec {
            kind,
            reduction: Reduction::Mean,
            denominator: None,
            empty_mean: EmptyMean::Nan,
            ignore_index: None,
            label_smoothing: 0.0,
            class_weights: None,
            pos_weight: None,
            z_loss: 0.0,
            logit_scale: 1.0,
            softcap: None,
            gamma: 0.0,
            alpha: None,
        }
    }

    /// Checks that the loss has every option that is set, each against its range, and the weights against the number of
    /// classes.
    ///
    /// # Errors
    /// [`Error::Unsupported`], [`Error::Option`] or [`Error::Shape`] for the first that is wrong.
    pub fn check(&self, classes: usize) -> Result<()> {
        self.check_kind()?;
        let option = |ok: bool, option, got: f32, expected| {
            if ok { Ok(()) } else { Err(Error::Option { option, got: got.to_string(), expected }) }
        };
        let non_negative = |v: f32| v.is_finite() && v >= 0.0;
        let positive = |v: f32| v.is_finite() && v > 0.0;
        option(
            (0.0..=1.0).contains(&self.label_smoothing),
            "label_smoothing",
            self.label_smoothing,
            "a number in [0, 1]",
        )?;
        option(non_negative(self.z_loss), "z_loss", self.z_loss, "a finite number of at least 0")?;
        option(positive(self.logit_scale), "logit_scale", self.logit_scale, "a finite number above 0")?;
        option(non_negative(self.gamma), "gamma", self.gamma, "a finite number of at least 0")?;
        if let Some(cap) = self.softcap {
            option(positive(cap), "softcap", cap, "a finite number above 0")?;
        }
        if let Some(alpha) = self.alpha {
            option((0.0..=1.0).contains(&alpha), "alpha", alpha, "a number in [0, 1]")?;
        }
        if let Some(denominator) = self.denominator {
            option(positive(denominator), "denominator", denominator, "a finite number above 0")?;
            let invertible = (1.0 / denominator).is_finite();
            option(invertible, "denominator", denominator, "a number whose inverse f32 can hold, 2.94e-39 at least")?;
            if self.reduction != Reduction::Mean {
                return Err(Error::Option {
                    option: "denominator",
                    got: format!("{denominator} with reduction {:?}", self.reduction),
                    expected: "to be used with the reduction Mean, whose own denominator it replaces",
                });
            }
        }
        check_weights("class_weights", self.class_weights.as_deref(), classes)?;
        check_weights("pos_weight", self.pos_weight.as_deref(), classes)
    }

    /// Refuses options that the loss does not have.
    fn check_kind(&self) -> Result<()> {
        // Exhaustive: a new option has to say here whose it is.
        let Spec {
            kind,
            // Every loss has these.
            reduction: _,
            denominator: _,
            empty_mean: _,
            ignore_index: _,
            label_smoothing,
            class_weights,
            pos_weight,
            z_loss,
            logit_scale,
            softcap,
            gamma,
            alpha,
        } = self;
        let options = [
            ("label_smoothing", *label_smoothing != 0.0, matches!(kind, Kind::Ce | Kind::SoftmaxCe)),
            ("class_weights", class_weights.is_some(), kind.per_row()),
            ("pos_weight", pos_weight.is_some(), matches!(kind, Kind::SigmoidCe)),
            ("z_loss", *z_loss != 0.0, matches!(kind, Kind::SoftmaxCe)),
            ("logit_scale", *logit_scale != 1.0, kind.is_softmax()),
            ("softcap", softcap.is_some(), kind.is_softmax()),
            ("gamma", *gamma != 0.0, matches!(kind, Kind::SoftmaxFocal | Kind::SigmoidFocal)),
            ("alpha", alpha.is_some(), matches!(kind, Kind::SigmoidFocal)),
        ];
        match options.into_iter().find(|(_, is_set, is_theirs)| *is_set && !is_theirs) {
            None => Ok(()),
            Some((option, ..)) => {
                Err(Error::Unsupported { loss: kind.name(), got: option.to_owned(), expected: kind.options() })
            }
        }
    }
}

fn check_weights(what: &'static str, weights: Option<&[f32]>, classes: usize) -> Result<()> {
    let Some(weights) = weights else { return Ok(()) };
    if weights.len() != classes {
        return Err(Error::Shape { what, got: vec![weights.len()], expected: vec![classes] });
    }
    match weights.iter().position(|w| !w.is_finite() || *w < 0.0) {
        None => Ok(()),
        Some(at) => Err(Error::Value {
            what,
            at: vec![at],
            got: f64::from(weights[at]),
            expected: "a finite number of at least 0",
        }),
    }
}

impl super::sealed::Sealed for Spec {}

impl super::Loss for Spec {
    fn spec(&self) -> Spec {
        self.clone()
    }
}
