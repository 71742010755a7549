//! What post-training asks for beside a loss and its gradient, against what it is measured by: entropies, log-probabilities
//! and ranks against the loss alone, a teacher's scores against probabilities. The plans run in turns; times are of the
//! clock, in ms.

use std::time::Instant;

use gpu_loss::batch::{Outputs, TargetForm};
use gpu_loss::loss::Distillation;
use gpu_loss::wgpu::util::DeviceExt as _;
use gpu_loss::{Buffers, Dtype, GpuLoss, Layout, Plan, Shape, SoftmaxCe, wgpu};

const ROUNDS: usize = 15;
/// The first rounds build kernels and touch memory.
const UNTIMED: usize = 2;

fn main() {
    let gpu = GpuLoss::new().expect("an adapter");
    for (rows, classes) in [(16_777, 1000), (167_772, 100)] {
        measure(&gpu, rows, classes);
    }
}

/// Scores between -4 and 4, in no order.
fn scores(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / (1_u32 << 24) as f32
    };
    (0..count).map(|_| 4.0 * (next() + next() - 1.0)).collect()
}

fn probabilities(classes: usize, mut scores: Vec<f32>) -> Vec<f32> {
    for row in scores.chunks_mut(classes) {
        let sum: f32 = row.iter().map(|score| score.exp()).sum();
        row.iter_mut().for_each(|score| *score = score.exp() / sum);
    }
    scores
}

fn measure(gpu: &GpuLoss, rows: usize, classes: usize) {
    let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
    let upload = |bytes: &[u8]| {
        let mut contents = bytes.to_vec();
        contents.resize(bytes.len().next_multiple_of(16), 0);
        gpu.device().create_buffer_init(&wgpu::util::BufferInitDescriptor { label: None, contents: &contents, usage })
    };
    let empty = |numbers: usize| upload(&vec![0; 4 * numbers]);
    let count = rows * classes;
    let labels: Vec<i64> = (0..rows).map(|row| ((row * 7919) % classes) as i64).collect();
    let student = upload(bytemuck::cast_slice(&scores(count, 1)));
    let teacher = upload(bytemuck::cast_slice(&scores(count, 2)));
    let soft = upload(bytemuck::cast_slice(&probabilities(classes, scores(count, 3))));
    let labels = upload(bytemuck::cast_slice(&labels));
    let (grad, loss, [entropy, log_prob, rank]) = (empty(count), empty(4), [0; 3].map(|_| empty(rows)));

    let layout = Layout::forward_backward(Shape::new(rows, classes), Dtype::F32);
    let outputs = Outputs::default().with_entropy().with_log_prob().with_rank();
    let of_rows = |layout: &Layout| gpu.plan(&SoftmaxCe::default(), layout).expect("a plan");
    let plans = [
        of_rows(&layout),
        of_rows(&layout.outputs(outputs)),
        of_rows(&layout.targets(TargetForm::Probabilities)),
        gpu.plan(&Distillation::default(), &layout.targets(TargetForm::Logits)).expect("a plan"),
    ];
    let with = |targets| Buffers::new(&student, targets).grad(&grad).loss(&loss);
    let buffers =
        [with(&labels), with(&labels).entropy(&entropy).log_prob(&log_prob).rank(&rank), with(&soft), with(&teacher)];
    let mut times = [const { Vec::new() }; 4];
    for round in 0..ROUNDS {
        for ((plan, buffers), times) in plans.iter().zip(&buffers).zip(&mut times) {
            let time = run(gpu, plan, buffers);
            assert!(plan.read_loss(&loss).expect("good targets").is_finite());
            if round >= UNTIMED {
                times.push(time);
            }
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

fn run(gpu: &GpuLoss, plan: &Plan, buffers: &Buffers<'_>) -> f64 {
    let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    plan.encode(&mut encoder, buffers).expect("a step");
    let begin = Instant::now();
    gpu.queue().submit([encoder.finish()]);
    gpu.device().poll(wgpu::PollType::wait_indefinitely()).expect("polled");
    begin.elapsed().as_secs_f64() * 1e3
}
