//! `ignore_index`: rows that count for nothing.

use crate::common::each::{on_every_adapter, under_every_strategy};
use crate::common::values::grad_of;
use crate::common::{of_labels, plain};
use crate::{REDUCTIONS, SOFTMAX, all_near, all_zero, both_ways, near, row, rows, shaped};
use gpu_loss::loss::{EmptyMean, Kind, Loss, Spec};
use gpu_loss::{Batch, Error, Reduction, SigmoidCe, SoftmaxCe, Targets};
use ndarray::{Array2, Axis, array};

/// The ignored row holds NaN: it is not read. Five equal scores: −log p = lse = ln 5; with z = 1/2 another lse²/2.
#[test]
fn ignored_rows_count_for_nothing() {
    let mut scores = Array2::zeros((3, 5));
    scores.row_mut(1).fill(f32::NAN);
    let spec = SoftmaxCe::default().ignore_index(-100).z_loss(0.5).label_smoothing(0.25).spec();
    let ln5 = 5.0_f64.ln();
    under_every_strategy(Kind::SoftmaxCe, &[3, 5], |gpu| {
        both_ways(&scores, |scores, row_dims| {
            // Down the classes another strategy serves.
            let gpu = &if scores.ndim() == 3 { gpu.with_strategy(None) } else { gpu.clone() };
            let out = rows(gpu, &spec, scores.view(), Targets::from(&shaped(&row_dims, &[1_i64, -100, 4])));
            near(out.loss, ln5 + 0.5 * ln5 * ln5);
            let losses: Vec<f32> = out.losses.clone().expect("wanted").iter().copied().collect();
            let lse: Vec<f32> = out.lse.clone().expect("wanted").iter().copied().collect();
            assert_eq!((losses[1], lse[1]), (0.0, 0.0));
            near(losses[2], ln5 + 0.5 * ln5 * ln5);
            near(lse[0], ln5);
            assert_eq!(out.argmax.clone().expect("wanted").iter().copied().collect::<Vec<_>>(), [0, u32::MAX, 0]);
            assert_eq!(out.correct, Some(0));
            all_zero(&row(grad_of(&out), 1));
            // ((1 + 2z·lse)/5 − B_j)/2, B = 3/4 + 1/20 at the true class and 1/20 elsewhere.
            let other = ((1.0 + ln5) / 5.0 - 0.05) / 2.0;
            all_near(&row(grad_of(&out), 2), &[other, other, other, other, other - 0.375]);
        });
    });
}

/// Class 0 is ignored as a label, and has its part in the softmax of the other row all the same.
#[test]
fn an_ignored_class_stays_in_other_rows() {
    let scores = array![[3.0_f32, 1.0, 1.0], [0.0, 0.0, 0.0]];
    under_every_strategy(Kind::SoftmaxCe, &[2, 3], |gpu| {
        for kind in SOFTMAX {
            let mut spec = Spec::plain(kind);
            spec.ignore_index = Some(0);
            let out = rows(gpu, &spec, scores.view().into_dyn(), Targets::from(&[0_i64, 2]));
            near(out.loss, 3.0_f64.ln());
            all_near(&row(grad_of(&out), 1), &[1.0 / 3.0, 1.0 / 3.0, -2.0 / 3.0]);
            all_zero(&row(grad_of(&out), 0));
        }
    });
}

/// 2³² has the low word of class 0, which must stay a class.
#[test]
fn any_integer_can_be_ignored() {
    let scores = Array2::<f32>::zeros((3, 4));
    let value = 4.0_f64.ln();
    on_every_adapter(|gpu| {
        for ignored in [-100, -1, i64::MIN, i64::MAX, 1 << 32, 4, 255] {
            let loss = SoftmaxCe::default().ignore_index(ignored).reduction(Reduction::Sum);
            let out = gpu.run(&loss, &Batch::new(scores.view(), &[0, ignored, 3])).expect("legal");
            near(out.loss, 2.0 * value);
            all_zero(grad_of(&out).row(1));
            all_near(grad_of(&out).row(0), &[-0.75, 0.25, 0.25, 0.25]);
        }
        let loss = SoftmaxCe::default().ignore_index(-1);
        let out = gpu.run(&loss, &Batch::new(scores.view(), &[0_i32, -1, 3])).expect("legal");
        near(out.loss, value);
        // A u32 is never −1, but may be 2³² − 1.
        let labels = [0, u32::MAX, 3];
        let error = gpu.run(&loss, &Batch::new(scores.view(), &labels)).expect_err("a bad label");
        assert!(
            matches!(error, Error::ClassOutOfRange { row: 1, class: 0xffff_ffff, classes: 4, count: 1 }),
            "{error}"
        );
        let loss = SoftmaxCe::default().ignore_index(i64::from(u32::MAX));
        let out = gpu.run(&loss, &Batch::new(scores.view(), &labels)).expect("legal");
        near(out.loss, value);
    });
}

/// An ignored row's elements are not counted: two of three rows, u = 0 everywhere: ln 2 each.
#[test]
fn ignored_rows_of_sigmoid_losses() {
    let mut scores = Array2::<f32>::zeros((3, 5));
    scores.row_mut(1).fill(f32::NAN);
    under_every_strategy(Kind::SigmoidCe, &[3, 5], |gpu| {
        let loss = SigmoidCe::default().ignore_index(-1);
        let batch = Batch::new(scores.view(), &[0_i64, -1, 4]).with_losses();
        let out = gpu.run(&loss, &batch).expect("legal");
        near(out.loss, 2.0_f64.ln());
        all_zero(grad_of(&out).row(1));
        all_zero(out.losses.clone().expect("wanted").index_axis(Axis(0), 1));
        all_near(grad_of(&out).row(2), &[0.05, 0.05, 0.05, 0.05, -0.05]);
    });
}

/// Nothing to divide by: the sums are 0, the mean NaN or 0 on request, over the caller's denominator 0.
#[test]
fn all_rows_ignored() {
    let scores = Array2::<f32>::from_elem((3, 5), 0.5);
    on_every_adapter(|gpu| {
        for kind in of_labels() {
            for (reduction, empty_mean) in
                REDUCTIONS.into_iter().flat_map(|r| [EmptyMean::Nan, EmptyMean::Zero].map(|e| (r, e)))
            {
                for denominator in [None, Some(4.0)] {
                    if denominator.is_some() && reduction != Reduction::Mean {
                        continue;
                    }
                    let mut spec = plain(kind);
                    (spec.reduction, spec.empty_mean, spec.ignore_index) = (reduction, empty_mean, Some(-7));
                    spec.denominator = denominator;
                    let batch = Batch::new(scores.view(), &[-7_i64, -7, -7]).with_losses();
                    let out = gpu.run(&spec, &batch).expect("legal");
                    let nan = reduction == Reduction::Mean && empty_mean == EmptyMean::Nan && denominator.is_none();
                    assert!(if nan { out.loss.is_nan() } else { out.loss == 0.0 }, "{spec:?}: {}", out.loss);
                    all_zero(grad_of(&out));
                    all_zero(&out.losses.clone().expect("wanted"));
                }
            }
        }
    });
}
