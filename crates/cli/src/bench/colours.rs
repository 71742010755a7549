//! The colours of charts. They stand in the drawings themselves, since librsvg and others know no CSS variables and
//! would draw everything black; a rule of their class replaces them on dark screens.

use std::fmt::Write as _;

/// A colour on light and on dark pages; paper is light.
pub(crate) struct Colour {
    pub(crate) light: &'static str,
    pub(crate) dark: &'static str,
}

pub(crate) const PAGE: Colour = Colour { light: "#fff", dark: "#15171b" };
pub(crate) const INK: Colour = Colour { light: "#1c1d21", dark: "#e8e9ec" };
pub(crate) const DIM: Colour = Colour { light: "#5d6068", dark: "#a2a6ae" };
pub(crate) const RULE: Colour = Colour { light: "#dcdee3", dark: "#33363d" };
/// Lines: they stay apart for colour-blind readers.
pub(crate) const LINES: [Colour; 6] = [
    Colour { light: "#0b62a8", dark: "#6db8f2" },
    Colour { light: "#c2560a", dark: "#f5a15b" },
    Colour { light: "#00795a", dark: "#4fcf9f" },
    Colour { light: "#9c3a83", dark: "#e597cf" },
    Colour { light: "#7a6100", dark: "#dcc34a" },
    Colour { light: "#55585f", dark: "#b4b8c0" },
];

/// What dark screens show instead of a drawing's own colours.
pub(crate) fn dark() -> String {
    let mut rules = String::from("@media screen and (prefers-color-scheme:dark){");
    let own = [("page", "fill", PAGE), ("mark", "stroke", PAGE), ("ink", "fill", INK), ("text", "fill", DIM)];
    for (class, what, colour) in own.into_iter().chain([("axis", "stroke", DIM), ("grid", "stroke", RULE)]) {
        // Writing into a string cannot fail.
        let _ = write!(rules, "svg .{class}{{{what}:{}}}", colour.dark);
    }
    for (index, Colour { dark, .. }) in LINES.iter().enumerate() {
        let _ = write!(rules, "svg .c{index}{{stroke:{dark};fill:{dark}}}");
    }
    rules + "}\n"
}
