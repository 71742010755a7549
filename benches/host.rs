//! What the host pays: making a plan, encoding a step, a small batch through the one-call API.

use criterion::{Criterion, criterion_group, criterion_main};
use gpu_loss::{Batch, Buffers, Dtype, GpuLoss, Layout, Shape, SoftmaxCe, wgpu};

fn buffer(gpu: &GpuLoss, size: u64) -> wgpu::Buffer {
    gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size,
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC,
        mapped_at_creation: false,
    })
}

fn host(c: &mut Criterion) {
    let gpu = GpuLoss::new().expect("an adapter");
    let (rows, classes) = (256, 1000);
    let make = || {
        gpu.plan(&SoftmaxCe::default(), &Layout::forward_backward(Shape::new(rows, classes), Dtype::F32))
            .expect("a plan")
    };
    let plan = make();
    c.bench_function("plan, its kernels built before", |b| b.iter(make));

    let bytes = (rows * classes * 4) as u64;
    let (scores, grad) = (buffer(&gpu, bytes), buffer(&gpu, bytes));
    let (labels, loss) = (buffer(&gpu, rows as u64 * 8), buffer(&gpu, 16));
    let buffers = Buffers::new(&scores, &labels).grad(&grad).loss(&loss);
    c.bench_function("encode", |b| {
        b.iter_custom(|steps| {
            let mut spent = std::time::Duration::ZERO;
            // Encoders are made and dropped outside of what is timed; each holds few steps, as a training loop's would.
            for _ in 0..steps {
                let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
                let begin = std::time::Instant::now();
                plan.encode(&mut encoder, &buffers).expect("a step");
                spent += begin.elapsed();
            }
            spent
        });
    });

    let logits = ndarray::Array2::from_shape_fn((64, 10), |(n, j)| ((n * 7 + j * 3) % 11) as f32 * 0.3);
    let classes: Vec<i64> = (0..64).map(|n| n % 10).collect();
    let batch = Batch::new(logits.view(), &classes);
    let expected = gpu_loss::reference::run(&SoftmaxCe::default(), &batch).expect("a reference");
    let got = gpu.softmax_ce(&batch).expect("a loss");
    assert!(gpu_loss::reference::compare(&got, &expected).kept());
    c.bench_function("one call, 64 × 10", |b| b.iter(|| gpu.softmax_ce(&batch).expect("a loss")));

    let staging = gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 16,
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    c.bench_function("empty submit and read back", |b| {
        b.iter(|| {
            let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            encoder.copy_buffer_to_buffer(&loss, 0, &staging, 0, 16);
            gpu.queue().submit([encoder.finish()]);
            staging.slice(..).map_async(wgpu::MapMode::Read, |_| {});
            gpu.device().poll(wgpu::PollType::wait_indefinitely()).expect("polled");
            let first = staging.slice(..).get_mapped_range().expect("mapped")[0];
            staging.unmap();
            first
        });
    });
}

criterion_group!(benches, host);
criterion_main!(benches);
