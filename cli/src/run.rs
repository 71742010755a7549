//! `gpu-loss run`: one loss on one file.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use gpu_loss::reference::{self, Difference};
use gpu_loss::{AdapterFilter, Dtype, GpuLoss, Output, Reduction, Shape};
use ndarray::{ArrayD, IxDyn};
use serde::Serialize;

use crate::args::{ReductionName, RunArgs, loss_name};
use crate::failure::{Failure, one_line};
use crate::output::{Destination, Stored, Values};
use crate::problem::{KNOWN, Problem, Scores, build};
use crate::{adapters, input, json, options, source, terminal};

/// Reads, computes, checks, writes and reports; bad input is found before a device is opened.
pub(crate) fn run(args: &RunArgs, filter: &AdapterFilter) -> Result<(), Failure> {
    let spec = options::spec(args.loss.kind(), &args.options)?;
    if let Some(output) = &args.output {
        input::Format::of(output)?;
    }
    let name = source::shown(&args.input);
    let tensors = source::read(&args.input, &KNOWN)?;
    let (scores, problem) = build(tensors, spec).map_err(|e| Failure::file(name, e))?;
    let destination =
        args.output.as_deref().map(|path| Destination::check(path, scores.dtype() == Dtype::Bf16)).transpose()?;
    let job = Job { args, name, filter, problem, destination };
    match scores {
        Scores::F32(scores) => job.compute(&scores),
        Scores::F16(scores) => job.compute(&scores),
        Scores::Bf16(scores) => job.compute(&scores),
    }
}

struct Job<'a> {
    args: &'a RunArgs,
    /// The input's, in messages.
    name: &'a Path,
    filter: &'a AdapterFilter,
    problem: Problem,
    destination: Option<Destination>,
}

impl Job<'_> {
    fn compute<T: Stored>(&self, scores: &ArrayD<T>) -> Result<(), Failure> {
        let Problem { spec, .. } = &self.problem;
        let failed = |error: gpu_loss::Error| Failure::library(&error, Some(self.name));
        let mut batch = self.problem.batch(scores.view());
        batch.want.losses = spec.kind.is_softmax() || spec.reduction == Reduction::None;
        batch.want.lse = spec.kind.is_softmax();
        // The reference first: it refuses whatever is wrong with the input, adapter or not.
        let expected = reference::run(spec, &batch).map_err(failed)?;

        let gpu = GpuLoss::open(self.filter).map_err(failed)?;
        if self.args.strategy.is_some() {
            gpu.set_strategy(self.args.strategy);
        }
        let start = Instant::now();
        let output = gpu.run(spec, &batch).map_err(failed)?;
        let took = start.elapsed();
        let difference = reference::compare(&output, &expected);
        let report = self.report(&gpu, scores.shape(), T::DTYPE, output.loss, took, &difference);
        if !difference.kept() {
            self.print(&report)?;
            let at = self.name.display();
            let nothing = if self.destination.is_some() { "; nothing was written" } else { "" };
            let shares = report.check.shares();
            return Err(Failure::check(format!(
                "{at}: the result is outside the promised accuracy, {shares}{nothing}; another --strategy or --adapter may \
                 serve, `gpu-loss verify` tells which"
            )));
        }
        self.write(report, &output)
    }

    /// Writes, reports, and only then replaces what was there.
    fn write<T: Stored>(&self, mut report: Report, output: &Output<T, IxDyn>) -> Result<(), Failure> {
        let Some(destination) = &self.destination else { return self.print(&report) };
        let unreduced = self.problem.spec.reduction == Reduction::None;
        let scalar = ndarray::arr0(output.loss).into_dyn();
        let loss = output.losses.as_ref().filter(|_| unreduced).unwrap_or(&scalar);
        // 4-byte types first.
        let mut arrays = vec![("loss", Values::F32(loss))];
        if self.problem.spec.kind.is_softmax() {
            arrays.extend(output.losses.iter().map(|losses| ("losses", Values::F32(losses))));
            arrays.extend(output.lse.iter().map(|lse| ("lse", Values::F32(lse))));
        }
        arrays.push(("grad", T::values(&output.grad)));
        let written = destination.write(&arrays)?;
        report.output = self.args.output.as_deref().map(|path| path.display().to_string());
        report.tensors = arrays.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        self.print(&report)?;
        written.put_in_place()
    }

    fn print(&self, report: &Report) -> Result<(), Failure> {
        if self.args.json { json::print(report) } else { terminal::print(&report.lines()) }
    }

    fn report(
        &self,
        gpu: &GpuLoss,
        dims: &[usize],
        dtype: Dtype,
        loss: f32,
        took: Duration,
        difference: &Difference,
    ) -> Report {
        let info = gpu.adapter_info();
        Report {
            loss: loss_name(self.problem.spec.kind),
            value: loss,
            reduction: self.args.options.reduction.map_or("mean", ReductionName::name),
            targets: self.problem.form().name(),
            rows: Shape::of(dims).map_or(0, |shape| shape.rows()),
            classes: dims[1],
            shape: dims.to_vec(),
            dtype: dtype.name(),
            strategy: self.strategy(gpu, dims, dtype),
            named: json::Named::of(info),
            title: adapters::describe(info),
            time_ms: took.as_secs_f64() * 1e3,
            check: Check {
                kept: difference.kept(),
                loss_share: difference.loss.max(difference.losses).max(difference.lse),
                grad_share: difference.grad,
            },
            output: None,
            tensors: String::new(),
        }
    }

    /// The strategy that served, as the library chooses it.
    fn strategy(&self, gpu: &GpuLoss, dims: &[usize], dtype: Dtype) -> &'static str {
        let environment = || std::env::var("GPU_LOSS_STRATEGY").ok().and_then(|name| name.parse().ok());
        let default = || {
            let shape = Shape::of(dims)?;
            gpu.strategies(self.problem.spec.kind, shape, dtype).first().copied()
        };
        self.args.strategy.or_else(environment).or_else(default).map_or("none", |strategy| strategy.name())
    }
}

