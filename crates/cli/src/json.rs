//! What `--json` prints: one JSON document on standard output.

use serde::{Serialize, Serializer};

use crate::failure::Failure;
use crate::terminal;

/// Prints a document and a line break.
pub(crate) fn print(document: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(document).map_err(|e| Failure::usage(format!("standard output: {e}")))?;
    terminal::print(&format!("{text}\n"))
}

/// A number, or what JSON has no number for, as the strings "NaN", "inf" and "-inf": Python's `float` reads both.
pub(crate) fn number<S: Serializer, N: Into<f64> + Copy + Serialize>(n: &N, s: S) -> Result<S::Ok, S::Error> {
    let wide: f64 = (*n).into();
    if wide.is_finite() { n.serialize(s) } else { s.serialize_str(&wide.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Value(#[serde(serialize_with = "number")] f32);

    #[test]
    fn numbers_are_short_and_what_is_none_is_a_string() {
        let text = |value| serde_json::to_string(&Value(value)).unwrap();
        assert_eq!(text(1.1), "1.1");
        assert_eq!(text(f32::NAN), "\"NaN\"");
        assert_eq!(text(f32::INFINITY), "\"inf\"");
        assert_eq!(text(f32::NEG_INFINITY), "\"-inf\"");
    }
}
