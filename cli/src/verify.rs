//! `gpu-loss verify`: every loss on every adapter, against the reference.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Instant;

use gpu_loss::reference::Difference;
use gpu_loss::verify::{Case, Scope, Verdict, cases, check};
use gpu_loss::{AdapterFilter, Dtype, Error, GpuLoss, Kind, Strategy, TargetForm};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::{VerifyArgs, loss_name};
use crate::failure::{Exit, Failure, one_line};
use crate::{adapters, terminal};

/// How many failing cases are listed.
const LISTED: usize = 20;

/// Checks every adapter; the first line of each table says which.
pub(crate) fn verify(args: &VerifyArgs, filter: &AdapterFilter) -> Result<(), Failure> {
    let cases = cases(Scope { quick: args.quick });
    let (mut total, mut failed, mut count) = (0, 0, 0);
    let start = Instant::now();
    for adapter in &adapters::find(filter)? {
        let gpu = GpuLoss::on_adapter(adapter).map_err(|error| Failure::library(&error, None))?;
        let name = adapters::describe(gpu.adapter_info());
        let tally = check_all(&gpu, &cases, &name)?;
        terminal::print(&tally.table(&name))?;
        total += tally.combinations();
        failed += tally.failures.len();
        count += 1;
    }
    let adapters = if count == 1 { "adapter" } else { "adapters" };
    terminal::print(&format!(
        "{total} combinations on {count} {adapters} in {:.0} s: {}\n",
        start.elapsed().as_secs_f64(),
        if failed == 0 { "all within the promise".into() } else { format!("{failed} outside the promise") }
    ))?;
    if failed > 0 {
        return Err(Failure::check(format!("{failed} of {total} combinations are outside the promised accuracy")));
    }
    Ok(())
}

fn check_all(gpu: &GpuLoss, cases: &[Case], name: &str) -> Result<Tally, Failure> {
    // Shown on a terminal only.
    let bar = ProgressBar::with_draw_target(Some(cases.len() as u64), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} of about {duration}  {wide_msg}") {
        bar.set_style(style);
    }
    let mut tally = Tally::default();
    for case in cases {
        bar.set_message(format!("{} {} {}", loss_name(case.kind()), case.form().name(), case.dtype().name()));
        match pollster::block_on(check(gpu, case)) {
            Ok(verdicts) => verdicts.into_iter().for_each(|verdict| tally.add(case, &verdict)),
            Err(error) => tally.refused(case, &error, name)?,
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(tally)
}

/// A row of the table: a loss on one form of target and one type of scores.
#[derive(Default)]
struct Row {
    combinations: usize,
    strategies: BTreeSet<Strategy>,
    loss: Worst,
    grad: Worst,
}

/// The largest error, as a share of what is allowed and by itself.
#[derive(Default, Clone, Copy)]
struct Worst {
    share: f64,
    absolute: f64,
}

impl Worst {
    fn note(&mut self, share: f64, absolute: f64) {
        // What cannot be compared is the worst.
        self.share = if share.is_nan() { f64::INFINITY } else { self.share.max(share) };
        self.absolute = if absolute.is_nan() { f64::INFINITY } else { self.absolute.max(absolute) };
    }
}

impl std::fmt::Display for Worst {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:>4.0} % {:>7.1e}", self.share * 100.0, self.absolute)
    }
}

/// All that one adapter did.
#[derive(Default)]
struct Tally {
    rows: BTreeMap<(Kind, TargetForm, Dtype), Row>,
    failures: Vec<String>,
}

impl Tally {
    fn add(&mut self, case: &Case, verdict: &Verdict) {
        let row = self.rows.entry((case.kind(), case.form(), case.dtype())).or_default();
        let difference = &verdict.difference;
        row.combinations += 1;
        row.strategies.insert(verdict.strategy);
        let loss = difference.loss.max(difference.losses).max(difference.lse);
        row.loss.note(loss, difference.loss_absolute);
        row.grad.note(difference.grad, difference.grad_absolute);
        if !difference.kept() {
            self.failures.push(format!("{case}, {}: {}", verdict.strategy.name(), faults(difference)));
        }
    }

    /// A case that was not computed: a failure, or the end if the device cannot go on.
    fn refused(&mut self, case: &Case, error: &Error, name: &str) -> Result<(), Failure> {
        let failure = Failure::library(error, None);
        if failure.exit == Exit::Device && !matches!(error, Error::Limit { .. }) {
            return Err(Failure::device(format!("{name}: {case}: {}", failure.line())));
        }
        self.rows.entry((case.kind(), case.form(), case.dtype())).or_default().combinations += 1;
        self.failures.push(format!("{case}: {}", failure.line()));
        Ok(())
    }

    fn combinations(&self) -> usize {
        self.rows.values().map(|row| row.combinations).sum()
    }

    fn table(&self, name: &str) -> String {
        let mut text = format!("{}\n", one_line(name));
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "  {:<14} {:<13} {:<5} {:>6}  {:<14}  {:<14}  strategies",
            "loss", "targets", "type", "runs", "largest error", "of gradients"
        );
        for ((kind, form, dtype), row) in &self.rows {
            let strategies: Vec<&str> = row.strategies.iter().map(|strategy| strategy.name()).collect();
            let _ = writeln!(
                text,
                "  {:<14} {:<13} {:<5} {:>6}  {}  {}  {}",
                loss_name(*kind),
                form.name(),
                dtype.name(),
                row.combinations,
                row.loss,
                row.grad,
                strategies.join(", ")
            );
        }
        let _ = writeln!(text, "  errors: share of what is promised (at most 100 %), and the difference itself");
        for failure in self.failures.iter().take(LISTED) {
            let _ = writeln!(text, "  FAILED {}", one_line(failure));
        }
        if self.failures.len() > LISTED {
            let _ = writeln!(text, "  … and {} more", self.failures.len() - LISTED);
        }
        text
    }
}

/// What of a result is outside the promise.
fn faults(difference: &Difference) -> String {
    let Difference { loss, losses, lse, grad, argmax, .. } = difference;
    let mut parts: Vec<String> = [("loss", loss), ("losses", losses), ("lse", lse), ("gradient", grad)]
        .iter()
        .filter(|(_, share)| **share > 1.0)
        .map(|(name, share)| format!("{name} at {:.0} % of the promise", **share * 100.0))
        .collect();
    if *argmax > 0 {
        parts.push(format!("{argmax} rows differ in argmax or correctness"));
    }
    parts.join(", ")
}
