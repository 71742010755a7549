//! A chart as a file of its own, for pages that only show pictures.

use std::fmt::Write as _;

use super::escape::escaped;
use super::plot::{Chart, key};

/// Above and below the drawing.
const TITLE: f64 = 34.0;
const LEGEND: f64 = 20.0;
/// What a letter of the legend takes at most, on average.
const LETTER: f64 = 6.4;

/// A picture that needs nothing but itself, on light and on dark.
pub(crate) fn document(chart: &Chart) -> Option<String> {
    let drawing = chart.drawing()?;
    let (width, height) = Chart::SIZE;
    let mut legend = String::new();
    let (mut x, mut y) = (12.0, TITLE + height + 4.0);
    for (index, series) in chart.legend() {
        let long = 34.0 + LETTER * series.name.chars().count() as f64 + 16.0;
        if x > 12.0 && x + long > width {
            (x, y) = (12.0, y + LEGEND);
        }
        let (key, name) = (key(series, index), escaped(&series.name));
        // Writing into a string cannot fail.
        let _ = writeln!(
            legend,
            "<g transform=\"translate({x:.0} {y:.0})\">{key}<text x=\"34\" y=\"10\">{name}</text></g>"
        );
        x += long;
    }
    let (high, title) = (y + LEGEND + 4.0, escaped(&chart.title));
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {high}\" role=\"img\" aria-label=\"{title}\">\n\
         <style>\n{COLOURS}{LINES}</style>\n<rect class=\"page\" width=\"{width}\" height=\"{high}\"/>\n\
         <text class=\"title\" x=\"12\" y=\"22\">{title}</text>\n<g transform=\"translate(0 {TITLE})\">\n{drawing}</g>\n\
         {legend}</svg>\n"
    ))
}

/// Colours that stay apart for colour-blind readers, on light and on dark; paper is light.
pub(crate) const COLOURS: &str = "\
:root{--page:#fff;--ink:#1c1d21;--dim:#5d6068;--rule:#dcdee3;--bad:#b3261e;
--c0:#0b62a8;--c1:#c2560a;--c2:#00795a;--c3:#9c3a83;--c4:#7a6100;--c5:#55585f}
@media screen and (prefers-color-scheme:dark){:root{--page:#15171b;--ink:#e8e9ec;--dim:#a2a6ae;--rule:#33363d;
--bad:#ff8a80;--c0:#6db8f2;--c1:#f5a15b;--c2:#4fcf9f;--c3:#e597cf;--c4:#dcc34a;--c5:#b4b8c0}}
";

/// How a drawing's classes look.
pub(crate) const LINES: &str = "\
svg text{fill:var(--dim);font:11px system-ui,sans-serif}
svg .title{fill:var(--ink);font-size:13px;font-weight:600}
svg .end{text-anchor:end}
svg .middle{text-anchor:middle}
.page{fill:var(--page)}
.grid{stroke:var(--rule);fill:none}
.axis{stroke:var(--dim);fill:none}
.line{stroke:currentColor;stroke-width:2;fill:none}
.mark{fill:currentColor;stroke:var(--page)}
.measure .line{stroke-dasharray:5 4}
.c0{color:var(--c0)}.c1{color:var(--c1)}.c2{color:var(--c2)}.c3{color:var(--c3)}.c4{color:var(--c4)}.c5{color:var(--c5)}
";

#[cfg(test)]
mod tests {
    use super::super::plot::Series;
    use super::*;

    #[test]
    fn the_legend_takes_as_many_lines_as_it_needs() {
        let series = |name: &str| Series { name: name.into(), points: vec![(10.0, 1.0)], is_measure: false };
        let chart = |count| Chart {
            title: "a < b".into(),
            x_label: "classes",
            y_label: "ms",
            log: true,
            series: (0..count).map(|_| series("a line with quite a long name")).collect(),
        };
        assert!(document(&chart(0)).is_none());
        let [one, four] = [1, 4].map(|count| document(&chart(count)).unwrap());
        assert!(one.contains("viewBox=\"0 0 520 362\"") && four.contains("viewBox=\"0 0 520 382\""), "{four}");
        assert!(one.contains("a &lt; b") && !one.contains("a < b"));
    }
}
