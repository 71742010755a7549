//! What post-training asks for beside a loss and its gradient, against what it is measured by: entropies, log-probabilities
//! and ranks against the loss alone, a teacher's scores against probabilities. All are checked, then run in turns; times
//! are of the clock, in ms.

mod common;

use std::time::Instant;

use common::{buffer, commands, random, read, step};
use gpu_loss::batch::{Outputs, TargetForm};
use gpu_loss::loss::{Distillation, Loss};
use gpu_loss::reference::{self, Reference};
use gpu_loss::{Batch, Buffers, Dtype, GpuLoss, Layout, Output, Plan, Shape, SoftmaxCe, Targets};
use ndarray::{Array1, Array2, Ix2};

const ROUNDS: usize = 13;

fn main() {
    let gpu = GpuLoss::new().expect("an adapter");
    for (rows, classes) in [(16_777, 1000), (167_772, 100)] {
        measure(&gpu, rows, classes);
    }
}

/// A plan, what it runs on, and what it must come to.
struct Case<'a> {
    plan: Plan,
    buffers: Buffers<'a>,
    expected: Reference,
}

impl<'a> Case<'a> {
    fn new(gpu: &GpuLoss, loss: &impl Loss, layout: Layout, batch: Batch<'_, f32, Ix2>, buffers: Buffers<'a>) -> Self {
        let plan = gpu.plan(loss, &layout).expect("a plan");
        Case { plan, buffers, expected: reference::run(loss, &batch).expect("a reference") }
    }
}

fn bytes<T: bytemuck::NoUninit>(values: &[T]) -> &[u8] {
    bytemuck::cast_slice(values)
}

fn measure(gpu: &GpuLoss, rows: usize, classes: usize) {
    let mut random = random();
    let mut scores = || Array2::from_shape_simple_fn((rows, classes), || 4.0 * (random() + random() - 1.0));
    let (student, teacher, mut soft) = (scores(), scores(), scores().mapv(f32::exp));
    soft.rows_mut().into_iter().for_each(|mut row| row /= row.sum());
    let labels = Array1::from_shape_fn(rows, |row| ((row * 7919) % classes) as i64);

    let dense = |values: &Array2<f32>| buffer(gpu, bytes(values.as_slice().expect("contiguous")));
    let [scores, taught, wanted] = [&student, &teacher, &soft].map(dense);
    let classes_wanted = buffer(gpu, bytes(labels.as_slice().expect("contiguous")));
    // What is not written shows: it stays NaN.
    let empty = |count: usize| buffer(gpu, &vec![0xff; 4 * count]);
    let (grad, loss, [entropy, log_prob, rank]) = (empty(student.len()), empty(1), [0; 3].map(|_| empty(rows)));

    let layout = Layout::forward_backward(Shape::new(rows, classes), Dtype::F32);
    let outputs = Outputs::default().with_entropy().with_log_prob().with_rank();
    let batch = |targets| Batch::new(student.view(), targets);
    let on = |targets| Buffers::new(&scores, targets).grad(&grad).loss(&loss);
    let cases = [
        Case::new(gpu, &SoftmaxCe::default(), layout, batch(Targets::from(&labels)), on(&classes_wanted)),
        Case::new(
            gpu,
            &SoftmaxCe::default(),
            layout.outputs(outputs),
            batch(Targets::from(&labels)).with_entropy().with_log_prob().with_rank(),
            on(&classes_wanted).entropy(&entropy).log_prob(&log_prob).rank(&rank),
        ),
        Case::new(
            gpu,
            &SoftmaxCe::default(),
            layout.targets(TargetForm::Probabilities),
            batch(Targets::probabilities(soft.view())),
            on(&wanted),
        ),
        Case::new(
            gpu,
            &Distillation::default(),
            layout.targets(TargetForm::Logits),
            batch(Targets::logits(&teacher)),
            on(&taught),
        ),
    ];
    let of_rows = |from| Array1::from_vec(read(gpu, from, rows)).into_dyn();
    for Case { plan, buffers, expected } in &cases {
        step(gpu, commands(gpu, plan, buffers));
        let mut output = Output::new(plan.read_loss(&loss).expect("good targets"));
        output.grad = Some(Array2::from_shape_vec(student.dim(), read(gpu, &grad, student.len())).expect("whole"));
        let outputs = plan.layout().outputs;
        output.entropy = outputs.entropy.then(|| of_rows(&entropy));
        output.log_prob = outputs.log_prob.then(|| of_rows(&log_prob));
        output.rank = outputs.rank.then(|| Array1::from_vec(read(gpu, &rank, rows)).into_dyn());
        let difference = reference::compare::<f32, Ix2>(&output, expected);
        assert!(difference.kept(), "{difference:?}");
    }

    let mut times = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        for (Case { plan, buffers, .. }, times) in cases.iter().zip(&mut times) {
            let commands = commands(gpu, plan, buffers);
            let begin = Instant::now();
            step(gpu, commands);
            times.push(begin.elapsed().as_secs_f64() * 1e3);
        }
    }
    let [plain, more, soft, taught] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        [times[times.len() / 2], times[0]]
    });
    let told = |[median, least]: [f64; 2]| format!("{median:.1} (least {least:.1})");
    let over = |a: [f64; 2], b: [f64; 2]| format!("{:.2} times (least {:.2})", a[0] / b[0], a[1] / b[1]);
    println!("{rows} × {classes}, softmax_ce on classes: {}", told(plain));
    println!("    with entropy, log-probability and rank: {}, {}", told(more), over(more, plain));
    println!("    on probabilities: {}", told(soft));
    println!("    forward KL from a teacher's scores: {}, {} that", told(taught), over(taught, soft));
}
