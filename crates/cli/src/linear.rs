//! `gpu-loss run --loss linear-ce`: a linear layer and its loss on one file.

use std::path::Path;
use std::time::{Duration, Instant};

use gpu_loss::batch::{bf16, f16};
use gpu_loss::builder::AdapterFilter;
use gpu_loss::linear::{LinearBatch, LinearCe, LinearOutput};
use gpu_loss::loss::{Kind, OptionName, Spec};
use gpu_loss::reference::{Difference, LinearReference, compare_linear, run_linear};
use gpu_loss::{Dtype, GpuLoss, Reduction, SoftmaxCe};
use ndarray::{Array1, Array2, ArrayD, Ix1, Ix2};

use crate::args::{OutputName, ReductionName, RunArgs};
use crate::failure::Failure;
use crate::input::{Tensor, Tensors, Type};
use crate::loss_name::LINEAR_CE;
use crate::output::{Destination, Stored, Values};
use crate::problem::{Account, label_tip};
use crate::report::{Check, NotNumbers, Report};
use crate::unread::missing;
use crate::{adapters, convert, input, options, source, takers, unread};

/// Every tensor that means something here.
const KNOWN: [&str; 6] = ["hidden", "weight", "bias", "targets", "class_weights", "upstream"];

/// What a file holds, in the type of its hidden states.
struct Problem<T> {
    hidden: Array2<T>,
    weight: Array2<T>,
    bias: Option<Array1<T>>,
    labels: Array1<i64>,
    upstream: Option<Array1<f32>>,
}

/// Reads, computes, checks, writes and reports; bad input is found before a device is opened.
pub(crate) fn run(args: &RunArgs, filter: &AdapterFilter) -> Result<(), Failure> {
    check_options(args)?;
    let spec = options::spec(args.loss.kind(), &args.options)?;
    if args.strategy.is_some() {
        return Err(Failure::usage("--strategy does not apply to --loss linear-ce, which chooses for its chunks"));
    }
    if let Some(output) = &args.output {
        input::Format::of(output)?;
    }
    let name = source::shown(&args.input);
    let mut tensors = source::read(&args.input, &KNOWN)?;
    let failed = |message: String| Failure::file(name, message);
    unread::check_linear(&tensors, &KNOWN, spec.reduction).map_err(failed)?;
    let listed = tensors.listing();
    let ty = match tensors.found.get("hidden") {
        Some(hidden) => hidden.ty.clone(),
        None => return Err(failed(missing("hidden", &tensors, &listed))),
    };
    let mut account = Account { ignored: tensors.others(|name| KNOWN.contains(&name)), ..Account::default() };
    for (name, tensor) in &tensors.found {
        account.used.push((name.clone(), format!("{} {:?}", tensor.ty.name(), tensor.shape)));
    }
    let job = |dtype, account, spec| -> Result<Job<'_>, Failure> {
        let path = args.output.as_deref();
        let destination = path.map(|path| Destination::check(path, dtype == Dtype::Bf16)).transpose()?;
        Ok(Job { args, name, filter, spec, account, destination })
    };
    let mut spec = spec;
    if let Some(weights) = tensors.found.remove("class_weights") {
        one_axis("class_weights", &weights).map_err(failed)?;
        let weights = convert::floats("class_weights", &weights, &mut account.notes).map_err(failed)?;
        spec.class_weights = Some(weights.iter().copied().collect());
    }
    let notes = &mut account.notes;
    match ty {
        Type::F16 => {
            let problem =
                problem(&mut tensors, &listed, |_, t| convert::array(t, f16::from_le_bytes)).map_err(failed)?;
            job(Dtype::F16, account, spec)?.compute(&problem)
        }
        Type::Bf16 => {
            let problem =
                problem(&mut tensors, &listed, |_, t| convert::array(t, bf16::from_le_bytes)).map_err(failed)?;
            job(Dtype::Bf16, account, spec)?.compute(&problem)
        }
        Type::F32 | Type::F64 => {
            let problem = problem(&mut tensors, &listed, |name, t| convert::floats(name, t, notes)).map_err(failed)?;
            job(Dtype::F32, account, spec)?.compute(&problem)
        }
        ty => Err(failed(format!("'hidden' is {}, expected f32, f16, bf16 or f64", ty.name()))),
    }
}

