//! `gpu-loss shaders`: kernels, and whole batches, for another WebGPU implementation.

mod collection;

use gpu_loss::batch::Outputs;
use gpu_loss::builder::AdapterFilter;
use gpu_loss::linear::{LinearCe, LinearLayout};
use gpu_loss::loss::{Kind, Spec};
use gpu_loss::plan::Strategy;
use gpu_loss::{Dtype, GpuLoss, Layout, Shape, SoftmaxCe};
use ndarray::ArrayD;

use self::collection::{Collection, MadeFor};
use crate::args::ShadersArgs;
use crate::failure::{Failure, io_message};
use crate::names::KNOWN;
use crate::output::Stored;
use crate::problem::{Problem, Scores, build};
use crate::{options, source, terminal};

/// Scores of few and of many classes, of so many that a row is split, and with the classes not innermost.
const SHAPES: [[usize; 3]; 4] = [[64, 10, 1], [64, 1000, 1], [2, 70_000, 1], [2, 10, 64]];
/// Scores of which rows stay in registers in other ways, by the strategy that serves them best.
const LENGTHS: [[usize; 3]; 8] =
    [[64, 16, 1], [64, 100, 1], [64, 500, 1], [64, 1001, 1], [64, 4096, 1], [64, 8192, 1], [2, 16, 64], [2, 21, 64]];

/// Writes the kernels of a file's batch, or of every loss.
pub(crate) fn shaders(args: &ShadersArgs, filter: &AdapterFilter) -> Result<(), Failure> {
    let batch = match (&args.input, args.loss) {
        (Some(input), Some(loss)) => {
            if loss.is_linear() {
                return Err(Failure::usage(
                    "linear-ce is not one program of kernels: the logits' is that of softmax-ce",
                ));
            }
            let spec = options::spec(loss.kind(), &args.options)?;
            let mut outputs = options::want(loss.kind(), &args.outputs)?;
            outputs.losses = true;
            let name = source::shown(input);
            Some((outputs, name, build(source::read(input, &KNOWN)?, spec).map_err(|e| Failure::file(name, e))?))
        }
        _ => None,
    };
    std::fs::create_dir_all(&args.out).map_err(|e| Failure::file(&args.out, io_message(&e)))?;
    let gpu = GpuLoss::open(filter).map_err(|error| Failure::library(&error, None))?;
    let gpu = match args.profile {
        Some(profile) => gpu.posing_as(profile.name()).map_err(|error| Failure::library(&error, None))?,
        None => gpu,
    };
    let info = gpu.adapter_info();
    let sizes = gpu.subgroups().map(|(smallest, largest)| [smallest, largest]);
    let mut collection = Collection::new(&args.out, info, sizes);
    let failed = |error: gpu_loss::Error| Failure::library(&error, batch.as_ref().map(|(_, name, _)| *name));
    match &batch {
        None => {
            every_kernel(&gpu, &mut collection)?;
            linear_kernels(&gpu, &mut collection)?;
        }
        Some((outputs, _, (scores, problem))) => match scores {
            Scores::F32(scores) => programs(&gpu, &mut collection, problem, scores, *outputs, failed)?,
            Scores::F16(scores) => programs(&gpu, &mut collection, problem, scores, *outputs, failed)?,
            Scores::Bf16(scores) => programs(&gpu, &mut collection, problem, scores, *outputs, failed)?,
        },
    }
    let (kernels, programs) = collection.finish()?;
    let programs = if programs == 0 { String::new() } else { format!(" and {programs} programs") };
    terminal::print(&format!("{kernels} kernels{programs} in {}\n", args.out.display()))
}

/// A batch as a program for each strategy that serves it, its arrays in files.
fn programs<T: Stored>(
    gpu: &GpuLoss,
    collection: &mut Collection<'_>,
    problem: &Problem,
    scores: &ArrayD<T>,
    outputs: Outputs,
    failed: impl Fn(gpu_loss::Error) -> Failure,
) -> Result<(), Failure> {
    let kind = problem.spec.kind;
    let mut batch = problem.batch(scores.view());
    batch.outputs = outputs;
    let Some(shape) = Shape::of(scores.shape()) else { return Ok(()) };
    for strategy in gpu.strategies(kind, shape) {
        let gpu = &gpu.with_strategy(strategy);
        let program = gpu.describe_batch(&problem.spec, &batch).map_err(&failed)?;
        collection.program(&program)?;
    }
    Ok(())
}

