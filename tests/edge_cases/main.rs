//! The edge cases of the contract, one test each, on every adapter under every strategy: what must come out is written
//! down here, not taken from the reference.

#[path = "../common/mod.rs"]
mod common;

mod extremes;
mod ignored;
mod large;
mod masks;
mod missing;
mod pairs;
mod refused;
mod sizes;
mod spatial;
mod teacher;
mod teacher_of_elements;
mod views;

use common::values::{all_nan, all_near, all_zero, near};
use gpu_loss::batch::Element;
use gpu_loss::loss::{Kind, Spec};
use gpu_loss::{Batch, GpuLoss, Output, Reduction, Targets};
use ndarray::{Array2, ArrayD, ArrayViewD, Axis, IxDyn};

const INFINITY: f32 = f32::INFINITY;
const MASK: f32 = f32::NEG_INFINITY;

/// Everything that a loss of rows can give.
fn rows<'a, T: Element>(
    gpu: &GpuLoss,
    spec: &Spec,
    scores: ArrayViewD<'a, T>,
    targets: Targets<'a>,
) -> Output<T, IxDyn> {
    let mut batch = Batch::new(scores, targets).with_losses().with_argmax().with_correct();
    if spec.kind.is_softmax() {
        batch = batch.with_lse();
    }
    gpu.run(spec, &batch).unwrap_or_else(|error| panic!("{error}"))
}

/// The same rows as `[N, C]`, and as `[1, C, N]`, where classes lie apart.
fn both_ways(scores: &Array2<f32>, test: impl Fn(ArrayD<f32>, Vec<usize>)) {
    let n = scores.nrows();
    test(scores.clone().into_dyn(), vec![n]);
    test(scores.t().insert_axis(Axis(0)).as_standard_layout().into_owned().into_dyn(), vec![1, n]);
}

fn shaped<E: Clone>(dims: &[usize], elements: &[E]) -> ArrayD<E> {
    ArrayD::from_shape_vec(IxDyn(dims), elements.to_vec()).expect("as many as the shape has")
}

/// A row of a gradient that came from either way.
fn row<T: Clone>(grad: &ArrayD<T>, row: usize) -> Vec<T> {
    match grad.ndim() {
        2 => grad.index_axis(Axis(0), row).iter().cloned().collect(),
        _ => grad.index_axis(Axis(2), row).iter().cloned().collect(),
    }
}

/// Those over a softmax: with every option neutral, each is the cross-entropy.
const SOFTMAX: [Kind; 3] = [Kind::SoftmaxCe, Kind::SoftmaxFocal, Kind::Poly1];
const REDUCTIONS: [Reduction; 4] = [Reduction::None, Reduction::Sum, Reduction::Mean, Reduction::BatchMean];
