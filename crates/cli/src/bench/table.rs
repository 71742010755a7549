//! What was measured on one adapter, as a table of text and as JSON.

use std::borrow::Cow;
use std::fmt::Write as _;

use gpu_loss::wgpu;
use serde::{Deserialize, Serialize};

use super::heads::{self, Heads};
use super::measure::{LeftOut, Row};
use super::one_call::OneCall;
use super::shapes::Role;
use crate::adapters;
use crate::failure::one_line;

/// All that one adapter did.
pub(crate) struct AdapterRun {
    pub(crate) info: wgpu::AdapterInfo,
    /// What plans go by on it.
    pub(crate) profile: &'static str,
    /// Whose clock it was: gpu or wall.
    pub(crate) timer: &'static str,
    pub(crate) rows: Vec<Row>,
    /// Cases and strategies that were not measured, with the reason.
    pub(crate) left_out: Vec<LeftOut>,
    pub(crate) one_call: Option<OneCall>,
    /// Linear layers with their loss.
    pub(crate) heads: Heads,
}

impl AdapterRun {
    pub(crate) fn title(&self) -> String {
        one_line(&adapters::describe(&self.info))
    }

    pub(crate) fn table(&self) -> String {
        let timer = if self.rows.is_empty() { "wall" } else { self.timer };
        let mut text = format!("{}, profile {}, timed {}\n", self.title(), self.profile, clock(timer));
        if !(self.rows.is_empty() && self.left_out.is_empty()) {
            self.losses(&mut text);
        }
        if !self.heads.is_empty() {
            text += &self.heads.table();
        }
        text
    }

    fn losses(&self, text: &mut String) {
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "  {:<14} {:<13} {:>8} {:>7}  {:<5} {:<9} {:<14} {:>10} {:>10} {:>8} {:>8} {:>7} {:>9}",
            "loss",
            "targets",
            "rows",
            "classes",
            "type",
            "mode",
            "strategy",
            "median ms",
            "min ms",
            "GB/s",
            "copy",
            "of copy",
            "of shader"
        );
        for row in &self.rows {
            let _ = writeln!(text, "  {}", line(row));
        }
        *text += "  of copy: rate against the best copy; of shader: against the best copy by a kernel\n";
        for what in &self.left_out {
            let _ = writeln!(text, "  not measured: {what}");
        }
    }

    pub(crate) fn documents(&self) -> impl Iterator<Item = Either> {
        let rows = self.rows.iter().map(|row| Either::Loss(Box::new(Document::of(self, row))));
        rows.chain(self.heads.documents(&self.info, self.profile).map(|head| Either::Head(Box::new(head))))
    }
}

/// How times were taken, by the timer's name.
pub(crate) fn clock(timer: &str) -> &'static str {
    if timer == "gpu" { "by the GPU's clock" } else { "from submission until done" }
}

fn line(row: &Row) -> String {
    let case = &row.case;
    // A forced strategy stands under the chosen one.
    let strategy = format!("{}{}", if row.chosen { "" } else { "· " }, row.strategy.name());
    format!(
        "{:<14} {:<13} {:>8} {:>7}  {:<5} {:<9} {:<14} {:>10.3} {:>10.3} {:>8.1} {:>8.1} {:>7.2} {:>9.2}{}",
        case.kind.hyphenated().to_owned(),
        case.form.name(),
        case.shape.rows(),
        case.shape.classes,
        case.dtype.name(),
        case.mode.name(),
        strategy,
        row.median_ms,
        row.min_ms,
        row.gbps(),
        row.copy_gbps,
        row.of_copy(),
        row.of_shader_copy(),
        if case.role == Role::Large { "  large" } else { "" },
    )
}

/// An object of the file.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Either {
    Loss(Box<Document>),
    Head(Box<heads::Document>),
}

/// A row as JSON has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Document {
    pub(crate) loss: String,
    pub(crate) targets: Cow<'static, str>,
    pub(crate) rows: usize,
    pub(crate) classes: usize,
    pub(crate) dtype: Cow<'static, str>,
    pub(crate) mode: Cow<'static, str>,
    pub(crate) strategy: Cow<'static, str>,
    /// Empty in files of before there were profiles.
    #[serde(default)]
    pub(crate) profile: Cow<'static, str>,
    pub(crate) backend: String,
    pub(crate) adapter: String,
    pub(crate) driver: String,
    pub(crate) timer: Cow<'static, str>,
    pub(crate) median_ms: f64,
    pub(crate) min_ms: f64,
    pub(crate) bytes: u64,
    pub(crate) gbps: f64,
    pub(crate) copy_gbps: f64,
    pub(crate) of_copy: f64,
    /// Absent from older files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_call_ms: Option<f64>,
}

impl Document {
    pub(crate) fn of(run: &AdapterRun, row: &Row) -> Self {
        let case = &row.case;
        Document {
            loss: case.kind.hyphenated().to_owned(),
            targets: case.form.name().into(),
            rows: case.shape.rows(),
            classes: case.shape.classes,
            dtype: case.dtype.name().into(),
            mode: case.mode.name().into(),
            strategy: row.strategy.name().into(),
            profile: run.profile.into(),
            backend: run.info.backend.to_string(),
            adapter: run.info.name.clone(),
            driver: adapters::driver(&run.info),
            timer: run.timer.into(),
            median_ms: row.median_ms,
            min_ms: row.min_ms,
            bytes: row.bytes,
            gbps: row.gbps(),
            copy_gbps: row.copy_gbps,
            of_copy: row.of_copy(),
            first_call_ms: Some(row.first_call_ms),
        }
    }

    /// All but the strategy and what it took.
    pub(crate) fn case(&self) -> (&str, &str, usize, usize, &str, &str) {
        (&self.loss, &self.targets, self.rows, self.classes, &self.dtype, &self.mode)
    }

    /// Of one batch.
    pub(crate) fn scores(&self) -> f64 {
        self.rows as f64 * self.classes as f64
    }
}
