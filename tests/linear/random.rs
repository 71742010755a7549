//! Random shapes and options, every dimension odd in its turn.

use gpu_loss::batch::{bf16, f16};
use gpu_loss::linear::LinearCe;
use gpu_loss::loss::EmptyMean;
use gpu_loss::{Reduction, SoftmaxCe};
use ndarray::Array1;

use super::common::{Arrays, Random, run_both};
use super::parts::device::narrow;
use super::parts::each::on_every_adapter;

const SHAPES: [(usize, usize, usize); 8] =
    [(1, 1, 1), (2, 4, 3), (7, 5, 11), (65, 8, 129), (33, 12, 1000), (130, 33, 67), (66, 64, 513), (3, 20, 2049)];

fn options(number: usize, classes: usize) -> SoftmaxCe {
    let plain = SoftmaxCe::default();
    match number % 8 {
        0 => plain,
        1 => plain.label_smoothing(0.1).ignore_index(-100),
        2 => plain.softcap(3.0).reduction(Reduction::Sum),
        3 => plain.z_loss(1e-3).logit_scale(2.5).ignore_index(-100),
        4 => plain.reduction(Reduction::None).label_smoothing(0.2),
        5 => plain.class_weights((0..classes).map(|c| 0.25 + (c % 3) as f32).collect::<Vec<_>>()).ignore_index(-100),
        6 => plain.reduction(Reduction::BatchMean).softcap(2.0).logit_scale(0.5),
        _ => plain.denominator(12.5).label_smoothing(0.05).z_loss(1e-4),
    }
}

/// Bytes for so many rows' logits.
fn room(rows: usize, classes: usize) -> u64 {
    (rows * classes.next_multiple_of(4) * 4) as u64
}

#[test]
fn every_option_on_odd_shapes_in_chunks() {
    on_every_adapter(|gpu| {
        let mut random = Random(1);
        for (number, dims) in SHAPES.into_iter().enumerate() {
            let softmax = options(number, dims.2);
            let mut arrays = Arrays::<f32>::new(&mut random, dims, softmax.ignore_index.is_some(), |v| v);
            if number % 3 != 0 {
                arrays.bias = Some(Array1::from_shape_fn(dims.2, |_| random.next()));
            }
            let rows = if number % 2 == 0 { dims.0.div_ceil(3) } else { dims.0 };
            let loss = LinearCe::from(softmax).memory(room(rows, dims.2));
            run_both(gpu, &format!("{dims:?}, options {number}, chunks of {rows}"), &loss, &arrays.batch());
        }
    });
}

#[test]
fn halves_with_and_without_vectors() {
    on_every_adapter(|gpu| {
        let mut random = Random(2);
        for dims in [(9, 8, 37), (11, 7, 21), (5, 10, 6)] {
            let loss = LinearCe::from(SoftmaxCe::default().label_smoothing(0.1)).memory(room(3, dims.2));
            let mut arrays = Arrays::new(&mut random, dims, false, f16::from_f32);
            arrays.bias = Some(Array1::from_shape_fn(dims.2, |_| f16::from_f32(random.next())));
            run_both(gpu, &format!("f16 {dims:?}"), &loss, &arrays.batch());
            let arrays = Arrays::new(&mut random, dims, false, bf16::from_f32);
            run_both(gpu, &format!("bf16 {dims:?}"), &loss, &arrays.batch());
        }
    });
}

#[test]
fn upstream_gradients_arrive_row_by_row() {
    on_every_adapter(|gpu| {
        let mut random = Random(3);
        let mut arrays = Arrays::<f32>::new(&mut random, (13, 8, 40), true, |v| v);
        arrays.upstream = Some(Array1::from_shape_fn(13, |row| if row == 2 { f32::NAN } else { row as f32 - 4.0 }));
        let softmax = SoftmaxCe::default().reduction(Reduction::None).ignore_index(-100);
        let loss = LinearCe::from(softmax).memory(room(5, 40));
        run_both(gpu, "upstream", &loss, &arrays.batch());
    });
}

#[test]
fn frozen_sides_have_no_gradient_and_change_nothing_of_the_other() {
    on_every_adapter(|gpu| {
        let arrays = Arrays::<f32>::new(&mut Random(4), (13, 8, 40), false, |v| v);
        let loss = LinearCe::default();
        let all = gpu.linear_ce(&loss, &arrays.batch()).expect("runs");
        let hidden = gpu.linear_ce(&loss, &arrays.batch().frozen_weight()).expect("runs");
        let weight = gpu.linear_ce(&loss, &arrays.batch().frozen_hidden()).expect("runs");
        assert!(hidden.grad_weight.is_none() && weight.grad_hidden.is_none());
        assert_eq!((all.grad_hidden, all.grad_weight), (hidden.grad_hidden, weight.grad_weight));
    });
}

#[test]
fn nothing_counts_where_every_row_is_ignored() {
    on_every_adapter(|gpu| {
        let mut arrays = Arrays::<f32>::new(&mut Random(5), (6, 8, 11), false, |v| v);
        arrays.labels.fill(-100);
        arrays.hidden[[1, 1]] = f32::NAN;
        let softmax = SoftmaxCe::default().ignore_index(-100);
        let out = gpu.linear_ce(&softmax.clone().into(), &arrays.batch()).expect("runs");
        assert!(out.loss.is_nan() && out.losses.iter().all(|loss| *loss == 0.0));
        assert!(out.grad_hidden.expect("wanted").iter().all(|g| *g == 0.0));
        let zero = softmax.empty_mean(EmptyMean::Zero).into();
        assert_eq!(gpu.linear_ce(&zero, &arrays.batch()).expect("runs").loss, 0.0);
        assert_eq!(gpu.linear_ce(&zero, &arrays.batch().loss_only()).expect("runs").loss, 0.0);
    });
}

/// Bindings of 64 KiB: weights, their gradient and the bias are bound in three slabs of the vocabulary.
#[test]
fn a_vocabulary_in_slabs_is_the_whole() {
    on_every_adapter(|gpu| {
        let narrow = narrow(gpu, 1 << 16);
        let mut random = Random(6);
        let dims = (9, 12, 3001);
        let softmax = SoftmaxCe::default().label_smoothing(0.1).ignore_index(-100);
        let loss = LinearCe::from(softmax).memory(room(4, dims.2));
        let mut arrays = Arrays::<f32>::new(&mut random, dims, true, |v| v);
        arrays.bias = Some(Array1::from_shape_fn(dims.2, |_| random.next()));
        run_both(&narrow, "f32 in slabs", &loss, &arrays.batch());
        let arrays = Arrays::new(&mut random, dims, true, bf16::from_f32);
        run_both(&narrow, "bf16 in slabs", &loss, &arrays.batch());
    });
}
