//! `gpu-loss run`: one loss on one file.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use gpu_loss::reference::{self, Difference};
use gpu_loss::{AdapterFilter, Dtype, GpuLoss, Output, Reduction, Shape};
use ndarray::{ArrayD, IxDyn};

use crate::args::{RunArgs, loss_name};
use crate::failure::Failure;
use crate::output::{Destination, Stored, Values};
use crate::problem::{KNOWN, Problem, Scores, build};
use crate::{adapters, input, options, terminal};

/// Reads, computes, checks, writes and reports; bad input is found before a device is opened.
pub(crate) fn run(args: &RunArgs, filter: &AdapterFilter) -> Result<(), Failure> {
    let spec = options::spec(args.loss.kind(), &args.options)?;
    if let Some(output) = &args.output {
        input::Format::of(output)?;
    }
    let tensors = input::read(&args.input, &KNOWN)?;
    let (scores, problem) = build(tensors, spec).map_err(|e| Failure::file(&args.input, e))?;
    let destination =
        args.output.as_deref().map(|path| Destination::check(path, scores.dtype() == Dtype::Bf16)).transpose()?;
    let job = Job { args, filter, problem, destination };
    match scores {
        Scores::F32(scores) => job.compute(&scores),
        Scores::F16(scores) => job.compute(&scores),
        Scores::Bf16(scores) => job.compute(&scores),
    }
}

struct Job<'a> {
    args: &'a RunArgs,
    filter: &'a AdapterFilter,
    problem: Problem,
    destination: Option<Destination>,
}

/// What came out, and how.
struct Outcome<T> {
    output: Output<T, IxDyn>,
    took: Duration,
    strategy: &'static str,
    adapter: String,
    difference: Difference,
}

impl Job<'_> {
    fn compute<T: Stored>(&self, scores: &ArrayD<T>) -> Result<(), Failure> {
        let Problem { spec, .. } = &self.problem;
        let failed = |error: gpu_loss::Error| Failure::library(&error, Some(&self.args.input));
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
        let output = gpu.run_spec(spec, &batch).map_err(failed)?;
        let took = start.elapsed();
        let difference = reference::compare(&output, &expected);
        let outcome = Outcome {
            output,
            took,
            strategy: self.strategy(&gpu, scores.shape(), T::DTYPE),
            adapter: adapters::describe(gpu.adapter_info()),
            difference,
        };
        terminal::print(&self.report(scores.shape(), &outcome))?;
        if !outcome.difference.kept() {
            let at = self.args.input.display();
            let nothing = if self.destination.is_some() { "; nothing was written" } else { "" };
            return Err(Failure::check(format!(
                "{at}: the result is outside the promised accuracy, {}{nothing}",
                shares(&outcome.difference)
            )));
        }
        self.write(&outcome.output)
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

    fn write<T: Stored>(&self, output: &Output<T, IxDyn>) -> Result<(), Failure> {
        let Some(destination) = &self.destination else { return Ok(()) };
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
        destination.write(&arrays)?;
        let names: Vec<&str> = arrays.iter().map(|(name, _)| *name).collect();
        let at = self.args.output.as_deref().map(|path| path.display().to_string()).unwrap_or_default();
        terminal::print(&format!("output    {}: {}\n", crate::failure::one_line(&at), names.join(", ")))
    }

    fn report<T: Stored>(&self, dims: &[usize], outcome: &Outcome<T>) -> String {
        let Problem { spec, .. } = &self.problem;
        let classes = dims[1];
        let rows = Shape::of(dims).map_or(0, |shape| shape.rows());
        let sum = if spec.reduction == Reduction::None { " (the sum of the unreduced losses)" } else { "" };
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _ = writeln!(text, "loss      {:?}{sum}", outcome.output.loss);
        let _ = writeln!(
            text,
            "problem   {} on {}: {rows} rows, {classes} classes, {} {dims:?}",
            loss_name(spec.kind),
            self.problem.form().name(),
            T::DTYPE.name(),
        );
        let _ = writeln!(text, "strategy  {}", outcome.strategy);
        let _ = writeln!(
            text,
            "time      {:.1} ms (one call: pipelines, upload, compute, readback)",
            outcome.took.as_secs_f64() * 1e3
        );
        let _ = writeln!(text, "adapter   {}", outcome.adapter);
        let verdict = if outcome.difference.kept() { "ok" } else { "FAILED" };
        let _ = writeln!(text, "check     {verdict}: {} (float64 reference)", shares(&outcome.difference));
        text
    }
}

/// The largest errors, as shares of what is promised.
fn shares(difference: &Difference) -> String {
    let share = |share: f64| format!("{:.0} %", share * 100.0);
    let loss = difference.loss.max(difference.losses).max(difference.lse);
    format!("loss at {}, gradient at {} of the promised largest error", share(loss), share(difference.grad))
}