/// What came out, and how.
#[derive(Serialize)]
struct Report {
    loss: String,
    #[serde(serialize_with = "json::number")]
    value: f32,
    reduction: &'static str,
    targets: &'static str,
    rows: usize,
    classes: usize,
    shape: Vec<usize>,
    dtype: &'static str,
    strategy: &'static str,
    #[serde(flatten)]
    named: json::Named,
    #[serde(skip)]
    title: String,
    time_ms: f64,
    check: Check,
    output: Option<String>,
    /// The names of what was written.
    #[serde(skip)]
    tensors: String,
}

/// The largest errors, as shares of what is promised.
#[derive(Serialize)]
struct Check {
    kept: bool,
    #[serde(serialize_with = "json::number")]
    loss_share: f64,
    #[serde(serialize_with = "json::number")]
    grad_share: f64,
}

impl Check {
    fn shares(&self) -> String {
        let share = |share: f64| format!("{:.0} %", share * 100.0);
        let (loss, grad) = (share(self.loss_share), share(self.grad_share));
        format!("loss at {loss}, gradient at {grad} of the promised largest error")
    }
}

impl Report {
    fn lines(&self) -> String {
        let Report { loss, value, targets, rows, classes, shape, dtype, .. } = self;
        let sum = if self.reduction == "none" { " (the sum of the unreduced losses)" } else { "" };
        let verdict = terminal::verdict(self.check.kept);
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _ = writeln!(text, "loss      {value:?}{sum}");
        let _ = writeln!(text, "problem   {loss} on {targets}: {rows} rows, {classes} classes, {dtype} {shape:?}");
        let _ = writeln!(text, "strategy  {}", self.strategy);
        let _ = writeln!(text, "time      {:.1} ms (one call: pipelines, upload, compute, readback)", self.time_ms);
        let _ = writeln!(text, "adapter   {}", self.title);
        let _ = writeln!(text, "check     {verdict}: {} (float64 reference)", self.check.shares());
        if let Some(path) = &self.output {
            let _ = writeln!(text, "output    {}: {}", one_line(path), self.tensors);
        }
        text
    }
}
