//! The losses by their names on the command line, and by those that other libraries give them.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, TypedValueParser, ValueParserFactory};
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};
use gpu_loss::Kind;

use crate::names::distance;

/// A loss by its name on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LossName(Kind);

impl LossName {
    pub(crate) fn kind(self) -> Kind {
        self.0
    }
}

/// A loss's name on the command line.
pub(crate) fn loss_name(kind: Kind) -> String {
    hyphenated(kind).to_owned()
}

fn hyphenated(kind: Kind) -> &'static str {
    match kind {
        Kind::Ce => "ce",
        Kind::Bce => "bce",
        Kind::SoftmaxCe => "softmax-ce",
        Kind::SigmoidCe => "sigmoid-ce",
        Kind::SoftmaxFocal => "softmax-focal",
        Kind::SigmoidFocal => "sigmoid-focal",
    }
}

/// What `--help` says of a loss.
fn about(kind: Kind) -> &'static str {
    match kind {
        Kind::Ce => "Cross-entropy of given probabilities",
        Kind::Bce => "Binary cross-entropy of given probabilities",
        Kind::SoftmaxCe => "Cross-entropy of logits over classes (softmax); PyTorch's cross_entropy",
        Kind::SigmoidCe => "Binary cross-entropy of logits (sigmoid); PyTorch's binary_cross_entropy_with_logits",
        Kind::SoftmaxFocal => "Focal loss over classes",
        Kind::SigmoidFocal => "Focal loss of elements (RetinaNet); torchvision's sigmoid_focal_loss",
    }
}

const CE: &str = "softmax-ce takes logits (or log-probabilities, which are logits as well), ce takes probabilities";
const BCE: &str = "sigmoid-ce takes logits, bce takes probabilities";
const FOCAL: &str = "softmax-focal has one class a row, sigmoid-focal is binary at every element";

/// What other libraries' names mean here: letters and digits alone, without "loss" at the end.
const ELSEWHERE: &[(&[&str], &str)] = &[
    (
        &[
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
        ],
        "softmax-ce",
    ),
    (
        &[
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
        ],
        "sigmoid-ce",
    ),
    (&["nll", "negativeloglikelihood", "logloss", "log"], CE),
    (&["binarycrossentropy", "binary"], BCE),
    (&["focal"], FOCAL),
    (&["sigmoidfocalcrossentropy", "binaryfocal", "binaryfocalcrossentropy", "retinanet"], "sigmoid-focal"),
    (&["categoricalfocal", "categoricalfocalcrossentropy", "multiclassfocal"], "softmax-focal"),
];

/// Letters and digits in lower case, without a module before them and "loss" behind them.
fn plain(name: &str) -> String {
    let last = name.rsplit(['.', ':']).next().unwrap_or(name);
    let letters: String = last.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    letters.strip_suffix("loss").unwrap_or(&letters).to_owned()
}

/// What someone who typed this name may have meant.
fn tip(name: &str) -> String {
    let plain = plain(name);
    if let Some((_, meant)) = ELSEWHERE.iter().find(|(names, _)| names.contains(&plain.as_str())) {
        return if meant.contains(' ') {
            format!("{meant}: say which")
        } else {
            format!("it is called '{meant}' here")
        };
    }
    let letters = |text: &str| text.chars().collect::<Vec<char>>();
    let typed = letters(&plain);
    let nearest = Kind::ALL
        .into_iter()
        .map(|kind| (distance(&letters(&kind.name().replace('_', "")), &typed), kind))
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((distance, kind)) if distance <= 2 && typed.len() > 3 => {
            format!("a similar name is '{}'", loss_name(kind))
        }
        _ => format!("expected {}", Kind::ALL.map(loss_name).join(", ")),
    }
}

/// Reads a loss's name, and says what other names mean.
#[derive(Debug, Clone)]
pub(crate) struct LossNames;

impl ValueParserFactory for LossName {
    type Parser = LossNames;

    fn value_parser() -> LossNames {
        LossNames
    }
}

impl TypedValueParser for LossNames {
    type Value = LossName;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<LossName, Error> {
        let name = value.to_string_lossy();
        let known = Kind::ALL.into_iter().find(|kind| name == loss_name(*kind) || name == kind.name());
        known.map(LossName).ok_or_else(|| {
            let option = arg.map_or_else(|| "--loss <NAME>".to_owned(), ToString::to_string);
            let message = format!("invalid value '{name}' for '{option}': {}\n", tip(&name));
            Error::raw(ErrorKind::InvalidValue, message).with_cmd(command)
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let value = |kind: Kind| PossibleValue::new(hyphenated(kind)).alias(kind.name()).help(about(kind));
        Some(Box::new(Kind::ALL.into_iter().map(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_other_libraries_get_the_right_one() {
        for (typed, meant) in [
            ("cross_entropy", "it is called 'softmax-ce' here"),
            ("cross-entropy", "it is called 'softmax-ce' here"),
            ("CrossEntropyLoss", "it is called 'softmax-ce' here"),
            ("torch.nn.functional.cross_entropy", "it is called 'softmax-ce' here"),
            ("sparse_categorical_crossentropy", "it is called 'softmax-ce' here"),
            ("bce-with-logits", "it is called 'sigmoid-ce' here"),
            ("BCEWithLogitsLoss", "it is called 'sigmoid-ce' here"),
            ("sigmoid_focal_loss", "a similar name is 'sigmoid-focal'"),
            ("sofmax-ce", "a similar name is 'softmax-ce'"),
            ("SOFTMAX-CE", "a similar name is 'softmax-ce'"),
        ] {
            assert_eq!(tip(typed), meant, "{typed}");
        }
        for (typed, both) in [
            ("nll", ["softmax-ce", " ce "]),
            ("NLLLoss", ["softmax-ce", " ce "]),
            ("focal", ["softmax-focal", "sigmoid-focal"]),
            ("FocalLoss", ["softmax-focal", "sigmoid-focal"]),
            ("binary_cross_entropy", ["sigmoid-ce", "bce "]),
            ("mse", ["softmax-ce", "bce"]),
            ("", ["softmax-ce", "bce"]),
        ] {
            assert!(both.iter().all(|name| tip(typed).contains(name)), "{typed}: {}", tip(typed));
        }
    }
}
