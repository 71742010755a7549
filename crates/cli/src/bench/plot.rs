//! Charts of lines as SVG, on a logarithmic axis of sizes.

use std::fmt::Write as _;

use super::axis::{Axis, short, tick};
use super::colours::{DIM, LINES, PAGE, RULE};
use super::escape::escaped;

/// A line through points.
pub(crate) struct Series {
    pub(crate) name: String,
    /// In the order of x.
    pub(crate) points: Vec<(f64, f64)>,
    /// What the others are held against: drawn dashed.
    pub(crate) is_measure: bool,
}

pub(crate) struct Chart {
    pub(crate) title: String,
    pub(crate) x_label: &'static str,
    pub(crate) y_label: &'static str,
    /// Whether y is logarithmic too; else it begins at 0.
    pub(crate) log: bool,
    pub(crate) series: Vec<Series>,
}

const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 312.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 58.0;
/// Text of a drawing, readable too where a phone shows it at three quarters of its size.
pub(crate) const FONT: &str = "font-family=\"system-ui,sans-serif\" font-size=\"13\"";
/// What a letter takes at most, on average.
pub(crate) const LETTER: f64 = 7.5;

impl Chart {
    /// Width and height of a drawing.
    pub(crate) const SIZE: (f64, f64) = (WIDTH, HEIGHT);

    /// Axes and lines as elements of an SVG; none without a point.
    pub(crate) fn drawing(&self) -> Option<String> {
        let points = || self.series.iter().flat_map(|series| series.points.iter().copied());
        points().next()?;
        let least = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::INFINITY, f64::min);
        let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
        let xs = Axis {
            log: true,
            from: least(&mut points().map(|p| p.0)) * 0.8,
            to: most(&mut points().map(|p| p.0)) * 1.25,
            begin: LEFT,
            end: WIDTH - RIGHT,
        };
        let (low, high) = (least(&mut points().map(|p| p.1)), most(&mut points().map(|p| p.1)));
        let (from, to) = if self.log { (low * 0.7, high * 1.4) } else { (0.0, high * 1.1) };
        let ys = Axis { log: self.log, from, to, begin: HEIGHT - BOTTOM, end: TOP };
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _ = writeln!(text, "<g class=\"text\" fill=\"{}\" {FONT}>", DIM.light);
        self.values(&mut text, &xs, &ys);
        self.sizes(&mut text, &xs, ys.begin);
        text += "</g>\n";
        for (index, series) in self.series.iter().enumerate() {
            line(&mut text, series, index, &xs, &ys, self);
        }
        Some(text)
    }

    /// The lines that are there, with their numbers.
    pub(crate) fn legend(&self) -> impl Iterator<Item = (usize, &Series)> {
        self.series.iter().enumerate().filter(|(_, series)| !series.points.is_empty())
    }

    /// The axis of values: round numbers, with lines behind the data.
    fn values(&self, text: &mut String, xs: &Axis, ys: &Axis) {
        let (left, right, top, bottom) = (xs.begin, xs.end, ys.end, ys.begin);
        for value in ys.ticks() {
            let y = ys.at(value);
            let _ = writeln!(
                text,
                "<path class=\"grid\" stroke=\"{}\" d=\"M{left} {y:.1}H{right}\"/>\n{}",
                RULE.light,
                axis(&format!("M{left} {y:.1}h-5"))
            );
            let (x, y) = (left - 8.0, y + 4.5);
            let _ = writeln!(text, "<text text-anchor=\"end\" x=\"{x}\" y=\"{y:.1}\">{}</text>", tick(value));
        }
        let _ = writeln!(text, "{}", axis(&format!("M{left} {bottom}V{top}")));
        let y = f64::midpoint(bottom, top);
        let _ = writeln!(
            text,
            "<text text-anchor=\"middle\" transform=\"translate(13 {y}) rotate(-90)\">{}</text>",
            escaped(self.y_label)
        );
    }

    /// The axis of sizes: each that was measured. Numbers that would touch stand lower, or, in a crowd, nowhere.
    fn sizes(&self, text: &mut String, xs: &Axis, bottom: f64) {
        let mut values: Vec<f64> = self.series.iter().flat_map(|series| series.points.iter().map(|p| p.0)).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        let mut taken = [f64::NEG_INFINITY; 2];
        let mut last = String::new();
        for value in values {
            let (x, name) = (xs.at(value), short(value));
            // 1,048,000 scores and 1,048,576 are one number here.
            if name == last {
                continue;
            }
            let half = LETTER * name.len() as f64 / 2.0;
            let line = taken.iter().position(|end| x - half >= end + 4.0);
            let mark = if line == Some(1) { 19 } else { 5 };
            let _ = writeln!(text, "{}", axis(&format!("M{x:.1} {bottom}v{mark}")));
            if let Some(line) = line {
                let y = bottom + 18.0 + 14.0 * line as f64;
                let _ = writeln!(text, "<text text-anchor=\"middle\" x=\"{x:.1}\" y=\"{y}\">{name}</text>");
                taken[line] = x + half;
            }
            last = name;
        }
        let _ = writeln!(text, "{}", axis(&format!("M{} {bottom}H{}", xs.begin, xs.end)));
        let (x, y) = (f64::midpoint(xs.begin, xs.end), HEIGHT - 8.0);
        let _ = writeln!(text, "<text text-anchor=\"middle\" x=\"{x}\" y=\"{y}\">{}</text>", escaped(self.x_label));
    }
}

