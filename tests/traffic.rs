//! What plans move, as they tell it.

mod common;

use common::{adapters, name};
use gpu_loss::loss::Loss;
use gpu_loss::plan::Traffic;
use gpu_loss::{Dtype, GpuLoss, Layout, Shape, SoftmaxCe};

fn traffic(gpu: &GpuLoss, loss: &impl Loss, layout: &Layout) -> Vec<Traffic> {
    gpu.plan(loss, layout).unwrap_or_else(|error| panic!("{}: {error}", name(gpu))).traffic()
}

/// (read, written) of one buffer; of none, (0, 0).
fn of(traffic: &[Traffic], buffer: &str) -> (u64, u64) {
    traffic.iter().find(|t| t.buffer == buffer).map_or((0, 0), |t| (t.read, t.written))
}

fn total(traffic: &[Traffic]) -> u64 {
    traffic.iter().map(|t| t.read + t.written).sum()
}

/// Scores in, gradients out, labels of 8 bytes, the loss.
fn least(shape: &Shape, dtype: Dtype) -> u64 {
    (2 * shape.elements() * dtype.size() + 8 * shape.rows() + 4) as u64
}

#[test]
fn rows_in_registers_move_hardly_more_than_they_must() {
    for gpu in adapters() {
        // Without subgroups, a row stays in the registers of one thread.
        let lengths = if gpu.subgroups().is_some() { [500, 1000, 1024] } else { [112, 120, 128] };
        for dtype in [Dtype::F32, Dtype::F16, Dtype::Bf16] {
            for classes in lengths {
                let shape = Shape::new(4096, classes);
                let moved = traffic(&gpu, &SoftmaxCe::default(), &Layout::forward_backward(shape, dtype));
                let ratio = total(&moved) as f64 / least(&shape, dtype) as f64;
                assert!((1.0..1.02).contains(&ratio), "{} {dtype:?} {classes}: {ratio}, {moved:?}", name(&gpu));
            }
        }
    }
}

#[test]
fn labels_are_read_once_where_the_denominator_is_known() {
    for gpu in adapters() {
        let layout = Layout::forward_backward(Shape::new(10_000, 10), Dtype::F32);
        let labels = |loss: SoftmaxCe| of(&traffic(&gpu, &loss, &layout), "targets");
        assert_eq!(labels(SoftmaxCe::default()), (80_000, 0), "{}", name(&gpu));
        assert_eq!(labels(SoftmaxCe::default().ignore_index(-100)), (160_000, 0), "{}", name(&gpu));
        let known = SoftmaxCe::default().ignore_index(-100).denominator(9000.0);
        assert_eq!(labels(known), (80_000, 0), "{}", name(&gpu));
    }
}

#[test]
fn rows_too_long_for_registers_are_read_twice() {
    for gpu in adapters() {
        let shape = Shape::new(256, 100_000);
        let bytes = 4 * shape.elements() as u64;
        let moved = traffic(&gpu, &SoftmaxCe::default(), &Layout::forward_backward(shape, Dtype::F32));
        assert_eq!(of(&moved, "scores"), (2 * bytes, 0), "{}", name(&gpu));
        assert_eq!(of(&moved, "grad"), (0, bytes), "{}", name(&gpu));
        let alone = traffic(&gpu, &SoftmaxCe::default(), &Layout::forward(shape, Dtype::F32));
        assert_eq!(of(&alone, "scores"), (bytes, 0), "{}", name(&gpu));
        let in_place = Layout::forward_backward(shape, Dtype::F32).in_place();
        let over = traffic(&gpu, &SoftmaxCe::default(), &in_place);
        assert_eq!((of(&over, "scores"), of(&over, "grad")), ((2 * bytes, bytes), (0, 0)), "{}", name(&gpu));
    }
}
