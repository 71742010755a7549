//! `gpu-loss run`: one loss on one file.

use std::path::Path;
use std::time::{Duration, Instant};

use gpu_loss::batch::Outputs;
use gpu_loss::builder::AdapterFilter;
use gpu_loss::reference::{self, Difference};
use gpu_loss::{Dtype, GpuLoss, Output, Reduction, Shape};
use ndarray::{ArrayD, IxDyn};

use crate::args::{ReductionName, RunArgs};
use crate::failure::Failure;
use crate::names::KNOWN;
use crate::output::{Destination, Stored, Values};
use crate::problem::{Problem, Scores, build};
use crate::report::{Check, NotNumbers, Report};
use crate::{adapters, input, options, source};

/// How long calls are repeated for their time; one is, whatever it takes.
const MOMENT: Duration = Duration::from_millis(20);

/// Reads, computes, checks, writes and reports; bad input is found before a device is opened.
pub(crate) fn run(args: &RunArgs, filter: &AdapterFilter) -> Result<(), Failure> {
    if args.loss.is_linear() {
        return crate::linear::run(args, filter);
    }
    if args.memory_mib.is_some() {
        let loss = args.loss.kind().hyphenated();
        return Err(Failure::usage(format!("--memory-mib does not apply to --loss {loss}: it is for linear-ce")));
    }
    let spec = options::spec(args.loss.kind(), &args.options)?;
    let want = options::want(args.loss.kind(), &args.outputs)?;
    if let Some(output) = &args.output {
        input::Format::of(output)?;
    }
    let name = source::shown(&args.input);
    let tensors = source::read(&args.input, &KNOWN)?;
    let (scores, problem) = build(tensors, spec).map_err(|e| Failure::file(name, e))?;
    let destination =
        args.output.as_deref().map(|path| Destination::check(path, scores.dtype() == Dtype::Bf16)).transpose()?;
    let job = Job { args, name, filter, problem, outputs: want, destination };
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
    outputs: Outputs,
    destination: Option<Destination>,
}

