//! Charts of lines as SVG, on a logarithmic axis of sizes.

use std::fmt::Write as _;

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
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 44.0;
/// Colours that a style sheet defines; the shapes tell the lines apart without them.
const COLOURS: usize = 6;

/// An axis from values to the drawing.
struct Axis {
    log: bool,
    from: f64,
    to: f64,
    begin: f64,
    end: f64,
}

impl Axis {
    fn at(&self, value: f64) -> f64 {
        let place = |v: f64| if self.log { v.max(1e-12).log10() } else { v };
        let (from, to) = (place(self.from), place(self.to));
        let part = if to > from { (place(value) - from) / (to - from) } else { 0.5 };
        self.begin + part * (self.end - self.begin)
    }
}

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
        self.grid(&mut text, &xs, &ys);
        for (index, series) in self.series.iter().enumerate() {
            line(&mut text, series, index, &xs, &ys, self);
        }
        Some(text)
    }

    /// The lines that are there, with their numbers.
    pub(crate) fn legend(&self) -> impl Iterator<Item = (usize, &Series)> {
        self.series.iter().enumerate().filter(|(_, series)| !series.points.is_empty())
    }

    /// Lines and numbers behind the data.
    fn grid(&self, text: &mut String, xs: &Axis, ys: &Axis) {
        // Writing into a string cannot fail.
        let (left, right, bottom) = (xs.begin, xs.end, ys.begin);
        for value in ticks(ys) {
            let y = ys.at(value);
            let _ = writeln!(text, "<path class=\"grid\" d=\"M{left} {y:.1}H{right}\"/>");
            let (x, y) = (left - 6.0, y + 4.0);
            let _ = writeln!(text, "<text class=\"end\" x=\"{x}\" y=\"{y:.1}\">{}</text>", short(value));
        }
        let mut values: Vec<f64> = self.series.iter().flat_map(|series| series.points.iter().map(|p| p.0)).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        let mut last = f64::NEG_INFINITY;
        for value in values {
            let x = xs.at(value);
            let _ = writeln!(text, "<path class=\"axis\" d=\"M{x:.1} {bottom}v5\"/>");
            // Numbers that would touch are left out: their marks tell them when pointed at.
            if x - last >= 26.0 {
                let y = bottom + 18.0;
                let _ = writeln!(text, "<text class=\"middle\" x=\"{x:.1}\" y=\"{y}\">{}</text>", short(value));
                last = x;
            }
        }
        let _ = writeln!(text, "<path class=\"axis\" d=\"M{left} {bottom}H{right}\"/>");
        let (x, y) = (f64::midpoint(left, right), HEIGHT - 8.0);
        let _ = writeln!(text, "<text class=\"middle\" x=\"{x}\" y=\"{y}\">{}</text>", escaped(self.x_label));
        let y = f64::midpoint(bottom, ys.end);
        let _ = writeln!(
            text,
            "<text class=\"middle\" transform=\"translate(12 {y}) rotate(-90)\">{}</text>",
            escaped(self.y_label)
        );
    }
}

/// A piece of a line with its mark, 28 by 12.
pub(crate) fn key(series: &Series, index: usize) -> String {
    let class = class(series, index);
    format!("<g class=\"{class}\"><path class=\"line\" d=\"M0 6H28\"/>{}</g>", mark(index, 14.0, 6.0, ""))
}

fn class(series: &Series, index: usize) -> String {
    format!("c{}{}", index % COLOURS, if series.is_measure { " measure" } else { "" })
}

