//! Trains the head of a small language model, 50,257 tokens wide, in 200 MB of device memory: the logits of a batch of 1,024
//! positions alone would be 206 MB, and their gradient as much again. Here they never exist at once.
//!
//!     cargo run --release --example language_model_head

use gpu_loss::builder::AdapterFilter;
use gpu_loss::linear::{LinearBatch, LinearCe, LinearLayout};
use gpu_loss::{Dtype, GpuLoss, SoftmaxCe, wgpu};
use ndarray::Array2;

const POSITIONS: usize = 1024;
const HIDDEN: usize = 64;
const TOKENS: usize = 50_257;
const STEPS: usize = 6;
const RATE: f32 = 4.0;
/// Bytes for the logits of a chunk of positions.
const LOGITS: u64 = 64 << 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gpu = GpuLoss::open(&AdapterFilter { backends: wgpu::Backends::PRIMARY, ..AdapterFilter::default() })?;
    println!("{}", gpu.adapter_info().name);
    let loss = LinearCe::from(SoftmaxCe::default().ignore_index(-100)).memory(LOGITS);

    // What a plan keeps beside inputs and results is known before anything runs.
    let layout = LinearLayout::new(POSITIONS, HIDDEN, TOKENS, Dtype::F32);
    let plan = gpu.plan_linear(&loss, &layout)?;
    let matrices = 2 * 4 * HIDDEN * (POSITIONS + TOKENS); // hidden states, weights, and their gradients
    let bytes = plan.scratch_bytes() + matrices as u64;
    println!("{} positions at once, {:.0} MB on the device", plan.chunk_rows(), bytes as f64 / 1e6);
    assert!(bytes < 200_000_000);
    drop(plan);

    // Hidden states as some transformer leaves them: those before the same token are alike. Every 16th position is padding.
    let mut seed = 1_u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    };
    let kinds: Vec<[f32; HIDDEN]> = (0..32).map(|_| std::array::from_fn(|_| random())).collect();
    let label = |position: usize| if position % 16 == 15 { -100 } else { (position % 32 * 1571) as i64 };
    let labels: Vec<i64> = (0..POSITIONS).map(label).collect();
    let hidden = Array2::from_shape_fn((POSITIONS, HIDDEN), |(position, at)| kinds[position % 32][at] + 0.1 * random());
    let mut weight = Array2::<f32>::zeros((TOKENS, HIDDEN));

    let (mut first, mut last) = (None, f32::INFINITY);
    for step in 0..STEPS {
        let batch = LinearBatch::new(&hidden, &weight, &labels).frozen_hidden();
        let out = gpu.linear_ce(&loss, &batch)?;
        println!("step {step}: loss {:.4}", out.loss);
        weight.scaled_add(-RATE, &out.grad_weight.ok_or("no gradient")?);
        (first, last) = (first.or(Some(out.loss)), out.loss);
    }

    // No gradient: an evaluation, which keeps 32 bytes of each strip of a row's logits, and no logits.
    let batch = LinearBatch::new(&hidden, &weight, &labels).loss_only().with_correct().with_log_probs();
    let out = gpu.linear_ce(&loss, &batch)?;
    println!("perplexity {:.2}, {:?} of {POSITIONS} positions right", out.loss.exp(), out.correct.unwrap_or_default());
    assert!(first.is_some_and(|first| last < first), "the loss falls");
    Ok(())
}
