//! What `gpu-loss run` reports.

use std::fmt::Write as _;

use gpu_loss::Shape;
use gpu_loss::reference::{Difference, Reference};
use serde::Serialize;

use crate::args::RunArgs;
use crate::failure::{Failure, one_line};
use crate::output::{Destination, Values};
use crate::problem::Account;
use crate::{adapters, json, terminal};

/// What came out, and how.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) loss: String,
    #[serde(serialize_with = "json::number")]
    pub(crate) value: f32,
    /// Rows whose highest score is at a true class, if they were asked for.
    pub(crate) correct: Option<u64>,
    pub(crate) reduction: &'static str,
    pub(crate) targets: &'static str,
    pub(crate) rows: usize,
    pub(crate) classes: usize,
    pub(crate) shape: Vec<usize>,
    pub(crate) dtype: &'static str,
    /// The names of those that were used, …
    pub(crate) tensors: Vec<String>,
    /// … and of those that were not.
    pub(crate) ignored: Vec<String>,
    pub(crate) notes: Vec<String>,
    #[serde(skip)]
    pub(crate) account: Account,
    pub(crate) strategy: &'static str,
    #[serde(flatten)]
    pub(crate) named: adapters::Named,
    #[serde(skip)]
    pub(crate) title: String,
    /// With all that is done once.
    pub(crate) first_call_ms: f64,
    /// Of a later one.
    pub(crate) time_ms: f64,
    pub(crate) check: Check,
    #[serde(flatten)]
    pub(crate) not_numbers: NotNumbers,
    pub(crate) output: Option<String>,
    /// The names of what was written.
    #[serde(skip)]
    pub(crate) written: String,
}

/// The largest errors, as shares of what is promised.
#[derive(Serialize)]
pub(crate) struct Check {
    pub(crate) kept: bool,
    #[serde(serialize_with = "json::number")]
    pub(crate) loss_share: f64,
    #[serde(serialize_with = "json::number")]
    pub(crate) grad_share: f64,
    /// Of log-probabilities, entropies and the gradient of the class bias.
    #[serde(serialize_with = "json::number")]
    pub(crate) outputs_share: f64,
    /// Rows whose highest class, correctness or rank differs.
    pub(crate) rows_that_differ: u64,
}

impl Check {
    pub(crate) fn of(difference: &Difference) -> Self {
        Check {
            kept: difference.kept(),
            loss_share: difference.loss.max(difference.losses).max(difference.lse),
            grad_share: difference.grad,
            outputs_share: difference.log_prob.max(difference.entropy).max(difference.grad_class_bias),
            rows_that_differ: difference.argmax,
        }
    }

    pub(crate) fn shares(&self) -> String {
        let share = |share: f64| format!("{:.0} %", share * 100.0);
        let (loss, grad) = (share(self.loss_share), share(self.grad_share));
        let outputs = match self.outputs_share {
            0.0 => String::new(),
            of_outputs => format!(", other outputs at {}", share(of_outputs)),
        };
        let rows = match self.rows_that_differ {
            0 => String::new(),
            rows => format!("; rows whose argmax, correctness or rank differs: {rows}"),
        };
        format!("loss at {loss}, gradient at {grad}{outputs} of the promised largest error{rows}")
    }
}

/// Rows that are NaN, as they must be by the reference.
#[derive(Debug, Default, Serialize)]
pub(crate) struct NotNumbers {
    /// How many have a loss or a gradient that is NaN.
    pub(crate) nan_rows: usize,
    /// The first of them.
    #[serde(skip)]
    first: usize,
    /// Whether the loss is NaN without any: a mean over nothing.
    #[serde(skip)]
    is_empty_mean: bool,
}

