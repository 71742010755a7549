//! Labels: out of range, ignored.

use gpu_loss::loss::{EmptyMean, Kind};
use gpu_loss::{Batch, Error, Reduction, SoftmaxCe};
use ndarray::{Array2, array};

use crate::common::each::under_every_strategy;
use crate::common::plain;
use crate::common::values::{all_near, all_zero, grad_of, near};

/// PyTorch#40858, tensorflow#8484, cut-cross-entropy#59: labels outside the classes read out of bounds, or are clamped
/// to a class without a word.
///
/// Seen to fail: with the label clamped to the last class in `target/labels.wgsl`.
#[test]
fn labels_out_of_range_are_neither_read_nor_clamped() {
    let scores = Array2::<f32>::zeros((4, 5));
    under_every_strategy(Kind::SoftmaxCe, &[4, 5], |gpu| {
        for (label, count) in [(5_i64, 1), (-1, 1), (1 << 40, 1)] {
            let labels = [0, 1, label, 4];
            let error = gpu.softmax_ce(&Batch::new(scores.view(), &labels)).expect_err("out of range");
            let Error::ClassOutOfRange { row, class, classes, count: counted } = error else { panic!("{error}") };
            assert_eq!((row, class, classes, counted), (2, label, 5, count));
        }
    });
}

/// Liger-Kernel#177, aiter#5165: with every label ignored the mean divides by zero, and the gradient is infinite.
///
/// Seen to fail: with `reduce/scan_finish.wgsl` dividing by the weights although they are 0.
#[test]
fn every_label_ignored() {
    let scores = array![[1.0_f32, -2.0, 3.0], [0.0, 5.0, 0.5]];
    under_every_strategy(Kind::SoftmaxCe, &[2, 3], |gpu| {
        let loss = SoftmaxCe::default().ignore_index(-100);
        let batch = Batch::new(scores.view(), &[-100_i64, -100]);
        let out = gpu.run(&loss, &batch).expect("legal");
        assert!(out.loss.is_nan());
        all_zero(grad_of(&out));
        let out = gpu.run(&loss.empty_mean(EmptyMean::Zero), &batch).expect("legal");
        assert_eq!(out.loss, 0.0);
        all_zero(grad_of(&out));
    });
}

/// burn#5568, TransformerEngine#2476: ignored rows count in the mean.
///
/// Seen to fail: with `reduce/scan_labels.wgsl` counting every row that is not bad.
#[test]
fn ignored_rows_are_not_in_the_mean() {
    let scores = Array2::<f32>::zeros((5, 4));
    for kind in [Kind::SoftmaxCe, Kind::SigmoidCe] {
        under_every_strategy(kind, &[5, 4], |gpu| {
            let mut spec = plain(kind);
            spec.ignore_index = Some(-100);
            let batch = Batch::new(scores.view(), &[-100_i64, 2, -100, -100, 0]);
            let out = gpu.run(&spec, &batch).expect("legal");
            // Two rows' ln 4 over 2, or eight elements' ln 2 over 8.
            let (loss, g) = if kind == Kind::SoftmaxCe { (4.0_f64.ln(), 0.125) } else { (2.0_f64.ln(), 0.0625) };
            near(out.loss, loss);
            near(grad_of(&out)[[1, 0]], g);
        });
    }
}

/// PyTorch#63004: a class that is ignored as a label is left out of the other rows' softmax.
///
/// Seen to fail: with −∞ for the score of the ignored class in the sums of `loss/softmax.wgsl`.
#[test]
fn an_ignored_class_is_still_a_class() {
    let scores = array![[4.0_f32, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]];
    under_every_strategy(Kind::SoftmaxCe, &[2, 6], |gpu| {
        for ignored in [0_i64, 3] {
            let loss = SoftmaxCe::default().ignore_index(ignored);
            let labels = [ignored, 5];
            let batch = Batch::new(scores.view(), &labels).with_lse();
            let out = gpu.run(&loss, &batch).expect("legal");
            near(out.loss, 6.0_f64.ln());
            near(out.lse.clone().expect("wanted")[[1]], 6.0_f64.ln());
            let sixth = 1.0 / 6.0;
            all_near(grad_of(&out).row(1), &[sixth, sixth, sixth, sixth, sixth, sixth - 1.0]);
            all_zero(grad_of(&out).row(0));
        }
    });
}

/// PyTorch#69339: class weights, smoothing and an ignored label together read `weight[-100]`.
///
/// Seen to fail: with `reduce/scan_labels.wgsl` adding up the weights of ignored labels too.
#[test]
fn weights_smoothing_and_ignored_labels() {
    let scores = Array2::<f32>::zeros((3, 4));
    under_every_strategy(Kind::SoftmaxCe, &[3, 4], |gpu| {
        let loss = SoftmaxCe::default().class_weights([1.0, 2.0, 4.0, 8.0]).label_smoothing(0.5).ignore_index(-100);
        let batch = Batch::new(scores.view(), &[1_i64, -100, 2]).with_losses();
        let out = gpu.run(&loss, &batch).expect("legal");
        // A = w_y/2 + (1 + 2 + 4 + 8)/8: 2.875 and 3.875, each times ln 4, over w_y's sum 6.
        near(out.loss, (2.875 + 3.875) * 4.0_f64.ln() / 6.0);
        let losses = out.losses.clone().expect("wanted");
        assert_eq!(losses[[1]], 0.0);
        near(losses[[2]], 3.875 * 4.0_f64.ln());
        // (A/4 − B_j)/6 with B = (1/8, 2/8 + 1, 4/8, 8/8) in row 0.
        let a = 2.875 / 4.0;
        all_near(grad_of(&out).row(0), &[(a - 0.125) / 6.0, (a - 1.25) / 6.0, (a - 0.5) / 6.0, (a - 1.0) / 6.0]);
        all_zero(grad_of(&out).row(1));
    });
}

/// burn#5568's other half: an ignored row under `Reduction::None` and `Sum` adds nothing, its NaN scores included.
///
/// Seen to fail: with `row/results.wgsl` giving ignored rows the loss of rows that mean nothing, NaN.
#[test]
fn ignored_rows_add_nothing_to_a_sum() {
    let scores = array![[f32::NAN, f32::NAN, f32::NAN], [0.0, 0.0, 0.0]];
    under_every_strategy(Kind::SoftmaxCe, &[2, 3], |gpu| {
        for reduction in [Reduction::None, Reduction::Sum] {
            let loss = SoftmaxCe::default().ignore_index(2).z_loss(0.5).reduction(reduction);
            let out = gpu.run(&loss, &Batch::new(scores.view(), &[2_i64, 0])).expect("legal");
            let ln3 = 3.0_f64.ln();
            near(out.loss, ln3 + 0.5 * ln3 * ln3);
            all_zero(grad_of(&out).row(0));
        }
    });
}