impl Job<'_> {
    fn compute<T: Stored>(&self, scores: &ArrayD<T>) -> Result<(), Failure> {
        let Problem { spec, .. } = &self.problem;
        let failed =
            |error: gpu_loss::Error| Failure::library(&error, Some(self.name)).with_tip(self.problem.tip(&error));
        let mut batch = self.problem.batch(scores.view());
        batch.outputs = self.outputs;
        // The reference first: it refuses whatever is wrong with the input, adapter or not.
        let expected = reference::run(spec, &batch).map_err(failed)?;

        let gpu = crate::cache::open(self.filter, self.args.strategy).map_err(failed)?;
        let call = || {
            let start = Instant::now();
            let output = gpu.run(spec, &batch).map_err(failed)?;
            Ok((output, start.elapsed()))
        };
        let (output, first) = call()?;
        let difference = reference::compare(&output, &expected);
        let mut report = self.report(&gpu, T::DTYPE, &output, first, &difference);
        report.not_numbers = NotNumbers::of(&expected, &self.problem.axes.full, spec.kind.per_row());
        if !difference.kept() {
            report.print(self.args.json)?;
            let at = self.name.display();
            let nothing = if self.destination.is_some() { "; nothing was written" } else { "" };
            let shares = report.check.shares();
            return Err(Failure::check(format!(
                "{at}: the result is outside the promised accuracy, {shares}{nothing}; another --strategy or --adapter may \
                 serve, `gpu-loss verify` tells which"
            )));
        }
        // Once more, or as often as a moment allows: what a call costs from now on.
        let mut spent = Duration::ZERO;
        let mut fastest = Duration::MAX;
        while fastest == Duration::MAX || spent < MOMENT {
            let (_, took) = call()?;
            fastest = fastest.min(took);
            spent += took;
        }
        report.time_ms = fastest.as_secs_f64() * 1e3;
        self.write(report, &output)
    }

    /// Prints the report, and writes the results if they are wanted.
    fn write<T: Stored>(&self, report: Report, output: &Output<T, IxDyn>) -> Result<(), Failure> {
        let Some(destination) = &self.destination else { return report.print(self.args.json) };
        let Problem { spec, axes, .. } = &self.problem;
        let failed = |error: ndarray::ShapeError| Failure::device(format!("the shape of the result: {error}"));
        let rows = axes.rows_given();
        let losses_shape = if spec.kind.per_row() { &rows } else { &axes.given };
        let losses = shaped(output.losses.as_ref(), losses_shape).map_err(failed)?;
        let lse = shaped(output.lse.as_ref(), &rows).map_err(failed)?;
        let argmax = shaped(output.argmax.as_ref(), &rows).map_err(failed)?;
        let log_prob = shaped(output.log_prob.as_ref(), &rows).map_err(failed)?;
        let entropy = shaped(output.entropy.as_ref(), &rows).map_err(failed)?;
        let rank = shaped(output.rank.as_ref(), &rows).map_err(failed)?;
        let grad = shaped(output.grad.as_ref(), &axes.given).map_err(failed)?;
        let scalar = ndarray::arr0(output.loss).into_dyn();
        let correct = output.correct.map(|rows| ndarray::arr0(rows as i64).into_dyn());

        let loss = losses.as_ref().filter(|_| spec.reduction == Reduction::None).unwrap_or(&scalar);
        let mut arrays = vec![("loss", Values::F32(loss))];
        arrays.extend(grad.iter().map(|grad| ("grad", T::values(grad))));
        arrays.extend(losses.iter().filter(|_| self.outputs.losses).map(|losses| ("losses", Values::F32(losses))));
        arrays.extend(lse.iter().map(|lse| ("lse", Values::F32(lse))));
        arrays.extend(argmax.iter().map(|argmax| ("argmax", Values::U32(argmax))));
        arrays.extend(log_prob.iter().map(|log_prob| ("log_prob", Values::F32(log_prob))));
        arrays.extend(entropy.iter().map(|entropy| ("entropy", Values::F32(entropy))));
        arrays.extend(rank.iter().map(|rank| ("rank", Values::U32(rank))));
        let of_bias = output.grad_class_bias.iter();
        arrays.extend(of_bias.map(|grad| ("grad_class_bias", Values::F32(grad))));
        arrays.extend(correct.iter().map(|correct| ("correct", Values::I64(correct))));
        report.print_and_write(self.args, destination, arrays)
    }

    fn report<T: Stored>(
        &self,
        gpu: &GpuLoss,
        dtype: Dtype,
        output: &Output<T, IxDyn>,
        first: Duration,
        difference: &Difference,
    ) -> Report {
        let info = gpu.adapter_info();
        let Problem { spec, axes, account, .. } = &self.problem;
        let first_call_ms = first.as_secs_f64() * 1e3;
        Report {
            loss: spec.kind.hyphenated().to_owned(),
            value: output.loss,
            correct: output.correct,
            reduction: self.args.options.reduction.map_or("mean", ReductionName::name),
            targets: self.problem.form().name(),
            rows: Shape::of(&axes.full).map_or(0, |shape| shape.rows()),
            classes: axes.full.get(1).copied().unwrap_or_default(),
            shape: axes.given.clone(),
            dtype: dtype.name(),
            account: account.clone(),
            tensors: account.used.iter().map(|(name, _)| name.clone()).collect(),
            ignored: account.ignored.clone(),
            notes: account.notes.clone(),
            strategy: self.strategy(gpu, &axes.full),
            named: adapters::Named::of(info),
            title: adapters::describe(info),
            first_call_ms,
            time_ms: first_call_ms,
            check: Check::of(difference),
            not_numbers: NotNumbers::default(),
            output: None,
            written: String::new(),
        }
    }

    /// The strategy that served, as the library chooses it.
    fn strategy(&self, gpu: &GpuLoss, dims: &[usize]) -> &'static str {
        let environment = || std::env::var("GPU_LOSS_STRATEGY").ok().and_then(|name| name.parse().ok());
        let default = || {
            let shape = Shape::of(dims)?;
            gpu.strategies(self.problem.spec.kind, shape).first().copied()
        };
        self.args.strategy.or_else(environment).or_else(default).map_or("none", |strategy| strategy.name())
    }
}

/// Another shape for as many elements.
fn shaped<E: Clone>(array: Option<&ArrayD<E>>, shape: &[usize]) -> Result<Option<ArrayD<E>>, ndarray::ShapeError> {
    array.map(|array| array.clone().into_shape_with_order(IxDyn(shape))).transpose()
}
