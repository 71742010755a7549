//! The kernels themselves, over device buffers: wall time of one step from its submission until it is done, and the
//! bytes that must move. `gpu-loss bench` measures more, and against copies; this is for comparing two commits.

mod common;

use common::{buffer, random, read};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use gpu_loss::batch::{Element, TargetForm, bf16};
use gpu_loss::loss::{Kind, Spec};
use gpu_loss::reference;
use gpu_loss::{Batch, Buffers, GpuLoss, Layout, Output, Shape, Targets};
use ndarray::{ArrayD, IxDyn};

/// Scores of a batch, about: enough for caches not to hide the memory.
const ELEMENTS: usize = 1 << 22;

/// Checks one kernel against the reference, then times it. Targets are classes or, for sigmoids, probabilities.
fn kernel<T: Element>(c: &mut Criterion, gpu: &GpuLoss, kind: Kind, shape: Shape, rounded: impl Fn(f32) -> T) {
    let mut random = random();
    let dims = if shape.inner == 1 { vec![shape.n, shape.classes] } else { vec![shape.n, shape.classes, shape.inner] };
    let scores = ArrayD::from_shape_simple_fn(IxDyn(&dims), || rounded(8.0 * (random() + random() - 1.0)));
    let row_dims: Vec<usize> = [0, 2].iter().filter_map(|axis| dims.get(*axis).copied()).collect();
    let labels = ArrayD::from_shape_simple_fn(IxDyn(&row_dims), || (random() * shape.classes as f32) as i64).into_dyn();
    let probabilities = ArrayD::from_shape_simple_fn(IxDyn(&dims), &mut random);
    let (form, targets, target_bytes) = if kind.is_softmax() {
        let bytes: &[u8] = bytemuck::cast_slice(labels.as_slice().expect("contiguous"));
        (TargetForm::Classes, Targets::from(&labels), bytes)
    } else {
        let bytes: &[u8] = bytemuck::cast_slice(probabilities.as_slice().expect("contiguous"));
        (TargetForm::Probabilities, Targets::from(probabilities.view()), bytes)
    };
    let spec = Spec::plain(kind);
    let plan = gpu.plan(&spec, &Layout::forward_backward(shape, T::DTYPE).targets(form)).expect("a plan");
    let score_bytes: &[u8] = bytemuck::cast_slice(scores.as_slice().expect("contiguous"));
    let [on_device, wanted, loss] = [score_bytes, target_bytes, &[0; 4]].map(|bytes| buffer(gpu, bytes));
    // What is not written shows: it stays NaN.
    let grad = buffer(gpu, &vec![0xff; score_bytes.len()]);
    let buffers = Buffers::new(&on_device, &wanted).grad(&grad).loss(&loss);
    let commands = || common::commands(gpu, &plan, &buffers);
    let step = |commands| common::step(gpu, commands);

    step(commands());
    let gradients = read::<T>(gpu, &grad, scores.len());
    let mut output = Output::new(plan.read_loss(&loss).expect("a loss"));
    output.grad = Some(ArrayD::from_shape_vec(IxDyn(&dims), gradients).expect("whole"));
    let expected = reference::run(&spec, &Batch::new(scores.view(), targets)).expect("a reference");
    let difference = reference::compare(&output, &expected);
    assert!(difference.kept(), "{}: {difference:?}", kind.name());

    let mut group = c.benchmark_group("kernels");
    group.throughput(Throughput::Bytes((2 * score_bytes.len() + target_bytes.len()) as u64)).sample_size(20);
    let of = if shape.inner == 1 { String::new() } else { format!(" × {}", shape.inner) };
    let name = format!("{} {} × {}{of} {}", kind.name(), shape.n, shape.classes, T::DTYPE.name());
    group.bench_function(name, |b| b.iter_batched(commands, step, BatchSize::PerIteration));
    group.finish();
}

fn kernels(c: &mut Criterion) {
    let gpu = GpuLoss::new().expect("an adapter");
    let rows = |classes| Shape::new(ELEMENTS / classes, classes);
    for classes in [10, 1000, 4096, 50_257] {
        kernel(c, &gpu, Kind::SoftmaxCe, rows(classes), |score| score);
    }
    kernel(c, &gpu, Kind::SoftmaxCe, rows(4096), bf16::from_f32);
    kernel(c, &gpu, Kind::SoftmaxCe, Shape::spatial(3, 21, 256 * 256), |score| score);
    kernel(c, &gpu, Kind::SigmoidCe, rows(1000), |score| score);
}

criterion_group!(benches, kernels);
criterion_main!(benches);
