//! The report: one page with charts and tables.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use gpu_loss::Strategy;

use super::bars::Bar;
use super::escape::escaped;
use super::html::{figure, page};
use super::measure::Row;
use super::plot::{Chart, Series};
use super::shapes::{Case, Mode, Role};
use super::svg;
use super::table::AdapterRun;
use crate::args::loss_name;

/// The page for what was measured on each adapter.
pub(crate) fn report(runs: &[(AdapterRun, Vec<Bar>)]) -> String {
    let mut body = String::from("<header>\n<h1>gpu-loss bench</h1>\n");
    // Writing into a string cannot fail.
    let _ = writeln!(body, "<p class=\"dim\">{}, gpu-loss {}</p>", today(), env!("CARGO_PKG_VERSION"));
    let _ = writeln!(body, "<p><code>{}</code></p>", escaped(&command_line()));
    body += "<p>Each shape was checked against a float64 reference, then timed on device memory in turns with the best \
             copy of the same number of bytes that was found on the adapter. Times are medians; a rate is the least that \
             must move (scores once in, gradient once out, targets, losses) over the time.</p>\n</header>\n";
    for (run, bars) in runs {
        let _ = writeln!(body, "<section>\n<h2>{}</h2>", escaped(&run.title()));
        let _ = writeln!(body, "<p class=\"dim\">Timed {}.</p>\n<div class=\"charts\">", run.clock());
        charts(run).iter().for_each(|(_, chart)| body += &figure(chart));
        body += "</div>\n";
        table(&mut body, run);
        checked(&mut body, bars);
        body += "</section>\n";
    }
    page("gpu-loss bench", &body)
}

/// The charts of each adapter as pictures of their own, by their file names.
pub(crate) fn pictures<'a>(runs: impl Iterator<Item = &'a AdapterRun>) -> Vec<(String, String)> {
    let named = |(at, run): (usize, &AdapterRun)| {
        let backend = run.info.backend.to_string();
        let picture =
            move |(name, chart): (&str, Chart)| Some((format!("{at}-{backend}-{name}.svg"), svg::document(&chart)?));
        charts(run).into_iter().filter_map(picture).collect::<Vec<_>>()
    };
    runs.enumerate().flat_map(named).collect()
}

/// What is drawn, with names for files.
fn charts(run: &AdapterRun) -> Vec<(&'static str, Chart)> {
    let strategies = strategies(run).map(|chart| ("strategies", chart));
    [("rate", bandwidth(run)), ("growth", growth(run))].into_iter().chain(strategies).collect()
}

/// Rows of the loss that was measured over all numbers of classes.
fn main_rows(run: &AdapterRun) -> impl Iterator<Item = &Row> {
    let first = run.rows.first().map(|row| (row.case.kind, row.case.form));
    run.rows.iter().filter(move |row| {
        let Case { kind, form, mode, .. } = row.case;
        Some((kind, form)) == first && mode == Mode::LossAndGrad && !row.case.is_dense()
    })
}

/// The loss's name, and its targets'.
fn name(run: &AdapterRun) -> String {
    run.rows.first().map_or_else(String::new, |row| format!("{} on {}", loss_name(row.case.kind), row.case.form.name()))
}

fn bandwidth(run: &AdapterRun) -> Chart {
    let rows = || main_rows(run).filter(|row| row.chosen && row.case.role == Role::Table);
    let mut dtypes: Vec<_> = rows().map(|row| row.case.dtype).collect();
    dtypes.sort_unstable();
    dtypes.dedup();
    let of = |dtype, rate: &dyn Fn(&Row) -> f64| -> Vec<(f64, f64)> {
        rows().filter(|row| row.case.dtype == dtype).map(|row| (row.case.shape.classes as f64, rate(row))).collect()
    };
    let mut series: Vec<Series> = dtypes
        .iter()
        .map(|dtype| Series { name: dtype.name().into(), points: of(*dtype, &Row::gbps), is_measure: false })
        .collect();
    if let Some(first) = dtypes.first() {
        let name = format!("best copy of as many bytes as {}", first.name());
        series.push(Series { name, points: of(*first, &|row| row.copy_gbps), is_measure: true });
    }
    let title = format!("Rate over the number of classes: {}", name(run));
    Chart { title, x_label: "classes", y_label: "GB/s", log: false, series }
}

fn growth(run: &AdapterRun) -> Chart {
    let fewer: Vec<&Row> = main_rows(run).filter(|row| row.case.role == Role::Fewer && row.chosen).collect();
    let mut classes: Vec<usize> = fewer.iter().map(|row| row.case.shape.classes).collect();
    classes.dedup();
    let dtype = fewer.first().map(|row| row.case.dtype);
    let of = |classes, time: &dyn Fn(&Row) -> f64| -> Vec<(f64, f64)> {
        let rows = main_rows(run).filter(|row| {
            row.chosen
                && row.case.role != Role::Large
                && row.case.shape.classes == classes
                && Some(row.case.dtype) == dtype
        });
        let mut points: Vec<(f64, f64)> = rows.map(|row| (row.case.shape.elements() as f64, time(row))).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points
    };
    let mut series: Vec<Series> = classes
        .iter()
        .map(|c| Series { name: format!("{c} classes"), points: of(*c, &|row| row.median_ms), is_measure: false })
        .collect();
    if let Some(first) = classes.first() {
        let points = of(*first, &|row| row.bytes as f64 / row.copy_gbps * 1e-6);
        series.push(Series { name: format!("best copy, {first} classes"), points, is_measure: true });
    }
    let dtype = dtype.map_or("", |dtype| dtype.name());
    let title = format!("Time over the number of scores: {}, {dtype}", name(run));
    Chart { title, x_label: "scores", y_label: "ms", log: true, series }
}