/// A line and its marks, each of which tells its numbers.
fn line(text: &mut String, series: &Series, index: usize, xs: &Axis, ys: &Axis, chart: &Chart) {
    let _ = write!(text, "<g class=\"{}\"><path class=\"line\" d=\"", class(series, index));
    for (place, (x, y)) in series.points.iter().enumerate() {
        let _ = write!(text, "{}{:.1} {:.1}", if place == 0 { 'M' } else { 'L' }, xs.at(*x), ys.at(*y));
    }
    let _ = writeln!(text, "\"/>");
    for (x, y) in &series.points {
        let told = format!("{}: {} at {x} {}", series.name, precise(*y, chart.y_label), chart.x_label);
        let _ = writeln!(text, "{}", mark(index, xs.at(*x), ys.at(*y), &told));
    }
    let _ = writeln!(text, "</g>");
}

/// A circle, square, diamond, triangle, cross or bar, by the line's number.
fn mark(index: usize, x: f64, y: f64, told: &str) -> String {
    let path = match index % COLOURS {
        0 => "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
        1 => "M-3.5 -3.5h7v7h-7z",
        2 => "M0 -5L5 0L0 5L-5 0z",
        3 => "M0 -4.5L4.5 3.5H-4.5z",
        4 => "M-1.3 -4.5h2.6v3.2h3.2v2.6h-3.2v3.2h-2.6v-3.2h-3.2v-2.6h3.2z",
        _ => "M-4.5 -1.5h9v3h-9z",
    };
    let title = if told.is_empty() { String::new() } else { format!("<title>{}</title>", escaped(told)) };
    format!("<path class=\"mark\" transform=\"translate({x:.1} {y:.1})\" d=\"{path}\">{title}</path>")
}

/// Round numbers along an axis.
fn ticks(axis: &Axis) -> Vec<f64> {
    if axis.log {
        let decades = (axis.from.log10().floor() as i32)..=(axis.to.log10().ceil() as i32);
        let wide = axis.to / axis.from > 1e4;
        let steps: &[f64] = if wide { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let all = decades.flat_map(|decade| steps.iter().map(move |step| step * 10_f64.powi(decade)));
        return all.filter(|value| (axis.from..=axis.to).contains(value)).collect();
    }
    let raw = axis.to / 5.0;
    let decade = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|s| s * decade).find(|s| *s >= raw).unwrap_or(raw);
    (0..=10).map(|i| f64::from(i) * step).filter(|value| *value <= axis.to).collect()
}

/// A number in few signs: 1.2k, 16.8M, 0.05.
fn short(value: f64) -> String {
    let (scaled, unit) = match value {
        1e9.. => (value / 1e9, "G"),
        1e6.. => (value / 1e6, "M"),
        1e3.. => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let digits = if scaled >= 20.0 {
        0
    } else if scaled >= 1.0 || scaled == 0.0 {
        1
    } else {
        5
    };
    let text = format!("{scaled:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{unit}")
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

    #[test]
    fn numbers_are_short() {
        let texts = [10.0, 1000.0, 4096.0, 50_257.0, 128_256.0, 16_777_216.0, 0.05, 0.0, 200.0].map(short);
        assert_eq!(texts, ["10", "1k", "4.1k", "50k", "128k", "16.8M", "0.05", "0", "200"]);
    }

    #[test]
    fn every_point_lies_inside_the_drawing() {
        for log in [false, true] {
            let points = vec![(10.0, 0.3), (1000.0, 20.0), (128_256.0, 9000.0)];
            let series = vec![Series { name: "a<b".into(), points, is_measure: false }];
            let chart = Chart { title: "t".into(), x_label: "classes", y_label: "ms", log, series };
            let text = chart.drawing().unwrap();
            assert!(text.contains("a&lt;b: 9000 ms at 128256 classes"), "{text}");
            let places = text.match_indices("translate(").filter_map(|(at, _)| {
                let inside = &text[at + 10..];
                let (x, y) = inside[..inside.find(')')?].split_once(' ')?;
                Some((x.parse::<f64>().ok()?, y.parse::<f64>().ok()?))
            });
            assert!(places.into_iter().all(|(x, y)| (0.0..=WIDTH).contains(&x) && (0.0..=HEIGHT).contains(&y)));
        }
    }
}