/// Refuses options and outputs that are for losses on logits only.
fn check_options(args: &RunArgs) -> Result<(), Failure> {
    use OptionName::{EntropyCoefficient, MarginAngle, MarginCosine, MarginMultiplier};
    let refused = |what: String, takers: Vec<Kind>| {
        let takers = takers::listing(&takers);
        Err(Failure::usage(format!("{what} does not apply to --loss {LINEAR_CE}: it is for {takers}")))
    };
    for (option, _) in &args.options.numbers.0 {
        let takers = takers::takers(*option);
        let of_logits = [EntropyCoefficient, MarginAngle, MarginCosine, MarginMultiplier].contains(option);
        if of_logits || !takers.contains(&Kind::SoftmaxCe) {
            return refused(format!("--{}", option.hyphenated()), takers);
        }
    }
    for output in &args.outputs {
        let name = match output {
            OutputName::Losses | OutputName::Lse | OutputName::Argmax | OutputName::Correct => continue,
            OutputName::LogProb => "log-prob",
            OutputName::Entropy => "entropy",
            OutputName::Rank => "rank",
            OutputName::GradClassBias => "grad-class-bias",
        };
        return refused(format!("--outputs {name}"), takers::those(Kind::is_softmax));
    }
    Ok(())
}

/// The arrays of a file, all matrices of the type of `hidden`.
fn problem<T: Clone>(
    tensors: &mut Tensors,
    listed: &str,
    mut decode: impl FnMut(&str, &Tensor) -> Result<ArrayD<T>, String>,
) -> Result<Problem<T>, String> {
    let ty = tensors.found.get("hidden").map(|tensor| tensor.ty.clone());
    let mut floats = |name: &str, axes: usize, tensors: &mut Tensors| {
        let Some(tensor) = tensors.found.remove(name) else { return Ok(None) };
        if ty.as_ref() != Some(&tensor.ty) {
            let expected = ty.as_ref().map_or("f32", Type::name);
            return Err(format!("'{name}' is {}, expected {expected} as 'hidden' is", tensor.ty.name()));
        }
        if tensor.shape.len() != axes {
            return Err(format!("'{name}' has shape {:?}, expected {axes} dimensions", tensor.shape));
        }
        decode(name, &tensor).map(Some)
    };
    let matrix = |array: Option<ArrayD<T>>, name: &str, tensors: &Tensors| {
        let array = array.ok_or_else(|| missing(name, tensors, listed))?;
        array.into_dimensionality::<Ix2>().map_err(|e| e.to_string())
    };
    let hidden = floats("hidden", 2, tensors)?;
    let hidden = matrix(hidden, "hidden", tensors)?;
    let weight = floats("weight", 2, tensors)?;
    let weight = matrix(weight, "weight", tensors)?;
    let bias = floats("bias", 1, tensors)?;
    let bias = bias.map(|bias| bias.into_dimensionality::<Ix1>().map_err(|e| e.to_string())).transpose()?;
    let targets = tensors.found.remove("targets").ok_or_else(|| missing("targets", tensors, listed))?;
    let labels = convert::integers("targets", &targets)?;
    // A column of labels is plainly meant.
    let labels = Array1::from_iter(match targets.shape.as_slice() {
        [_] | [_, 1] => labels.into_iter(),
        shape => return Err(format!("'targets' has shape {shape:?}, expected [{}]", hidden.nrows())),
    });
    let upstream = match tensors.found.remove("upstream") {
        Some(tensor) => {
            one_axis("upstream", &tensor)?;
            Some(Array1::from_iter(convert::floats("upstream", &tensor, &mut Vec::new())?))
        }
        None => None,
    };
    Ok(Problem { hidden, weight, bias, labels, upstream })
}

/// Refuses a tensor that is more than a list of numbers.
fn one_axis(name: &str, tensor: &Tensor) -> Result<(), String> {
    match tensor.shape.as_slice() {
        [_] => Ok(()),
        shape => Err(format!("'{name}' has shape {shape:?}, expected one dimension")),
    }
}

struct Job<'a> {
    args: &'a RunArgs,
    name: &'a Path,
    filter: &'a AdapterFilter,
    spec: Spec,
    account: Account,
    destination: Option<Destination>,
}

