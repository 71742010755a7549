//! As many elements as one buffer of the adapter holds, past 2³² where it allows: every gradient checked. It takes
//! minutes and gigabytes, so it only runs on request:
//!
//!     GPU_LOSS_HUGE=1 cargo test --release --test huge -- --nocapture

mod common;

use common::device::submit;
use common::memory::{Arena, download};
use common::random::Random;
use common::values::grad_of;
use common::{Case, OwnedTargets, adapters, name, plain};
use gpu_loss::batch::bf16;
use gpu_loss::loss::Kind;
use gpu_loss::{Buffers, Dtype, GpuLoss, Layout, Reduction, Shape, wgpu};
use ndarray::{ArrayD, IxDyn};

/// An odd vocabulary, so that rows share words, and rows enough for a pattern that repeats.
const CLASSES: usize = 50_257;
const PATTERN: usize = 64;

#[test]
fn every_element_of_a_buffer_as_large_as_they_come() {
    if std::env::var_os("GPU_LOSS_HUGE").is_none() {
        common::skip(
            "every_element_of_a_buffer_as_large_as_they_come",
            "takes minutes and gigabytes: GPU_LOSS_HUGE=1, or --full",
        );
        return;
    }
    for gpu in adapters() {
        let elements = (gpu.device().limits().max_buffer_size / 2).min((1 << 32) + (1 << 28)) as usize;
        let rows = elements / (CLASSES * PATTERN) * PATTERN;
        let mut r = Random(1);
        let scores = ArrayD::from_shape_simple_fn(IxDyn(&[PATTERN, CLASSES]), || {
            bf16::from_f32((r.unit() - 0.5) * 16.0).to_f32()
        });
        let labels: Vec<i64> = (0..PATTERN).map(|_| r.below(CLASSES) as i64).collect();
        let mut spec = plain(Kind::SoftmaxCe);
        spec.reduction = Reduction::Sum;
        let targets = OwnedTargets::Classes(ArrayD::from_shape_vec(IxDyn(&[PATTERN]), labels).expect("shape"));
        let case = Case::new("pattern", spec, scores, Dtype::Bf16, targets);
        let checked = repeated(&gpu, &case, rows);
        println!("{}: {checked} elements checked, {rows} rows of {CLASSES}", name(&gpu));
    }
}

/// Runs the case's rows over and over, in place, and compares each with what the case alone comes to.
fn repeated(gpu: &GpuLoss, case: &Case, rows: usize) -> usize {
    let (difference, alone) = case.difference(gpu).expect("the pattern runs");
    assert!(difference.kept(), "{difference:?}");
    let bytes_of = |values: &mut dyn Iterator<Item = f64>| -> Vec<u8> {
        values.flat_map(|v| bf16::from_f64(v).to_le_bytes()).collect()
    };
    let scores = bytes_of(&mut case.scores.iter().map(|v| f64::from(*v)));
    let expected = bytes_of(&mut grad_of(&alone).iter().copied());
    let OwnedTargets::Classes(labels) = &case.targets else { unreachable!() };

    let size = (rows * CLASSES * 2) as u64;
    let large = gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: Some("scores"),
        size: size.next_multiple_of(16),
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    for at in (0..size).step_by(scores.len()) {
        gpu.queue().write_buffer(&large, at, &scores);
        gpu.queue().submit([]);
        gpu.device().poll(wgpu::PollType::wait_indefinitely()).expect("polled");
    }
    let mut arena = Arena::default();
    arena.put("targets", bytemuck::cast_slice(&labels.iter().copied().cycle().take(rows).collect::<Vec<i64>>()));
    arena.room("loss", 4);
    let small = arena.upload(gpu);
    let targets = arena.slice(&small, "targets").expect("targets");
    let layout = Layout::forward_backward(Shape::new(rows, CLASSES), Dtype::Bf16).in_place();
    let plan = gpu.plan(&case.spec, &layout).expect("a plan");
    let buffers = Buffers::new(&large, targets).loss(arena.slice(&small, "loss").expect("loss"));
    submit(gpu, [(&plan, buffers)].into_iter()).expect("submitted");
    plan.read_status().expect("no bad labels");

    let piece = gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: Some("piece"),
        size: scores.len() as u64,
        usage: wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    for at in (0..size).step_by(scores.len()) {
        let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(&large, at, &piece, 0, scores.len() as u64);
        gpu.queue().submit([encoder.finish()]);
        assert!(download(gpu, &piece) == expected, "rows from {} on", at / 2 / CLASSES as u64);
    }
    let bytes = download(gpu, &small);
    let loss = arena.read(&bytes, "loss").expect("loss");
    let loss = f64::from(f32::from_le_bytes([loss[0], loss[1], loss[2], loss[3]]));
    let want = f64::from(alone.loss) * (rows / PATTERN) as f64;
    assert!((loss - want).abs() <= 1e-5 * want, "{loss} {want}");
    rows * CLASSES
}
