//! A language model's head over ranks: the vocabulary's embeddings are spread over them, each rank multiplies by its
//! own, and the losses of every step are those of one rank.
//!
//! ```sh
//! cargo build --release --example tensor_parallel
//! mpirun -n 4 --oversubscribe target/release/examples/tensor_parallel
//! ```
//!
//! The linear layer over sharded weights is composed here of the steps that any framework has: its product
//! (`hidden·Wᵀ`), the loss of this crate, and the products of the backward pass, `dW = gᵀ·hidden` and `dHidden = Σ over
//! ranks of g·W`. The last is the one all-reduce of the model's own that a sharded layer has anyway.

use std::time::{Duration, Instant};

use gpu_loss::{Buffers, Dtype, GpuLoss, Layout, Shape, SoftmaxCe, wgpu};
use gpu_loss_mpi::{Options, Result, TensorParallelCe, end_all_on_panic, mpi, open_bound, or_end_all};
use mpi::Threading;
use mpi::collective::SystemOperation;
use mpi::traits::{Communicator, CommunicatorCollectives};
use ndarray::Array2;

const TOKENS: usize = 256;
const VOCABULARY: usize = 1_003;
const WIDTH: usize = 32;
const STEPS: usize = 16;
const RATE: f32 = 8.0;

fn main() {
    let (universe, _) = mpi::initialize_with_threading(Threading::Funneled).expect("MPI is not initialised yet");
    let world = universe.world();
    end_all_on_panic();
    or_end_all(&world, train(&world));
}

fn train<C: Communicator>(world: &C) -> Result<()> {
    let gpu = open_bound(world)?;
    let (ranks, rank) = (world.size() as usize, world.rank() as usize);
    let (first, end) = (VOCABULARY * rank / ranks, VOCABULARY * (rank + 1) / ranks);
    let loss = SoftmaxCe::default().ignore_index(-100).label_smoothing(0.05).z_loss(1e-3);
    let layout = Layout::forward_backward(Shape::new(TOKENS, end - first), Dtype::F32).shard(first, VOCABULARY);
    let mut ce = TensorParallelCe::new(&gpu, world, &loss, &layout, Options::default())?;
    if rank == 0 {
        println!("{ranks} ranks on {}, classes {first}..{end} here", gpu.adapter_info().name);
    }

    // The same text and the same first weights on every rank.
    let (input, labels) = text();
    let mut embeddings = weights(1, 0, VOCABULARY);
    let mut head = weights(2, first, end);
    let scores_bytes = TOKENS * (end - first) * 4;
    let [scores, grad] = [0; 2].map(|_| buffer(&gpu, scores_bytes));
    let (targets, total) = (buffer(&gpu, TOKENS * 8), buffer(&gpu, 16));
    gpu.queue().write_buffer(&targets, 0, bytemuck::cast_slice(&labels));
    let buffers = Buffers::new(&scores, &targets);

    let (begin, mut exchanges) = (Instant::now(), Duration::ZERO);
    for step in 0..STEPS {
        let hidden = Array2::from_shape_fn((TOKENS, WIDTH), |(row, at)| embeddings[[input[row], at]]);
        let product = hidden.dot(&head.t()).as_standard_layout().into_owned();
        gpu.queue().write_buffer(&scores, 0, bytemuck::cast_slice(product.as_slice().unwrap_or_default()));
        let forward = Instant::now();
        ce.forward(&buffers.loss(&total))?;
        exchanges += forward.elapsed();
        ce.backward(&buffers.grad(&grad))?;

        let g = Array2::from_shape_vec((TOKENS, end - first), read(&gpu, &grad, scores_bytes)).expect("its shape");
        // What the layers below need of all shards.
        let own = g.dot(&head).as_standard_layout().into_owned();
        let mut whole = vec![0.0_f32; TOKENS * WIDTH];
        world.all_reduce_into(own.as_slice().unwrap_or_default(), &mut whole[..], SystemOperation::sum());
        head.scaled_add(-RATE, &g.t().dot(&hidden));
        for (row, token) in input.iter().enumerate() {
            for at in 0..WIDTH {
                embeddings[[*token, at]] -= RATE * whole[row * WIDTH + at];
            }
        }
        if rank == 0 {
            println!("step {step:2}: loss {:.6}", read(&gpu, &total, 4)[0]);
        }
    }
    ce.check()?;
    if rank == 0 {
        let traffic = ce.traffic();
        println!(
            "{} exchanges, {} bytes from other ranks; {:.1} ms a step, {:.1} of it forward with its exchange",
            traffic.collectives,
            traffic.bytes,
            begin.elapsed().as_secs_f64() * 1e3 / STEPS as f64,
            exchanges.as_secs_f64() * 1e3 / STEPS as f64,
        );
    }
    Ok(())
}

/// Tokens, and those that follow them: mostly the one that is next but some, as in a text that repeats itself.
fn text() -> (Vec<usize>, Vec<i64>) {
    let input: Vec<usize> = (0..TOKENS).map(|at| (at * at + 3 * at) % 97 * 10 % VOCABULARY).collect();
    let next = |(at, token): (usize, &usize)| if at % 16 == 15 { -100 } else { ((token * 7 + 5) % VOCABULARY) as i64 };
    let labels = input.iter().enumerate().map(next).collect();
    (input, labels)
}

/// Rows `first..end` of a matrix of small numbers that is the same for all numbers of ranks.
fn weights(seed: u64, first: usize, end: usize) -> Array2<f32> {
    Array2::from_shape_fn((end - first, WIDTH), |(row, at)| {
        let mut state = seed << 40 | ((first + row) * WIDTH + at) as u64;
        for _ in 0..3 {
            state = state.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (state >> 29);
        }
        (state >> 40) as f32 / (1 << 23) as f32 * 0.2 - 0.2
    })
}

fn buffer(gpu: &GpuLoss, bytes: usize) -> wgpu::Buffer {
    gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: bytes.next_multiple_of(16) as u64,
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

/// Numbers of a buffer, all work waited for.
fn read(gpu: &GpuLoss, buffer: &wgpu::Buffer, bytes: usize) -> Vec<f32> {
    let staging = gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: bytes as u64,
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, bytes as u64);
    gpu.queue().submit([encoder.finish()]);
    staging.slice(..).map_async(wgpu::MapMode::Read, |mapped| mapped.expect("mapped"));
    gpu.device().poll(wgpu::PollType::wait_indefinitely()).expect("the device answers");
    bytemuck::pod_collect_to_vec(&staging.slice(..).get_mapped_range().expect("what was mapped"))
}
