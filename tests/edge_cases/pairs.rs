//! InfoNCE over matrices of similarities: the diagonal, given positives, both directions.

use crate::common::each::on_every_adapter;
use crate::common::values::grad_of;
use crate::{all_near, all_zero, near};
use gpu_loss::batch::f16;
use gpu_loss::loss::InfoNce;
use gpu_loss::{Batch, Dtype, Error, Layout, Reduction, Shape, reference};
use ndarray::{Array2, array};

/// Scores 0: p = 1/M along rows, 1/N down columns.
#[test]
fn equal_similarities_in_both_directions() {
    let scores = Array2::<f32>::zeros((2, 4));
    let positives = InfoNce::diagonal(2);
    on_every_adapter(|gpu| {
        let loss = InfoNce::default().temperature(0.5).symmetric(true);
        let out = gpu.run(&loss, &Batch::new(&scores, &positives).with_losses().with_argmax()).expect("computed");
        near(out.loss, 0.5 * (4.0_f64.ln() + 2.0_f64.ln()));
        // Each direction halved, over two rows, over τ: (1/4 − 1)/2 + (1/2 − 1)/2 and so on; far columns have rows alone.
        let (pair, other, far) = (-0.625, 0.375, 0.125);
        all_near(grad_of(&out), &[pair, other, far, far, other, pair, far, far]);
        let losses = out.losses.expect("asked for");
        near(losses[0], 0.5 * (4.0_f64.ln() + 2.0_f64.ln()));
        // One pair, and one row.
        let one = gpu.run(&loss, &Batch::new(&array![[3.0_f32]], &InfoNce::diagonal(1))).expect("computed");
        assert_eq!(one.loss, 0.0);
        all_zero(grad_of(&one));
    });
}

#[test]
fn both_directions_keep_the_promise_in_16_bits_too() {
    let scores = Array2::from_shape_fn((67, 70), |(r, c)| ((r * 31 + c * 17) % 41) as f32 * 0.05 - 1.0);
    let halves = scores.mapv(f16::from_f32);
    let positives = InfoNce::diagonal(67);
    on_every_adapter(|gpu| {
        for reduction in [Reduction::Mean, Reduction::Sum, Reduction::None] {
            let loss = InfoNce::default().temperature(0.07).symmetric(true).reduction(reduction);
            let batch = Batch::new(&scores, &positives).with_losses().with_lse();
            let difference = reference::compare(
                &gpu.run(&loss, &batch).expect("computed"),
                &reference::run(&loss, &batch).expect("a reference"),
            );
            assert!(difference.kept(), "{reduction:?}: {difference:?}");
            let batch = Batch::new(&halves, &positives);
            let difference = reference::compare(
                &gpu.run(&loss, &batch).expect("computed"),
                &reference::run(&loss, &batch).expect("a reference"),
            );
            assert!(difference.kept(), "f16 {reduction:?}: {difference:?}");
        }
    });
}

/// The gradient by the temperature against differences of the reference's losses.
#[test]
fn gradient_by_the_temperature() {
    let scores = array![[0.5_f32, -0.25, 0.75], [0.125, 0.5, -1.0]];
    let positives = InfoNce::diagonal(2);
    let batch = Batch::new(&scores, &positives);
    for symmetric in [false, true] {
        let loss = |temperature: f32| InfoNce::default().temperature(temperature).symmetric(symmetric);
        let at = |temperature: f32| reference::run(&loss(temperature), &batch).expect("a reference").loss;
        let step = 1.0 / 256.0;
        let central = |step: f32| (at(0.5 + step) - at(0.5 - step)) / (2.0 * f64::from(step));
        let expected = (4.0 * central(step / 2.0) - central(step)) / 3.0;
        on_every_adapter(|gpu| {
            let out = gpu.run(&loss(0.5), &batch).expect("computed");
            let got = loss(0.5).temperature_gradient(&scores.view(), &grad_of(&out).view());
            assert!((got - expected).abs() < 1e-5 * expected.abs() + 1e-6, "{got}, expected {expected}");
        });
    }
}

#[test]
fn what_is_not_symmetric_is_an_error() {
    let (wide, tall) = (Array2::<f32>::zeros((2, 3)), Array2::<f32>::zeros((3, 2)));
    let loss = InfoNce::default().symmetric(true);
    on_every_adapter(|gpu| {
        for error in [
            gpu.run(&loss, &Batch::new(&tall, &[0_i64, 1, 1])).expect_err("more rows than columns"),
            gpu.run(&loss, &Batch::new(&wide, &[1_i64, 0])).expect_err("off the diagonal"),
            gpu.run(&loss.clone().ignore_index(-1), &Batch::new(&wide, &[0_i64, 1])).expect_err("ignored rows"),
        ] {
            assert!(matches!(error, Error::Unsupported { loss: "info_nce", .. }), "{error}");
        }
        let layout = Layout::forward_backward(Shape::new(2, 3), Dtype::F32);
        assert!(matches!(gpu.plan(&loss, &layout), Err(Error::Layout { .. })));
        // Given positives along the rows alone.
        let rows = gpu.run(&InfoNce::default(), &Batch::new(&wide, &[2_i64, 0])).expect("computed");
        near(rows.loss, 3.0_f64.ln());
    });
}
