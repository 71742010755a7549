//! What one adapter did in a verification, as a table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use gpu_loss::batch::TargetForm;
use gpu_loss::loss::Kind;
use gpu_loss::plan::Strategy;
use gpu_loss::reference::Difference;
use gpu_loss::verify::{Case, LinearCase, Verdict};
use gpu_loss::{Dtype, Error, wgpu};
use serde::{Serialize, Serializer};

use crate::failure::{Exit, Failure, one_line};
use crate::loss_name::LINEAR_CE;
use crate::{adapters, json, terminal};

/// How many failing cases are listed.
const LISTED: usize = 20;

/// All that one adapter did.
#[derive(Serialize)]
pub(crate) struct Tally {
    #[serde(flatten)]
    named: adapters::Named,
    #[serde(skip)]
    title: String,
    #[serde(serialize_with = "as_array")]
    rows: BTreeMap<Key, Row>,
    failures: Vec<String>,
}

/// What rows of the table are told apart by.
type Key = (Loss, TargetForm, Dtype);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Loss {
    Of(Kind),
    /// A linear layer and softmax-ce in one.
    Linear,
}

impl Loss {
    fn name(self) -> &'static str {
        match self {
            Loss::Of(kind) => kind.hyphenated(),
            Loss::Linear => LINEAR_CE,
        }
    }
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

impl Tally {
    pub(crate) fn new(info: &wgpu::AdapterInfo) -> Self {
        Tally {
            named: adapters::Named::of(info),
            title: adapters::describe(info),
            rows: BTreeMap::new(),
            failures: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, case: &Case, verdict: &Verdict) {
        let key = (Loss::Of(case.kind()), case.form(), case.dtype());
        self.rows.entry(key).or_default().strategies.insert(verdict.strategy);
        self.note(key, &verdict.difference, || format!("{case}, {}", verdict.strategy.name()));
    }

    pub(crate) fn add_linear(&mut self, case: &LinearCase, difference: &Difference) {
        self.note(key_of(case), difference, || case.to_string());
    }

    fn note(&mut self, key: Key, difference: &Difference, case: impl Fn() -> String) {
        let row = self.rows.entry(key).or_default();
        row.combinations += 1;
        let loss = difference.loss.max(difference.losses).max(difference.lse);
        row.loss.note(loss, difference.loss_absolute);
        row.grad.note(difference.grad, difference.grad_absolute);
        if !difference.kept() {
            self.failures.push(format!("{}: {}", case(), faults(difference)));
        }
    }

    /// A case that was not computed: a failure, or the end if the device cannot go on.
    pub(crate) fn refused(&mut self, case: &Case, error: &Error) -> Result<(), Failure> {
        self.not_computed((Loss::Of(case.kind()), case.form(), case.dtype()), case, error)
    }

    /// The same of a linear layer and its loss.
    pub(crate) fn refused_linear(&mut self, case: &LinearCase, error: &Error) -> Result<(), Failure> {
        self.not_computed(key_of(case), case, error)
    }

    fn not_computed(&mut self, key: Key, case: &dyn std::fmt::Display, error: &Error) -> Result<(), Failure> {
        let failure = Failure::library(error, None);
        if failure.exit == Exit::Device && !matches!(error, Error::Limit { .. }) {
            return Err(Failure::device(format!("{}: {case}: {}", self.title, failure.line())));
        }
        self.rows.entry(key).or_default().combinations += 1;
        self.failures.push(format!("{case}: {}", failure.line()));
        Ok(())
    }

    pub(crate) fn combinations(&self) -> usize {
        self.rows.values().map(|row| row.combinations).sum()
    }

    pub(crate) fn failed(&self) -> usize {
        self.failures.len()
    }

    pub(crate) fn table(&self) -> String {
        let mut text = format!("{}\n", one_line(&self.title));
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "  {:<14} {:<13} {:<5} {:>6}  {:<14}  {:<14}  strategies",
            "loss", "targets", "type", "runs", "largest error", "of gradients"
        );
        for ((loss, form, dtype), row) in &self.rows {
            let strategies: Vec<&str> = row.strategies.iter().map(|strategy| strategy.name()).collect();
            let _ = writeln!(
                text,
                "  {:<14} {:<13} {:<5} {:>6}  {}  {}  {}",
                loss.name(),
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
            let _ = writeln!(text, "  {} {}", terminal::failed(), one_line(failure));
        }
        if self.failures.len() > LISTED {
            let _ = writeln!(text, "  … and {} more", self.failures.len() - LISTED);
        }
        text
    }
}

fn key_of(case: &LinearCase) -> Key {
    (Loss::Linear, TargetForm::Classes, case.dtype())
}

/// What of a result is outside the promise.
fn faults(difference: &Difference) -> String {
    let Difference { loss, losses, lse, grad, log_prob, entropy, grad_class_bias, argmax, .. } = difference;
    let shares = [
        ("loss", loss),
        ("losses", losses),
        ("lse", lse),
        ("gradient", grad),
        ("log-probability", log_prob),
        ("entropy", entropy),
        ("gradient of the class bias", grad_class_bias),
    ];
    let mut parts: Vec<String> = shares
        .iter()
        .filter(|(_, share)| **share > 1.0)
        .map(|(name, share)| format!("{name} at {:.0} % of the promise", **share * 100.0))
        .collect();
    if *argmax > 0 {
        parts.push(format!("{argmax} rows differ in argmax, correctness or rank"));
    }
    parts.join(", ")
}

/// The rows as JSON has them.
fn as_array<S: Serializer>(rows: &BTreeMap<Key, Row>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Document {
        loss: &'static str,
        targets: &'static str,
        dtype: &'static str,
        combinations: usize,
        strategies: Vec<&'static str>,
        #[serde(serialize_with = "json::number")]
        loss_share: f64,
        #[serde(serialize_with = "json::number")]
        loss_error: f64,
        #[serde(serialize_with = "json::number")]
        grad_share: f64,
        #[serde(serialize_with = "json::number")]
        grad_error: f64,
    }
    serializer.collect_seq(rows.iter().map(|((loss, form, dtype), row)| Document {
        loss: loss.name(),
        targets: form.name(),
        dtype: dtype.name(),
        combinations: row.combinations,
        strategies: row.strategies.iter().map(|strategy| strategy.name()).collect(),
        loss_share: row.loss.share,
        loss_error: row.loss.absolute,
        grad_share: row.grad.share,
        grad_error: row.grad.absolute,
    }))
}