/// Only where there is something to compare.
fn strategies(run: &AdapterRun) -> Option<Chart> {
    let dtype = run.rows.first()?.case.dtype;
    let rows = || main_rows(run).filter(|row| row.case.role == Role::Table && row.case.dtype == dtype);
    let series: Vec<Series> = Strategy::ALL
        .into_iter()
        .map(|strategy| Series {
            name: strategy.name().into(),
            points: rows()
                .filter(|row| row.strategy == strategy)
                .map(|row| (row.case.shape.classes as f64, row.median_ms))
                .collect(),
            is_measure: false,
        })
        .filter(|series| !series.points.is_empty())
        .collect();
    let title = format!("Strategies: {}, {}", name(run), dtype.name());
    (series.len() > 1).then_some(Chart { title, x_label: "classes", y_label: "ms", log: true, series })
}

fn table(body: &mut String, run: &AdapterRun) {
    *body += "<h3>All figures</h3>\n<div class=\"scroll\">\n<table>\n<thead><tr><th>loss</th><th>targets</th>\
              <th class=\"n\">rows</th><th class=\"n\">classes</th><th>type</th><th>mode</th><th>strategy</th>\
              <th class=\"n\">median ms</th><th class=\"n\">min ms</th><th class=\"n\">GB/s</th>\
              <th class=\"n\">copy GB/s</th><th class=\"n\">of copy</th><th class=\"n\">of shader copy</th></tr></thead>\n<tbody>\n";
    for row in &run.rows {
        let Case { kind, form, shape, dtype, mode, .. } = row.case;
        let class = if row.chosen { "" } else { " class=\"forced\"" };
        let words = [loss_name(kind), form.name().into()];
        let counts = [shape.rows(), shape.classes];
        let more = [dtype.name(), mode.name(), row.strategy.name()];
        let _ = write!(body, "<tr{class}>");
        words.iter().for_each(|word| cell(body, "", word));
        counts.iter().for_each(|count| cell(body, " class=\"n\"", &count.to_string()));
        more.iter().for_each(|word| cell(body, "", word));
        let times = [(row.median_ms, 3), (row.min_ms, 3)];
        let rates = [(row.gbps(), 1), (row.copy_gbps, 1), (row.of_copy(), 2), (row.of_shader_copy(), 2)];
        for (figure, digits) in times.into_iter().chain(rates) {
            cell(body, " class=\"n\"", &format!("{figure:.digits$}"));
        }
        let _ = writeln!(body, "</tr>");
    }
    *body += "</tbody>\n</table>\n</div>\n";
    if run.rows.iter().any(|row| !row.chosen) {
        *body += "<p class=\"dim\">Pale rows are forced strategies, behind the one that the library chooses.</p>\n";
    }
    if !run.left_out.is_empty() {
        *body += "<details>\n<summary>Not measured</summary>\n<ul>\n";
        for what in &run.left_out {
            let _ = writeln!(body, "<li>{}</li>", escaped(&what.to_string()));
        }
        *body += "</ul>\n</details>\n";
    }
}

fn checked(body: &mut String, bars: &[Bar]) {
    if bars.is_empty() {
        return;
    }
    *body += "<h3>Against the bars</h3>\n<div class=\"scroll\">\n<table>\n<thead><tr><th>verdict</th>\
              <th class=\"n\">figure</th><th>bar</th><th>what</th></tr></thead>\n<tbody>\n";
    for bar in bars {
        let [verdict, figure, limit, what] = bar.words();
        let _ = write!(body, "<tr>");
        cell(body, if bar.kept() { "" } else { " class=\"bad\"" }, &verdict);
        cell(body, " class=\"n\"", &figure);
        cell(body, "", &limit);
        cell(body, "", &what);
        let _ = writeln!(body, "</tr>");
    }
    *body += "</tbody>\n</table>\n</div>\n";
}

fn cell(body: &mut String, class: &str, text: &str) {
    let _ = write!(body, "<td{class}>{}</td>", escaped(text));
}

/// The program's arguments, as they were given.
fn command_line() -> String {
    let arguments = std::env::args_os().skip(1).map(|argument| {
        let argument = argument.to_string_lossy().into_owned();
        if argument.is_empty() || argument.contains(char::is_whitespace) { format!("'{argument}'") } else { argument }
    });
    std::iter::once("gpu-loss".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// The date in Greenwich.
fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    date(seconds / 86_400)
}

/// The date so many days after 1970-01-01.
fn date(days: u64) -> String {
    // Years begin in March here, so that leap days come last; 400 of them have 146,097 days.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year + carry)
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let days = [0, 58, 59, 11_016, 11_017, 20_000, 20_513];
        let dates = ["1970-01-01", "1970-02-28", "1970-03-01", "2000-02-29", "2000-03-01", "2024-10-04", "2026-03-01"];
        assert_eq!(days.map(date), dates);
    }
}
