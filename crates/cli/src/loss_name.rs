//! The losses by their names on the command line, and by those that other libraries give them.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, TypedValueParser, ValueParserFactory};
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};
use gpu_loss::loss::Kind;

use crate::names::distance;
use crate::takers::listing;

/// A loss by its name on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LossName {
    kind: Kind,
    linear: bool,
}

/// The name of a linear layer and softmax-ce in one.
pub(crate) const LINEAR_CE: &str = "linear-ce";

/// What other libraries call it: letters and digits alone, without "loss" at the end.
const LINEAR_ELSEWHERE: [&str; 4] =
    ["linearcrossentropy", "fusedlinearcrossentropy", "ligerfusedlinearcrossentropy", "cutcrossentropy"];

impl LossName {
    /// The loss; of linear-ce that on its logits.
    pub(crate) fn kind(self) -> Kind {
        self.kind
    }

    /// Whether a linear layer comes before it.
    pub(crate) fn is_linear(self) -> bool {
        self.linear
    }
}

/// Letters and digits in lower case, without a module before them and "loss" behind them.
fn plain(name: &str) -> String {
    let last = name.rsplit(['.', ':']).next().unwrap_or(name);
    let letters: String = last.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    letters.strip_suffix("loss").unwrap_or(&letters).to_owned()
}

/// What someone who typed this name may have meant.
fn tip(name: &str) -> String {
    let plain = plain(name);
    if LINEAR_ELSEWHERE.contains(&plain.as_str()) {
        return format!("it is called '{LINEAR_CE}' here");
    }
    let meant: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| kind.aliases().contains(&plain.as_str())).collect();
    match meant.as_slice() {
        [] => {}
        [one] => return format!("it is called '{}' here", one.hyphenated()),
        several => {
            let described = several.iter().map(|kind| format!("'{}' ({})", kind.hyphenated(), kind.about()));
            return format!("it may be {}: say which", described.collect::<Vec<_>>().join(" or "));
        }
    }
    let letters = |text: &str| text.chars().collect::<Vec<char>>();
    let typed = letters(&plain);
    let nearest = Kind::ALL
        .iter()
        .map(|kind| (distance(&letters(&kind.name().replace('_', "")), &typed), kind))
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((distance, kind)) if distance <= 2 && typed.len() > 3 => {
            format!("a similar name is '{}'", kind.hyphenated())
        }
        _ => format!("expected {}, {LINEAR_CE}", listing(Kind::ALL)),
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
        if name == LINEAR_CE || name == "linear_ce" {
            return Ok(LossName { kind: Kind::SoftmaxCe, linear: true });
        }
        let known = Kind::ALL.iter().copied().find(|kind| name == kind.hyphenated() || name == kind.name());
        known.map(|kind| LossName { kind, linear: false }).ok_or_else(|| {
            let option = arg.map_or_else(|| "--loss <NAME>".to_owned(), ToString::to_string);
            let message = format!("invalid value '{name}' for '{option}': {}\n", tip(&name));
            Error::raw(ErrorKind::InvalidValue, message).with_cmd(command)
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let value = |kind: Kind| PossibleValue::new(kind.hyphenated()).alias(kind.name()).help(kind.about());
        let linear = PossibleValue::new(LINEAR_CE)
            .alias("linear_ce")
            .help("A linear layer and softmax-ce in one, without the logits; PyTorch's linear_cross_entropy");
        Some(Box::new(Kind::ALL.iter().copied().map(value).chain([linear])))
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
            ("PolyLoss", "it is called 'poly-1' here"),
            ("LigerFusedLinearCrossEntropyLoss", "it is called 'linear-ce' here"),
            ("sofmax-ce", "a similar name is 'softmax-ce'"),
            ("SOFTMAX-CE", "a similar name is 'softmax-ce'"),
        ] {
            assert_eq!(tip(typed), meant, "{typed}");
        }
        for (typed, both) in [
            ("nll", ["'softmax-ce'", "'ce'"]),
            ("NLLLoss", ["'softmax-ce'", "'ce'"]),
            ("focal", ["softmax-focal", "sigmoid-focal"]),
            ("FocalLoss", ["softmax-focal", "sigmoid-focal"]),
            ("binary_cross_entropy", ["'sigmoid-ce'", "'bce'"]),
            ("mse", ["softmax-ce", "bce"]),
            ("", ["softmax-ce", "bce"]),
        ] {
            assert!(both.iter().all(|name| tip(typed).contains(name)), "{typed}: {}", tip(typed));
        }
    }
}
