//! One adapter's part of a report: of a run that has just ended, or of a file that `--json` wrote.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::bars::Bar;
use super::table::{AdapterRun, Document, clock};
use crate::failure::{Failure, io_message, one_line};
use crate::loss_name::LINEAR_CE;

/// One row of the table.
pub(crate) struct Line {
    pub(crate) figures: Document,
    /// Whether the library chose the strategy. A file does not say so, but the chosen one stands first.
    pub(crate) chosen: bool,
    /// Whether it is its case's first: charts of one strategy draw this one.
    pub(crate) leads: bool,
    /// Against the best copy by a kernel; not in files.
    pub(crate) of_shader_copy: Option<f64>,
}

pub(crate) struct Section {
    /// The adapter.
    pub(crate) title: String,
    /// A name for files.
    pub(crate) backend: String,
    pub(crate) clock: &'static str,
    pub(crate) lines: Vec<Line>,
    /// What was not measured, and why.
    pub(crate) left_out: Vec<String>,
    /// The verdict, the figure, the bar and what it is about, and whether it is kept.
    pub(crate) bars: Vec<([String; 4], bool)>,
}

impl Section {
    pub(crate) fn of(run: &AdapterRun, bars: &[Bar]) -> Self {
        let mut seen = HashSet::new();
        let line = |row| {
            let figures = Document::of(run, row);
            let leads = seen.insert(row.case.to_string());
            Line { figures, chosen: row.chosen, leads, of_shader_copy: Some(row.of_shader_copy()) }
        };
        Section {
            title: run.title(),
            backend: run.info.backend.to_string(),
            clock: clock(run.timer),
            lines: run.rows.iter().map(line).collect(),
            left_out: run.left_out.iter().map(ToString::to_string).collect(),
            bars: bars.iter().map(|bar| (bar.words(), bar.kept())).collect(),
        }
    }

    fn recorded(rows: Vec<Document>) -> Option<Self> {
        let first = rows.first()?;
        let title = one_line(&format!("{} [{}], driver {}", first.adapter, first.backend, first.driver));
        let (backend, clock) = (first.backend.clone(), clock(&first.timer));
        let leads: Vec<bool> = {
            let mut seen = HashSet::new();
            rows.iter().map(|row| seen.insert(row.case())).collect()
        };
        let line = |(figures, leads)| Line { figures, chosen: leads, leads, of_shader_copy: None };
        let lines = rows.into_iter().zip(leads).map(line).collect();
        Some(Section { title, backend, clock, lines, left_out: Vec::new(), bars: Vec::new() })
    }
}

/// The sections of a file that `bench --json` (or the page in a browser) wrote, an adapter each.
pub(crate) fn read(path: &Path) -> Result<Vec<Section>, Failure> {
    let bytes = std::fs::read(path).map_err(|error| Failure::file(path, io_message(&error)))?;
    let unreadable = |error| Failure::file(path, format!("no figures of bench --json: {error}"));
    let objects: Vec<serde_json::Value> = serde_json::from_slice(&bytes).map_err(unreadable)?;
    // Heads of language models have no charts.
    let losses = objects.into_iter().filter(|object| object.get("loss").is_none_or(|loss| loss != LINEAR_CE));
    let rows: Vec<Document> = losses.map(serde_json::from_value).collect::<Result<_, _>>().map_err(unreadable)?;
    if rows.is_empty() {
        return Err(Failure::file(path, "holds no figures"));
    }
    let mut adapters: Vec<(Key, Vec<Document>)> = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (at, row) in rows.into_iter().enumerate() {
        check(&row).map_err(|what| Failure::file(path, format!("figure {}: {what}", at + 1)))?;
        let name = [&row.backend, &row.adapter, &row.driver].map(String::clone);
        // What comes once more is of another adapter of the same name.
        let times = seen.entry(format!("{name:?} {:?} {}", row.case(), row.strategy)).or_default();
        let key = (name, *times);
        *times += 1;
        match adapters.iter_mut().find(|(other, _)| *other == key) {
            Some((_, rows)) => rows.push(row),
            None => adapters.push((key, vec![row])),
        }
    }
    Ok(adapters.into_iter().filter_map(|(_, rows)| Section::recorded(rows)).collect())
}

/// Backend, adapter and driver, and how many of that name came before.
type Key = ([String; 3], usize);

/// What no measurement gives.
fn check(row: &Document) -> Result<(), String> {
    let figures = [
        ("median_ms", row.median_ms),
        ("min_ms", row.min_ms),
        ("gbps", row.gbps),
        ("copy_gbps", row.copy_gbps),
        ("of_copy", row.of_copy),
    ];
    let counts = [("rows", row.rows as f64), ("classes", row.classes as f64), ("bytes", row.bytes as f64)];
    match figures.into_iter().chain(counts).find(|(_, value)| !(*value > 0.0 && value.is_finite())) {
        Some((name, value)) => Err(format!("{name} is {value}, expected a number above 0")),
        None => Ok(()),
    }
}