/// Every loss, form of target, type of scores and strategy: plain, and with every option and output.
fn every_kernel(gpu: &GpuLoss, collection: &mut Collection<'_>) -> Result<(), Failure> {
    for &kind in Kind::ALL {
        for form in kind.targets().iter().copied() {
            for &dtype in Dtype::ALL {
                let shapes = SHAPES.map(|dims| (dims, usize::MAX)).into_iter();
                for ([n, classes, inner], most) in shapes.chain(LENGTHS.map(|dims| (dims, 1))) {
                    let dims = if inner == 1 { vec![n, classes] } else { vec![n, classes, inner] };
                    let Some(shape) = Shape::of(&dims) else { continue };
                    let plain = Layout::forward_backward(shape, dtype).targets(form);
                    for strategy in gpu.strategies(kind, shape).into_iter().take(most) {
                        let both = [(kind.defaults(), plain), with_everything(kind, plain)];
                        for (spec, layout) in both {
                            describe(gpu, collection, &spec, &layout, strategy)?;
                        }
                    }
                }
            }
        }
    }
    Ok(())
}

fn describe(
    gpu: &GpuLoss,
    collection: &mut Collection<'_>,
    spec: &Spec,
    layout: &Layout,
    strategy: Strategy,
) -> Result<(), Failure> {
    let gpu = &gpu.with_strategy(strategy);
    let program = gpu.describe(spec, layout).map_err(|error| Failure::library(&error, None))?;
    let shape = [layout.shape.n, layout.shape.classes, layout.shape.inner];
    let made_for = MadeFor { shape, strategy: strategy.name(), everything: layout.outputs.losses };
    program.dispatches.iter().try_for_each(|dispatch| collection.kernel(dispatch, Some(made_for)).map(|_| ()))
}

/// The products of a linear layer, and what is around them.
fn linear_kernels(gpu: &GpuLoss, collection: &mut Collection<'_>) -> Result<(), Failure> {
    let plain = LinearCe::default();
    let softmax = SoftmaxCe::default().label_smoothing(0.1).ignore_index(-100).softcap(30.0);
    let everything = LinearCe::from(softmax.class_weights(vec![1.0; 1000])).memory(1 << 18);
    for &dtype in Dtype::ALL {
        for hidden in [64, 33] {
            let layout = LinearLayout::new(130, hidden, 1000, dtype);
            let alone = LinearLayout::evaluation(130, hidden, 1000, dtype);
            let all = layout.bias(true).grad_bias(true).lse(true).argmax(true).correct(true);
            let losses = alone.bias(true).argmax(true).correct(true).log_probs(true);
            for (loss, layout) in [(&plain, layout), (&everything, all), (&plain, alone), (&everything, losses)] {
                let listed = gpu.describe_linear(loss, &layout).map_err(|error| Failure::library(&error, None))?;
                listed.iter().try_for_each(|kernel| collection.kernel(kernel, None).map(|_| ()))?;
            }
        }
    }
    Ok(())
}

fn with_everything(kind: Kind, mut layout: Layout) -> (Spec, Layout) {
    let mut spec = kind.defaults();
    let weights = vec![1.0; layout.shape.classes];
    for option in kind.options() {
        option.set_weights(&mut spec, weights.clone());
    }
    layout.element_weights = !kind.per_row();
    layout.outputs.losses = true;
    layout.outputs.lse = kind.is_softmax();
    layout.outputs.argmax = kind.per_row();
    layout.outputs.correct = kind.has_statistics();
    let softmax_of_classes = kind.is_softmax() && layout.targets == gpu_loss::batch::TargetForm::Classes;
    layout.outputs.log_prob = softmax_of_classes;
    layout.outputs.rank = softmax_of_classes;
    layout.outputs.entropy = kind.is_softmax() && !layout.targets.is_dense();
    layout.statistics = layout.outputs.correct;
    (spec, layout)
}