impl NotNumbers {
    /// Counts them in results for scores of this shape.
    pub(crate) fn of(expected: &Reference, full: &[usize], per_row: bool) -> Self {
        let Some(shape) = Shape::of(full) else { return NotNumbers::default() };
        let mut is_nan = vec![false; shape.rows()];
        let mut mark = |at: usize, value: f64, classes: usize| {
            let slab = classes * shape.inner;
            let row = at.checked_div(slab).unwrap_or_default() * shape.inner
                + at.checked_rem(shape.inner).unwrap_or_default();
            if let Some(row) = is_nan.get_mut(row).filter(|_| value.is_nan()) {
                *row = true;
            }
        };
        let classes_of_losses = if per_row { 1 } else { shape.classes };
        expected.losses.iter().enumerate().for_each(|(at, loss)| mark(at, *loss, classes_of_losses));
        expected.grad.iter().enumerate().for_each(|(at, grad)| mark(at, *grad, shape.classes));
        let nan_rows = is_nan.iter().filter(|row| **row).count();
        NotNumbers {
            nan_rows,
            first: is_nan.iter().position(|row| *row).unwrap_or_default(),
            is_empty_mean: nan_rows == 0 && expected.loss.is_nan(),
        }
    }
}

impl NotNumbers {
    /// Counts them among the losses of rows.
    pub(crate) fn of_rows(losses: &[f64], loss: f64) -> Self {
        let nan_rows = losses.iter().filter(|loss| loss.is_nan()).count();
        let first = losses.iter().position(|loss| loss.is_nan()).unwrap_or_default();
        NotNumbers { nan_rows, first, is_empty_mean: nan_rows == 0 && loss.is_nan() }
    }
}

impl Report {
    /// Prints it: one JSON document, or lines of text.
    pub(crate) fn print(&self, json: bool) -> Result<(), Failure> {
        if json { json::print(self) } else { terminal::print(&self.lines()) }
    }

    /// Writes the arrays, prints, and only then replaces what was there: a report that nobody got leaves the old file.
    pub(crate) fn print_and_write(
        mut self,
        args: &RunArgs,
        destination: &Destination,
        mut arrays: Vec<(&'static str, Values<'_>)>,
    ) -> Result<(), Failure> {
        arrays.sort_by_key(|(_, values)| std::cmp::Reverse(values.size()));
        let written = destination.write(&arrays)?;
        self.output = args.output.as_deref().map(|path| path.display().to_string());
        self.written = arrays.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        self.print(args.json)?;
        written.put_in_place()
    }

    /// As lines of text.
    fn lines(&self) -> String {
        let Report { loss, value, targets, rows, classes, shape, dtype, .. } = self;
        let sum = if self.reduction == "none" { " (the sum of the unreduced losses)" } else { "" };
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _ = writeln!(text, "loss      {value:?}{sum}");
        if let Some(correct) = self.correct {
            let _ = writeln!(text, "correct   {correct} of {rows} rows");
        }
        let _ = writeln!(text, "problem   {loss} on {targets}: {rows} rows, {classes} classes, {dtype} {shape:?}");
        let used: Vec<String> = self.account.used.iter().map(|(name, what)| format!("{name} {what}")).collect();
        let _ = writeln!(text, "tensors   {}", one_line(&used.join(", ")));
        if !self.ignored.is_empty() {
            let _ = writeln!(text, "not used  {}", one_line(&self.ignored.join(", ")));
        }
        for note in &self.notes {
            let _ = writeln!(text, "note      {}", one_line(note));
        }
        let _ = writeln!(text, "strategy  {}", self.strategy);
        let _ = writeln!(
            text,
            "time      first call {:.1} ms (kernels built and tested once), then {:.2} ms a call, upload and readback included",
            self.first_call_ms, self.time_ms
        );
        let _ = writeln!(text, "adapter   {}", self.title);
        let _ = writeln!(text, "check     {}", self.verdict());
        if let Some(path) = &self.output {
            let _ = writeln!(text, "output    {}: {}", one_line(path), self.written);
        }
        text
    }

    /// Whether the promise was kept, unless there is more to say.
    fn verdict(&self) -> String {
        let shares = format!("{} (float64 reference)", self.check.shares());
        let NotNumbers { nan_rows, first, is_empty_mean } = &self.not_numbers;
        if !self.check.kept {
            return format!("{}: {shares}", terminal::failed());
        }
        if *nan_rows > 0 {
            let rows = self.rows;
            return format!(
                "NaN in {nan_rows} of {rows} rows, first in row {first} (a score that is NaN or +∞, or −∞ alone), as the \
                 reference has it; all else: {shares}"
            );
        }
        if *is_empty_mean {
            return format!("NaN, for no row counts: --empty-mean zero makes it 0; {shares}");
        }
        format!("{}: {shares}", terminal::verdict(true))
    }
}
