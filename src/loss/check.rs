//! Whether a loss's options are those that it has, and their values in range.

use super::option::{Range, Values};
use super::{OptionName, Reduction, Spec};
use crate::error::{Error, Result};

impl Spec {
    /// Checks that the loss has every option that is set, each against its range, and the weights against the number of
    /// classes.
    ///
    /// # Errors
    /// [`Error::Unsupported`], [`Error::Option`] or [`Error::Shape`] for the first that is wrong.
    pub fn check(&self, classes: usize) -> Result<()> {
        let theirs = self.kind.options();
        if let Some(option) = self.flags().options().find(|option| !theirs.contains(option)) {
            let (loss, expected) = (self.kind.name(), self.kind.options_in_words());
            return Err(Error::Unsupported { loss, got: option.name().to_owned(), expected });
        }
        for option in OptionName::ALL {
            match option.values() {
                Values::Number { range, get, .. } => {
                    check_number(option.name(), get(self), |value| range.holds(value), range.in_words())?;
                }
                Values::Weights { range, get, .. } => {
                    check_weights(option.name(), get(self).as_deref(), classes, *range)?;
                }
            }
        }
        self.check_denominator()
    }

    fn check_denominator(&self) -> Result<()> {
        let Some(denominator) = self.denominator else { return Ok(()) };
        let positive = |v: f32| v.is_finite() && v > 0.0;
        check_number("denominator", self.denominator, positive, "a finite number above 0")?;
        let invertible = |v: f32| (1.0 / v).is_finite();
        let expected = "a number whose inverse f32 can hold, 2.94e-39 at least";
        check_number("denominator", self.denominator, invertible, expected)?;
        if self.reduction == Reduction::Mean {
            return Ok(());
        }
        Err(Error::Option {
            option: "denominator",
            got: format!("{denominator} with reduction {:?}", self.reduction),
            expected: "to be used with the reduction Mean, whose own denominator it replaces",
        })
    }
}

fn check_number(
    option: &'static str,
    value: Option<f32>,
    allowed: impl Fn(f32) -> bool,
    expected: &'static str,
) -> Result<()> {
    match value.filter(|value| !allowed(*value)) {
        None => Ok(()),
        // Not dozens of zeros.
        Some(value) if value != 0.0 && !(1e-4..1e9).contains(&value.abs()) => {
            Err(Error::Option { option, got: format!("{value:?}"), expected })
        }
        Some(value) => Err(Error::Option { option, got: value.to_string(), expected }),
    }
}

fn check_weights(what: &'static str, weights: Option<&[f32]>, classes: usize, range: Range) -> Result<()> {
    let Some(weights) = weights else { return Ok(()) };
    if weights.len() != classes {
        return Err(Error::Shape { what, got: vec![weights.len()], expected: vec![classes] });
    }
    match weights.iter().position(|w| !range.holds(*w)) {
        None => Ok(()),
        Some(at) => Err(Error::Value { what, at: vec![at], got: f64::from(weights[at]), expected: range.in_words() }),
    }
}