impl Job<'_> {
    fn compute<T: Stored>(&self, problem: &Problem<T>) -> Result<(), Failure> {
        let failed = |error: gpu_loss::Error| {
            let tip = label_tip(&error, problem.labels.iter().copied(), &self.spec);
            Failure::library(&error, Some(self.name)).with_tip(tip)
        };
        let loss = self.loss();
        let mut batch = LinearBatch::new(&problem.hidden, &problem.weight, &problem.labels).with_lse();
        batch.bias = problem.bias.as_ref().map(|bias| bias.view());
        batch.upstream = problem.upstream.as_ref().map(|upstream| upstream.view());
        batch.argmax = self.args.outputs.contains(&OutputName::Argmax);
        batch.correct = self.args.outputs.contains(&OutputName::Correct);
        // The reference first: it refuses whatever is wrong with the input, adapter or not.
        let expected = run_linear(&loss, &batch).map_err(failed)?;
        let gpu = crate::cache::open(self.filter, None).map_err(failed)?;
        let call = || -> Result<(LinearOutput<T>, Duration), Failure> {
            let start = Instant::now();
            let output = gpu.linear_ce(&loss, &batch).map_err(failed)?;
            Ok((output, start.elapsed()))
        };
        let (output, first) = call()?;
        let difference = compare_linear(&output, &expected);
        let mut report = self.report(&gpu, problem, &output, &expected, &difference);
        report.first_call_ms = first.as_secs_f64() * 1e3;
        report.time_ms = report.first_call_ms;
        if !difference.kept() {
            report.print(self.args.json)?;
            let nothing = if self.destination.is_some() { "; nothing was written" } else { "" };
            let (at, shares) = (self.name.display(), report.check.shares());
            return Err(Failure::check(format!(
                "{at}: the result is outside the promised accuracy, {shares}{nothing}; another --adapter may serve"
            )));
        }
        report.time_ms = call()?.1.as_secs_f64() * 1e3;
        self.write(report, output)
    }

    fn loss(&self) -> LinearCe {
        let mut softmax = SoftmaxCe::default().reduction(self.spec.reduction).empty_mean(self.spec.empty_mean);
        softmax.denominator = self.spec.denominator;
        softmax.ignore_index = self.spec.ignore_index;
        softmax.label_smoothing = self.spec.label_smoothing;
        softmax.class_weights.clone_from(&self.spec.class_weights);
        softmax.z_loss = self.spec.z_loss;
        softmax.logit_scale = self.spec.logit_scale;
        softmax.softcap = self.spec.softcap;
        let loss = LinearCe::from(softmax);
        self.args.memory_mib.map_or(loss.clone(), |mib| loss.memory_mib(mib))
    }

    /// Prints the report, and writes the results if they are wanted.
    fn write<T: Stored>(&self, report: Report, output: LinearOutput<T>) -> Result<(), Failure> {
        let Some(destination) = &self.destination else { return report.print(self.args.json) };
        let losses = output.losses.into_dyn();
        let scalar = ndarray::arr0(output.loss).into_dyn();
        let lse = output.lse.map(|lse| lse.into_dyn());
        let argmax = output.argmax.map(|argmax| argmax.into_dyn());
        let correct = output.correct.map(|rows| ndarray::arr0(rows as i64).into_dyn());
        let hidden = output.grad_hidden.map(|grad| grad.into_dyn());
        let weight = output.grad_weight.map(|grad| grad.into_dyn());
        let bias = output.grad_bias.map(|grad| grad.into_dyn());
        let loss = if self.spec.reduction == Reduction::None { &losses } else { &scalar };
        let mut arrays = vec![("loss", Values::F32(loss)), ("losses", Values::F32(&losses))];
        arrays.extend(lse.iter().map(|lse| ("lse", Values::F32(lse))));
        arrays.extend(argmax.iter().map(|argmax| ("argmax", Values::U32(argmax))));
        arrays.extend(correct.iter().map(|correct| ("correct", Values::I64(correct))));
        arrays.extend(hidden.iter().map(|grad| ("grad_hidden", T::values(grad))));
        arrays.extend(weight.iter().map(|grad| ("grad_weight", Values::F32(grad))));
        arrays.extend(bias.iter().map(|grad| ("grad_bias", Values::F32(grad))));
        report.print_and_write(self.args, destination, arrays)
    }

    fn report<T: Stored>(
        &self,
        gpu: &GpuLoss,
        problem: &Problem<T>,
        output: &LinearOutput<T>,
        expected: &LinearReference,
        difference: &Difference,
    ) -> Report {
        let losses: Vec<f64> = expected.losses.iter().copied().collect();
        Report {
            loss: LINEAR_CE.to_owned(),
            value: output.loss,
            correct: output.correct,
            reduction: self.args.options.reduction.map_or("mean", ReductionName::name),
            targets: "classes",
            rows: problem.hidden.nrows(),
            classes: problem.weight.nrows(),
            shape: problem.hidden.shape().to_vec(),
            dtype: T::DTYPE.name(),
            account: self.account.clone(),
            tensors: self.account.used.iter().map(|(name, _)| name.clone()).collect(),
            ignored: self.account.ignored.clone(),
            notes: self.account.notes.clone(),
            strategy: "chunked",
            named: adapters::Named::of(gpu.adapter_info()),
            title: adapters::describe(gpu.adapter_info()),
            first_call_ms: 0.0,
            time_ms: 0.0,
            check: Check::of(difference),
            not_numbers: NotNumbers::of_rows(&losses, expected.loss),
            output: None,
            written: String::new(),
        }
    }
}
