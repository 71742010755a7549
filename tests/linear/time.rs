//! What chunks cost, and what the loss costs among its products. Run by hand, for clocks are no matter for a test:
//! `cargo test --release --test linear -- --ignored --nocapture chunks_cost_little`.

use std::time::{Duration, Instant};

use gpu_loss::linear::{LinearBuffers, LinearCe, LinearLayout, LinearPlan};
use gpu_loss::{Buffers, Dtype, GpuLoss, Layout, Plan, Shape, SoftmaxCe, wgpu};

use super::parts::each::on_every_adapter;

const ROWS: usize = 512;
const HIDDEN: usize = 64;
const CLASSES: usize = 50_257;
const TURNS: usize = 8;

fn buffer(gpu: &GpuLoss, elements: usize) -> wgpu::Buffer {
    gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: (elements as u64 * 4).next_multiple_of(16),
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

fn timed(gpu: &GpuLoss, encode: impl FnOnce(&mut wgpu::CommandEncoder)) -> Duration {
    let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    encode(&mut encoder);
    let commands = encoder.finish();
    let start = Instant::now();
    gpu.queue().submit([commands]);
    gpu.device().poll(wgpu::PollType::Wait { submission_index: None, timeout: None }).expect("waits");
    start.elapsed()
}

/// A linear plan with its buffers, whose hidden states and weights are small numbers.
struct Step {
    plan: LinearPlan,
    inputs: [wgpu::Buffer; 3],
    outputs: [wgpu::Buffer; 3],
}

impl Step {
    fn new(gpu: &GpuLoss, rows_at_once: usize) -> Self {
        let memory = (rows_at_once * CLASSES.next_multiple_of(4) * 4) as u64;
        let layout = LinearLayout::new(ROWS, HIDDEN, CLASSES, Dtype::F32);
        let plan = gpu.plan_linear(&LinearCe::default().memory(memory), &layout).expect("a plan");
        assert_eq!(plan.chunk_rows(), rows_at_once);
        let matrices = [ROWS * HIDDEN, CLASSES * HIDDEN];
        let inputs = [buffer(gpu, matrices[0]), buffer(gpu, matrices[1]), buffer(gpu, 2 * ROWS)];
        for (buffer, elements) in inputs.iter().zip(matrices) {
            let values: Vec<f32> = (0..elements).map(|i| (i * 7919 % 1013) as f32 / 1013.0 - 0.5).collect();
            gpu.queue().write_buffer(buffer, 0, bytemuck::cast_slice(&values));
        }
        Step { plan, inputs, outputs: [buffer(gpu, matrices[0]), buffer(gpu, matrices[1]), buffer(gpu, 4)] }
    }

    fn time(&self, gpu: &GpuLoss) -> Duration {
        let ([hidden, weight, targets], [grad_hidden, grad_weight, loss]) = (&self.inputs, &self.outputs);
        let buffers = LinearBuffers::new(hidden, weight, targets);
        let buffers = buffers.grad_hidden(grad_hidden).grad_weight(grad_weight).loss(loss);
        timed(gpu, |encoder| self.plan.encode(encoder, &buffers).expect("encodes"))
    }
}

/// The loss of all logits at once, in place, as the plan of a whole batch has it.
fn loss_alone(gpu: &GpuLoss) -> (Plan, [wgpu::Buffer; 3]) {
    let stride = CLASSES.next_multiple_of(4);
    let layout = Layout::forward_backward(Shape::new(ROWS, CLASSES), Dtype::F32).in_place().strides(stride, stride);
    let plan = gpu.plan(&SoftmaxCe::default(), &layout).expect("a plan");
    (plan, [buffer(gpu, ROWS * stride), buffer(gpu, 2 * ROWS), buffer(gpu, 4)])
}

#[test]
#[ignore = "it measures"]
fn chunks_cost_little() {
    on_every_adapter(|gpu| {
        let (whole, chunked) = (Step::new(gpu, ROWS), Step::new(gpu, ROWS / 4));
        let (loss, [scores, targets, sum]) = loss_alone(gpu);
        let mut least = [Duration::MAX; 3];
        for _ in 0..TURNS {
            let buffers = Buffers::new(&scores, &targets).loss(&sum);
            let loss = timed(gpu, |encoder| loss.encode(encoder, &buffers).expect("encodes"));
            for (least, time) in least.iter_mut().zip([whole.time(gpu), chunked.time(gpu), loss]) {
                *least = time.min(*least);
            }
        }
        let [whole, chunked, loss] = least.map(|time| time.as_secs_f64() * 1e3);
        let info = gpu.adapter_info();
        println!("{} ({}), {ROWS} x {HIDDEN} x {CLASSES}, f32, the least of {TURNS} turns:", info.name, info.backend);
        println!("whole {whole:.0} ms, four chunks {chunked:.0} ms: {:.3} of it", chunked / whole);
        println!("the loss alone {loss:.0} ms: {:.1} % of the whole", 100.0 * loss / whole);
    });
}
