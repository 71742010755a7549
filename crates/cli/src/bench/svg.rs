//! A chart as a file of its own, for pages that only show pictures.

use std::fmt::Write as _;

use super::colours::{DIM, INK, PAGE, dark};
use super::escape::escaped;
use super::plot::{Chart, FONT, LETTER, key};

/// Above and below the drawing.
const TITLE: f64 = 34.0;
const LEGEND: f64 = 20.0;

/// A picture that needs nothing but itself, on light and on dark.
pub(crate) fn document(chart: &Chart) -> Option<String> {
    let drawing = chart.drawing()?;
    let (width, height) = Chart::SIZE;
    let mut legend = String::new();
    let (mut x, mut y) = (12.0, TITLE + height + 4.0);
    for (index, series) in chart.legend() {
        let long = 34.0 + LETTER * series.name.chars().count() as f64 + 12.0;
        if x > 12.0 && x + long > width {
            (x, y) = (12.0, y + LEGEND);
        }
        let (key, name) = (key(series, index), escaped(&series.name));
        // Writing into a string cannot fail.
        let _ = writeln!(
            legend,
            "<g transform=\"translate({x:.0} {y:.0})\">{key}<text x=\"34\" y=\"10.5\">{name}</text></g>"
        );
        x += long;
    }
    let (high, title, dark) = (y + LEGEND + 4.0, escaped(&chart.title), dark());
    let [page, ink, dim] = [PAGE, INK, DIM].map(|colour| colour.light);
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {high}\" role=\"img\" aria-label=\"{title}\">\n\
         <style>\n{dark}</style>\n<rect class=\"page\" fill=\"{page}\" width=\"{width}\" height=\"{high}\"/>\n\
         <text class=\"ink\" fill=\"{ink}\" {FONT} font-weight=\"600\" x=\"12\" y=\"22\">{title}</text>\n\
         <g transform=\"translate(0 {TITLE})\">\n{drawing}</g>\n\
         <g class=\"text\" fill=\"{dim}\" {FONT}>\n{legend}</g>\n</svg>\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::super::plot::Series;
    use super::*;

    fn chart(count: usize) -> Chart {
        let series = |index: usize| Series {
            name: "a line with quite a long name".into(),
            points: vec![(10.0, 1.0), (100.0, 2.0)],
            is_measure: index == 0,
        };
        let (title, series) = ("a < b".into(), (0..count).map(series).collect());
        Chart { title, x_label: "classes", y_label: "ms", log: true, series }
    }

    #[test]
    fn the_legend_takes_as_many_lines_as_it_needs() {
        assert!(document(&chart(0)).is_none());
        let [one, four] = [1, 4].map(|count| document(&chart(count)).unwrap());
        assert!(one.contains("viewBox=\"0 0 520 374\"") && four.contains("viewBox=\"0 0 520 434\""), "{four}");
        assert!(one.contains("a &lt; b") && !one.contains("a < b"));
    }

    #[test]
    fn colours_are_plain_for_viewers_without_css_variables() {
        let text = document(&chart(7)).unwrap();
        assert!(!text.contains("var(") && !text.contains("currentColor") && !text.contains(":root"), "{text}");
        let (style, rest) = text.split_once("</style>").unwrap();
        // Without the style sheet, which only dark screens look at, everything drawn still has its colour.
        assert!(style.contains("<style>\n@media screen and (prefers-color-scheme:dark){") && style.ends_with("}}\n"));
        let mut colour = vec![false];
        for tag in rest.split('<').skip(1).map(|tag| tag.split('>').next().unwrap()) {
            let name = tag.split([' ', '/']).next().unwrap();
            let paints = |what: &str| tag.contains(&format!(" {what}=\"#"));
            let inside = *colour.last().unwrap();
            match name {
                "g" => colour.push(inside || paints("fill")),
                "path" => assert!(inside && (paints("stroke") || tag.contains("class=\"line\"")), "{tag}"),
                "text" => assert!(inside || paints("fill"), "{tag}"),
                "rect" => assert!(paints("fill"), "{tag}"),
                "" if tag.starts_with("/g") => drop(colour.pop()),
                _ => {}
            }
        }
    }
}