/// A line of an axis.
fn axis(path: &str) -> String {
    format!("<path class=\"axis\" stroke=\"{}\" d=\"{path}\"/>", DIM.light)
}

/// A piece of a line with its mark, 28 by 12.
pub(crate) fn key(series: &Series, index: usize) -> String {
    format!("{}{}{}</g>", open(index), stroke(series, "M0 6H28"), mark(index, 14.0, 6.0, ""))
}

/// The group that gives a line and its marks their colour.
fn open(index: usize) -> String {
    let index = index % LINES.len();
    let colour = LINES[index].light;
    format!("<g class=\"c{index}\" stroke=\"{colour}\" fill=\"{colour}\">")
}

fn stroke(series: &Series, path: &str) -> String {
    let dashes = if series.is_measure { " stroke-dasharray=\"5 4\"" } else { "" };
    format!("<path class=\"line\" fill=\"none\" stroke-width=\"2\"{dashes} d=\"{path}\"/>")
}

/// A line and its marks, each of which tells its numbers.
fn line(text: &mut String, series: &Series, index: usize, xs: &Axis, ys: &Axis, chart: &Chart) {
    let mut path = String::new();
    for (place, (x, y)) in series.points.iter().enumerate() {
        let _ = write!(path, "{}{:.1} {:.1}", if place == 0 { 'M' } else { 'L' }, xs.at(*x), ys.at(*y));
    }
    let _ = writeln!(text, "{}{}", open(index), stroke(series, &path));
    for (x, y) in &series.points {
        let told = format!("{}: {} at {x} {}", series.name, precise(*y, chart.y_label), chart.x_label);
        let _ = writeln!(text, "{}", mark(index, xs.at(*x), ys.at(*y), &told));
    }
    let _ = writeln!(text, "</g>");
}

/// A circle, square, diamond, triangle, cross or bar, by the line's number: they tell lines apart without colours.
fn mark(index: usize, x: f64, y: f64, told: &str) -> String {
    let path = match index % LINES.len() {
        0 => "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
        1 => "M-3.5 -3.5h7v7h-7z",
        2 => "M0 -5L5 0L0 5L-5 0z",
        3 => "M0 -4.5L4.5 3.5H-4.5z",
        4 => "M-1.3 -4.5h2.6v3.2h3.2v2.6h-3.2v3.2h-2.6v-3.2h-3.2v-2.6h3.2z",
        _ => "M-4.5 -1.5h9v3h-9z",
    };
    let title = if told.is_empty() { String::new() } else { format!("<title>{}</title>", escaped(told)) };
    let halo = PAGE.light;
    format!("<path class=\"mark\" stroke=\"{halo}\" transform=\"translate({x:.1} {y:.1})\" d=\"{path}\">{title}</path>")
}

/// A figure with its unit.
fn precise(value: f64, unit: &str) -> String {
    let digits = if value >= 100.0 {
        0
    } else if value >= 1.0 {
        2
    } else {
        4
    };
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(log: bool, points: &[(f64, f64)]) -> Chart {
        let series = vec![Series { name: "a<b".into(), points: points.to_vec(), is_measure: false }];
        Chart { title: "t".into(), x_label: "classes", y_label: "ms", log, series }
    }

    #[test]
    fn every_point_lies_inside_the_drawing() {
        for log in [false, true] {
            let text = chart(log, &[(10.0, 0.3), (1000.0, 20.0), (128_256.0, 9000.0)]).drawing().unwrap();
            assert!(text.contains("a&lt;b: 9000 ms at 128256 classes"), "{text}");
            let places = text.match_indices("translate(").filter_map(|(at, _)| {
                let inside = &text[at + 10..];
                let (x, y) = inside[..inside.find(')')?].split_once(' ')?;
                Some((x.parse::<f64>().ok()?, y.parse::<f64>().ok()?))
            });
            assert!(places.into_iter().all(|(x, y)| (0.0..=WIDTH).contains(&x) && (0.0..=HEIGHT).contains(&y)));
        }
    }

    #[test]
    fn both_axes_have_ticks_however_near_the_values_are() {
        for log in [false, true] {
            for spread in [1.0, 1.01, 1.5, 40.0] {
                let text = chart(log, &[(32_000.0, 18.3), (50_257.0, 18.3 * spread)]).drawing().unwrap();
                let values = text.matches("<text text-anchor=\"end\"").count();
                assert!(values >= 3, "{log} {spread}: {text}");
                // Two marks below, each with its number though the two are near; the other paths are the axes.
                assert!(text.contains(">32k</text>") && text.contains(">50k</text>"), "{text}");
                assert_eq!(text.matches("class=\"axis\"").count(), values + 2 + 2, "{text}");
            }
        }
    }

    #[test]
    fn sizes_that_read_alike_have_one_number() {
        let text = chart(true, &[(1_048_000.0, 1.0), (1_048_576.0, 2.0), (16_777_216.0, 3.0)]).drawing().unwrap();
        assert_eq!((text.matches(">1M</text>").count(), text.matches(">16.8M</text>").count()), (1, 1), "{text}");
    }

    #[test]
    fn numbers_of_a_crowd_do_not_touch() {
        let points: Vec<(f64, f64)> = (0..60).map(|i| (1000.0 * 1.02_f64.powi(i), 1.0)).collect();
        let text = chart(false, &points).drawing().unwrap();
        let names = text.matches("<text text-anchor=\"middle\" x=").count();
        assert!((10..40).contains(&names), "{names}");
    }
}
