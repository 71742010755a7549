//! What was measured of heads, as lines of text and as JSON.

use std::fmt::Write as _;

use gpu_loss::wgpu;
use serde::Serialize;

use super::Case;
use crate::adapters;
use crate::loss_name::LINEAR_CE;

/// The heads of one adapter.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    pub(crate) lines: Vec<Line>,
    /// What was not measured, and why.
    pub(crate) left_out: Vec<String>,
}

/// One case.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) case: Case,
    pub(crate) median_ms: f64,
    pub(crate) min_ms: f64,
    /// What the loss kernels take of it; not in evaluations, whose product has the loss in it.
    pub(crate) loss_share: Option<f64>,
    pub(crate) chunk_rows: usize,
    pub(crate) scratch_bytes: u64,
}

/// A line as JSON has it.
#[derive(Serialize)]
pub(crate) struct Document {
    loss: &'static str,
    head: &'static str,
    rows: usize,
    hidden: usize,
    classes: usize,
    dtype: &'static str,
    mode: &'static str,
    profile: &'static str,
    #[serde(flatten)]
    named: adapters::Named,
    timer: &'static str,
    median_ms: f64,
    min_ms: f64,
    gflops: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    loss_share: Option<f64>,
    chunk_rows: usize,
    scratch_bytes: u64,
}

impl Line {
    /// 10⁹ multiplications and additions a second.
    fn gflops(&self) -> f64 {
        self.case.flop() / self.median_ms * 1e-6
    }
}

impl Heads {
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.left_out.is_empty()
    }

    pub(crate) fn table(&self) -> String {
        let mut text = format!(
            "  {:<10} {:<8} {:>5} {:>6} {:>7}  {:<5} {:<9} {:>10} {:>10} {:>8} {:>8} {:>6} {:>8}\n",
            "loss",
            "head",
            "rows",
            "hidden",
            "classes",
            "type",
            "mode",
            "median ms",
            "min ms",
            "GFLOP/s",
            "loss %",
            "chunk",
            "MB"
        );
        for line in &self.lines {
            let Case { head, rows, dtype, .. } = &line.case;
            let share = line.loss_share.map_or_else(|| "-".to_owned(), |share| format!("{:.1}", 100.0 * share));
            // Writing into a string cannot fail.
            let _ = writeln!(
                text,
                "  {LINEAR_CE:<10} {:<8} {rows:>5} {:>6} {:>7}  {:<5} {:<9} {:>10.1} {:>10.1} {:>8.1} {share:>8} {:>6} {:>8.1}",
                head.name,
                head.hidden,
                head.vocabulary,
                dtype.name(),
                line.case.mode(),
                line.median_ms,
                line.min_ms,
                line.gflops(),
                line.chunk_rows,
                line.scratch_bytes as f64 * 1e-6,
            );
        }
        text += "  loss %: what the loss kernels take of it; chunk: rows whose logits exist at once; MB: all scratch memory\n";
        for what in &self.left_out {
            let _ = writeln!(text, "  not measured: {what}");
        }
        text
    }

    pub(crate) fn documents(&self, info: &wgpu::AdapterInfo, profile: &'static str) -> impl Iterator<Item = Document> {
        self.lines.iter().map(move |line| Document {
            loss: LINEAR_CE,
            head: line.case.head.name,
            rows: line.case.rows,
            hidden: line.case.head.hidden,
            classes: line.case.head.vocabulary,
            dtype: line.case.dtype.name(),
            mode: line.case.mode(),
            profile,
            named: adapters::Named::of(info),
            timer: "wall",
            median_ms: line.median_ms,
            min_ms: line.min_ms,
            gflops: line.gflops(),
            loss_share: line.loss_share,
            chunk_rows: line.chunk_rows,
            scratch_bytes: line.scratch_bytes,
        })
    }
}
