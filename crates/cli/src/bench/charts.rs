//! What a report draws of one adapter's figures.

use gpu_loss::plan::Strategy;

use super::plot::{Chart, Series};
use super::section::Line;
use super::table::Document;

/// The charts that there are figures for, with names for files.
pub(crate) fn charts(lines: &[Line]) -> Vec<(&'static str, Chart)> {
    let Some(main) = Main::of(lines) else { return Vec::new() };
    let all =
        [("share", main.share()), ("rate", main.rate()), ("growth", main.growth()), ("strategies", main.strategies())];
    all.into_iter().filter_map(|(name, chart)| Some((name, chart?))).collect()
}

/// Loss with gradient, of the loss and targets that come first.
struct Main<'a> {
    name: String,
    lines: Vec<&'a Line>,
    /// The number of scores of a full batch, as exactly as the first line tells it.
    full: std::ops::RangeInclusive<usize>,
}

impl<'a> Main<'a> {
    fn of(lines: &'a [Line]) -> Option<Self> {
        let first = &lines.first()?.figures;
        let (loss, targets) = (&first.loss, &first.targets);
        let is_main = |row: &Document| row.loss == *loss && row.targets == *targets && row.mode == "loss+grad";
        // Rows are the scores divided by the classes, rounded down.
        let least = first.rows.saturating_mul(first.classes);
        Some(Main {
            name: format!("{loss} on {targets}"),
            lines: lines.iter().filter(|line| is_main(&line.figures)).collect(),
            full: least..=least.saturating_add(first.classes - 1),
        })
    }

    /// Those of full batches: images, smaller and larger batches are not.
    fn full(&self) -> impl Iterator<Item = &'a Line> {
        let range = |classes: usize| (self.full.start() / classes).max(1)..=(self.full.end() / classes).max(1);
        self.lines.iter().copied().filter(move |line| range(line.figures.classes).contains(&line.figures.rows))
    }

    /// Types of scores as they come.
    fn dtypes(&self) -> Vec<&'a str> {
        let mut dtypes: Vec<&str> = Vec::new();
        for line in self.full() {
            if !dtypes.contains(&&*line.figures.dtype) {
                dtypes.push(&line.figures.dtype);
            }
        }
        dtypes
    }

    /// A type's figures over the number of classes.
    fn over_classes(&self, dtype: &str, figure: impl Fn(&Document) -> f64) -> Vec<(f64, f64)> {
        let lines = self.full().filter(|line| line.leads && line.figures.dtype == dtype);
        points(lines.map(|line| (line.figures.classes as f64, figure(&line.figures))))
    }

    /// How near to a copy: by itself, so that losses far from one are told apart as well.
    fn share(&self) -> Option<Chart> {
        let percent = |row: &Document| 100.0 * row.of_copy;
        let mut series: Vec<Series> = self
            .dtypes()
            .into_iter()
            .map(|dtype| Series { name: dtype.into(), points: self.over_classes(dtype, percent), is_measure: false })
            .collect();
        let most = series.iter().flat_map(|series| &series.points).map(|(_, y)| *y).fold(0.0, f64::max);
        if let Some(first) = series.first().filter(|_| most > 50.0) {
            let points = first.points.iter().map(|(x, _)| (*x, 100.0)).collect();
            series.push(Series { name: "the copy".into(), points, is_measure: true });
        }
        let title = format!("Share of the best copy's rate: {}", self.name);
        drawn(Chart { title, x_label: "classes", y_label: "% of the best copy", log: false, series })
    }

    /// Losses beside the copy, by powers of ten: it may be many times as fast.
    fn rate(&self) -> Option<Chart> {
        let dtypes = self.dtypes();
        let of = |dtype: &str| Series {
            name: dtype.into(),
            points: self.over_classes(dtype, |row| row.gbps),
            is_measure: false,
        };
        let mut series: Vec<Series> = dtypes.iter().copied().map(of).collect();
        if let Some(first) = dtypes.first() {
            let points = self.over_classes(first, |row| row.copy_gbps);
            series.push(Series { name: format!("best copy of as many bytes as {first}"), points, is_measure: true });
        }
        drawn(Chart { title: format!("Rate: {}", self.name), x_label: "classes", y_label: "GB/s", log: true, series })
    }

    /// Where several sizes of batches were measured.
    fn growth(&self) -> Option<Chart> {
        let dtype = *self.dtypes().first()?;
        let lines: Vec<&Document> = self
            .lines
            .iter()
            .filter(|line| line.leads)
            .map(|line| &line.figures)
            .filter(|row| row.dtype == dtype)
            .collect();
        let mut classes: Vec<usize> = lines.iter().map(|row| row.classes).collect();
        classes.sort_unstable();
        classes.dedup();
        let of = |classes: usize, time: &dyn Fn(&Document) -> f64| {
            points(lines.iter().filter(|row| row.classes == classes).map(|row| (row.scores(), time(row))))
        };
        classes.retain(|count| of(*count, &|row| row.median_ms).len() > 1);
        let first = *classes.first()?;
        let time = |count: &usize| Series {
            name: format!("{count} classes"),
            points: of(*count, &|row| row.median_ms),
            is_measure: false,
        };
        let mut series: Vec<Series> = classes.iter().map(time).collect();
        let points = of(first, &|row| row.bytes as f64 / row.copy_gbps * 1e-6);
        series.push(Series { name: format!("best copy, {first} classes"), points, is_measure: true });
        let title = format!("Time over the size of the batch: {}, {dtype}", self.name);
        drawn(Chart { title, x_label: "scores", y_label: "ms", log: true, series })
    }

    /// Only where there is something to compare.
    fn strategies(&self) -> Option<Chart> {
        let dtype = *self.dtypes().first()?;
        let lines = || self.full().map(|line| &line.figures).filter(move |row| row.dtype == dtype);
        let mut names: Vec<&str> = Strategy::ALL.iter().map(|strategy| strategy.name()).collect();
        names.extend(lines().map(|row| &*row.strategy));
        let mut series: Vec<Series> = Vec::new();
        for name in names {
            let own = points(lines().filter(|row| row.strategy == name).map(|row| (row.classes as f64, row.median_ms)));
            if !own.is_empty() && series.iter().all(|series| series.name != name) {
                series.push(Series { name: name.into(), points: own, is_measure: false });
            }
        }
        let title = format!("Strategies: {}, {dtype}", self.name);
        (series.len() > 1).then_some(Chart { title, x_label: "classes", y_label: "ms", log: true, series })
    }
}

/// Points in the order of x, the first of each.
fn points(points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = points.collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points.dedup_by(|a, b| a.0 == b.0);
    points
}

fn drawn(chart: Chart) -> Option<Chart> {
    chart.series.iter().any(|series| !series.points.is_empty()).then_some(chart)
}
