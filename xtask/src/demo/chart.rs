//! The curves of trainings as an SVG picture: loss and accuracy by epoch, a panel for each.

use std::fmt::Write as _;

use super::train::Course;

/// A panel, and the plot in it.
const PANEL: (f64, f64) = (600.0, 360.0);
const LEFT: f64 = 72.0;
const RIGHT: f64 = 528.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 304.0;

/// Colours that are read on a light and on a dark page.
const STYLE: &str = "\
text { font-family: system-ui, 'Segoe UI', Helvetica, Arial, sans-serif; font-size: 13px; fill: #24292f; }
.page { fill: #ffffff; }
.title { font-size: 16px; font-weight: 600; }
.grid { stroke: #d8dee4; stroke-width: 1; }
.frame { stroke: #6e7781; stroke-width: 1; fill: none; }
.line { fill: none; stroke-width: 2.2; stroke-linejoin: round; }
.loss.line { stroke: #0550ae; } text.loss, .loss.dot { fill: #0550ae; }
.accuracy.line { stroke: #bc4c00; } text.accuracy, .accuracy.dot { fill: #bc4c00; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.page { fill: #0d1117; }
.grid { stroke: #30363d; }
.frame { stroke: #8b949e; }
.loss.line { stroke: #79c0ff; } text.loss, .loss.dot { fill: #79c0ff; }
.accuracy.line { stroke: #ffa657; } text.accuracy, .accuracy.dot { fill: #ffa657; }
}";

/// Draws a panel for each training, two in a line.
pub(super) fn draw(courses: &[Course]) -> String {
    let columns = courses.len().clamp(1, 2);
    let (width, height) = (PANEL.0 * columns as f64, PANEL.1 * courses.len().div_ceil(columns) as f64);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\">\n<title>Loss and accuracy while learning handwritten digits</title>\n\
         <style>\n{STYLE}\n</style>\n<rect class=\"page\" width=\"{width}\" height=\"{height}\"/>\n"
    );
    for (at, course) in courses.iter().enumerate() {
        let (x, y) = (PANEL.0 * (at % columns) as f64, PANEL.1 * (at / columns) as f64);
        // Writing into a string cannot fail.
        let _ = writeln!(svg, "<g transform=\"translate({x} {y})\">\n{}</g>", panel(course));
    }
    svg + "</svg>\n"
}

fn panel(course: &Course) -> String {
    let (epochs, task) = (&course.epochs, course.task);
    let finite = |value: &f64| value.is_finite();
    let highest = epochs.iter().map(|epoch| epoch.loss).filter(finite).fold(0.0, f64::max);
    let lowest = epochs.iter().map(|epoch| epoch.accuracy).filter(finite).fold(90.0, f64::min);
    let losses = Axis::new(0.0, if highest > 0.0 { highest } else { 1.0 });
    let accuracies = Axis::new(lowest, 100.0);
    let above = TOP - 14.0;
    let below = BOTTOM + 20.0;
    let mut panel = format!(
        "<text class=\"title\" x=\"{LEFT}\" y=\"24\">Handwritten digits: {} on {}</text>\n\
         <text class=\"loss\" x=\"{LEFT}\" y=\"{above}\">training loss (left)</text>\n\
         <text class=\"accuracy\" x=\"{RIGHT}\" y=\"{above}\" text-anchor=\"end\">\
         test accuracy on {}, % (right)</text>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">epoch</text>\n",
        task.loss(),
        task.form.name(),
        task.metric(),
        f64::midpoint(LEFT, RIGHT),
        below + 20.0,
    );
    // Writing into a string cannot fail.
    for tick in losses.ticks() {
        let y = losses.height(tick);
        let _ = writeln!(panel, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>");
        let _ = writeln!(panel, "{}", label("loss", (LEFT - 8.0, y + 4.5), "end", &losses.label(tick)));
    }
    for tick in accuracies.ticks() {
        let at = (RIGHT + 8.0, accuracies.height(tick) + 4.5);
        let _ = writeln!(panel, "{}", label("accuracy", at, "start", &accuracies.label(tick)));
    }
    let _ = writeln!(panel, "<path class=\"frame\" d=\"M{LEFT} {TOP}V{BOTTOM}H{RIGHT}V{TOP}\"/>");
    let every = epochs.len().div_ceil(10).max(1);
    for number in (1..=epochs.len()).filter(|number| *number == 1 || number % every == 0) {
        let at = (across(number, epochs.len()), below);
        let _ = writeln!(panel, "{}", label("", at, "middle", &number.to_string()));
    }
    let points = |height: &dyn Fn(usize) -> f64| -> Vec<(f64, f64)> {
        (0..epochs.len()).map(|at| (across(at + 1, epochs.len()), height(at))).filter(|(_, y)| y.is_finite()).collect()
    };
    panel += &curve("loss", &points(&|at| losses.height(epochs[at].loss)));
    panel += &curve("accuracy", &points(&|at| accuracies.height(epochs[at].accuracy)));
    panel
}

/// A line with a dot for each epoch.
fn curve(class: &str, points: &[(f64, f64)]) -> String {
    let line: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let mut curve = format!("<polyline class=\"{class} line\" points=\"{}\"/>\n", line.join(" "));
    if points.len() <= 60 {
        for (x, y) in points {
            let _ = writeln!(curve, "<circle class=\"{class} dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
        }
    }
    curve
}

fn label(class: &str, (x, y): (f64, f64), anchor: &str, text: &str) -> String {
    format!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>")
}

/// Where an epoch stands, counted from 1.
fn across(number: usize, epochs: usize) -> f64 {
    let share = if epochs > 1 { (number - 1) as f64 / (epochs - 1) as f64 } else { 0.5 };
    LEFT + 14.0 + (RIGHT - LEFT - 28.0) * share
}

/// A vertical axis from one round number to another.
struct Axis {
    low: f64,
    high: f64,
    step: f64,
}

impl Axis {
    fn new(low: f64, high: f64) -> Self {
        let rough = ((high - low) / 5.0).max(1e-9);
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|part| part * power).into_iter().find(|step| *step >= rough * 0.999);
        let step = step.unwrap_or(10.0 * power);
        Axis { low: (low / step).floor() * step, high: (high / step).ceil() * step, step }
    }

    fn ticks(&self) -> impl Iterator<Item = f64> + use<'_> {
        let count = ((self.high - self.low) / self.step).round() as usize;
        (0..=count).map(|at| self.low + self.step * at as f64)
    }

    fn height(&self, value: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * (value - self.low) / (self.high - self.low)
    }

    fn label(&self, tick: f64) -> String {
        let decimals = (-self.step.log10().floor()).max(0.0) as usize;
        format!("{tick:.decimals$}")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::task::tasks;
    use super::super::train::Epoch;
    use super::*;

    fn course(losses: &[f64]) -> Course {
        let epochs = losses.iter().map(|loss| Epoch { loss: *loss, accuracy: 97.0, ..Epoch::default() }).collect();
        Course { task: tasks()[0], epochs, time: Duration::ZERO }
    }

    #[test]
    fn axes_begin_and_end_at_round_numbers() {
        let labels = |low, high| {
            let axis = Axis::new(low, high);
            axis.ticks().map(|tick| axis.label(tick)).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(labels(0.0, 1.13), "0.0 0.5 1.0 1.5");
        assert_eq!(labels(83.4, 100.0), "80 85 90 95 100");
        assert_eq!(labels(0.0, 0.082), "0.00 0.02 0.04 0.06 0.08 0.10");
    }

    #[test]
    fn points_stay_in_the_frame_and_nan_is_left_out() {
        for losses in [&[2.0, 1.0, f64::NAN, 0.25][..], &[0.0], &[]] {
            let svg = draw(&[course(losses)]);
            assert!(!svg.contains("NaN"), "{svg}");
            let dots = svg.matches("class=\"loss dot\"").count();
            assert_eq!(dots, losses.iter().filter(|loss| loss.is_finite()).count());
            for dot in svg.lines().filter(|line| line.starts_with("<circle")) {
                let number = |name: &str| -> f64 {
                    let (_, from) = dot.split_once(&format!("{name}=\"")).expect("the attribute");
                    from.split('"').next().and_then(|text| text.parse().ok()).expect("a number")
                };
                assert!((LEFT..=RIGHT).contains(&number("cx")) && (TOP..=BOTTOM).contains(&number("cy")), "{dot}");
            }
        }
    }

    #[test]
    fn each_training_has_its_panel() {
        let svg = draw(&[course(&[1.0]), course(&[1.0]), course(&[1.0])]);
        assert_eq!(svg.matches("<g ").count(), 3);
        assert!(svg.contains("viewBox=\"0 0 1200 720\""), "{svg}");
    }
}
