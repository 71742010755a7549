//! Right results that were withheld under options and scores far out, and wrong ones that were.

use gpu_loss::loss::{InfoNce, Kind};
use gpu_loss::{Batch, Error, Reduction, SigmoidCe, SigmoidFocal, SoftmaxCe};
use ndarray::{Array2, array};

use crate::common::each::{on_every_adapter, under_every_strategy};
use crate::common::values::{grad_of, near};
use crate::numbers::kept;

/// exp(u) as exp2(u·log₂e) has a rounding of the product in it, |u|·6e-8 of σ(u): twice what is promised where a soft target
/// is σ(u) but for its last digit.
///
/// Seen to fail: gradients at 210 % of the promise, before `exp_nonpositive_exact`.
#[test]
fn soft_targets_that_meet_predictions_far_out() {
    let scores = Array2::from_shape_fn((40, 101), |(r, c)| -10.0 - 0.00613 * (r * 101 + c) as f32);
    let targets = scores.mapv(|u| (f64::from(u).exp() / (1.0 + f64::from(u).exp())) as f32);
    let (other_scores, other_targets) = (scores.mapv(|u| -u), targets.mapv(|t| 1.0 - t));
    on_every_adapter(|gpu| {
        for (u, t) in [(&scores, &targets), (&other_scores, &other_targets)] {
            let batch = Batch::new(u.view(), t.view());
            kept(gpu, &SigmoidCe::default(), &batch);
            kept(gpu, &SigmoidCe::default().reduction(Reduction::None), &batch);
            kept(gpu, &SigmoidFocal::default().gamma(0.0), &batch);
        }
    });
}

/// 1e38·softplus(−100) = 3.7e-6, though f32 does not hold softplus(−100) = 3.7e-44.
///
/// Seen to fail: a loss of 0, at 186 % of the promise, before `sigmoid_ce.wgsl` lifted exp(−|u|).
#[test]
fn a_huge_positive_weight_beside_a_certain_prediction() {
    let scores = array![[100.0_f32, 97.0, 103.0, 90.0, 60.0, -100.0, f32::INFINITY, 1.0]];
    let ones = scores.mapv(|_| 1_u8);
    let soft = scores.mapv(|_| 0.75_f32);
    let q = [1e38; 8];
    under_every_strategy(Kind::SigmoidCe, &[1, 8], |gpu| {
        let loss = SigmoidCe::default().pos_weight(q).reduction(Reduction::None);
        kept(gpu, &loss, &Batch::new(scores.view(), ones.view()));
        kept(gpu, &loss, &Batch::new(scores.view(), soft.view()));
        let out = gpu.run(&loss, &Batch::new(scores.view(), ones.view())).expect("legal");
        let losses = out.losses.clone().expect("unreduced");
        let due = 1e38 * (-100.0_f64).exp();
        near(losses[[0, 0]], due);
        assert!((f64::from(-grad_of(&out)[[0, 0]]) / due - 1.0).abs() < 2e-5, "{}", grad_of(&out)[[0, 0]]);
        assert_eq!(losses[[0, 6]], 0.0);
    });
}

/// Scores whose differences are more than f32 holds, at a scale that makes them ordinary again.
///
/// Seen to fail: at 1.2e-38 a loss of 2.4 for 2.4186, when differences were scaled.
#[test]
fn scales_that_make_ordinary_scores_of_the_largest() {
    let scores = array![[3e38_f32, -3e38, 1.0], [-3e38, 3e38, 0.0], [-3.4e38, -3.4e38, 3.4e38]];
    let labels = [1_i64, 1, 2];
    under_every_strategy(Kind::SoftmaxCe, &[3, 3], |gpu| {
        for scale in [1.2e-38_f32, 3e-38, 1e-37, 3e-37, 1e-36] {
            let batch = || Batch::new(scores.view(), &labels).with_losses().with_lse();
            kept(gpu, &SoftmaxCe::default().logit_scale(scale), &batch());
            kept(gpu, &SoftmaxCe::default().logit_scale(scale).label_smoothing(0.1), &batch());
        }
    });
}

/// What a device takes for 0, or f32 has no inverse of, is refused by its name: it was a loss of 0, or NaN.
#[test]
fn scales_and_temperatures_that_mean_nothing_are_named() {
    let scores = array![[3e38_f32, -3e38]];
    let batch = Batch::new(scores.view(), &[0_i64]);
    on_every_adapter(|gpu| {
        for scale in [1e-45_f32, 1.1e-38] {
            let error = gpu.run(&SoftmaxCe::default().logit_scale(scale), &batch).expect_err("subnormal");
            assert!(matches!(error, Error::Option { option: "logit_scale", .. }), "{error}");
            assert!(error.to_string().contains("1.18e-38"), "{error}");
        }
        for temperature in [1e-45_f32, 1e-19, 1e19, f32::MAX] {
            let error = gpu.run(&InfoNce::default().temperature(temperature), &batch).expect_err("no inverse");
            assert!(error.to_string().contains("from 1e-18 to 1e18"), "{error}");
        }
    });
}

/// A share of ε/C below f32's normal numbers tells masks, and beside any other score counts for nothing: in its place stood
/// 2^−126, which the distance of the largest scores makes 8.
///
/// Seen to fail: a loss of 10.6 for 3e-7.
#[test]
fn next_to_no_smoothing_beside_the_largest_scores() {
    let scores = array![[3e38_f32, 0.0, -3e38], [-3e38, 3e38, 1.0], [1.0, -3e38, 2.0]];
    let masked = array![[0.0_f32, f32::NEG_INFINITY, 1.0], [0.0, 0.5, 1.0], [1.0, 2.0, 3.0]];
    let labels = [0_i64, 1, 2];
    under_every_strategy(Kind::SoftmaxCe, &[3, 3], |gpu| {
        let loss = SoftmaxCe::default().label_smoothing(1e-45);
        kept(gpu, &loss, &Batch::new(scores.view(), &labels).with_losses());
        kept(gpu, &loss, &Batch::new(masked.view(), &labels).with_losses());
        let out = gpu.run(&loss, &Batch::new(masked.view(), &labels).with_losses()).expect("legal");
        assert_eq!(out.losses.expect("wanted")[[0]], f32::INFINITY);
    });
}

/// Where a row's greatest score and its log Σ cancel, lse lacks digits that a huge z-loss makes felt: no f32 has them.
///
/// Seen to fail: a gradient at 93,000 % of the promise at z = 1e5, a loss at 627 % at 1e10.
#[test]
fn a_huge_z_loss_of_a_log_sum_exp_near_0() {
    let scores = Array2::from_shape_fn((8, 5), |(r, c)| ((r * 7 + c * 5) % 11) as f64 * 0.37 - 2.0);
    let lse = scores.map_axis(ndarray::Axis(1), |row| row.mapv(f64::exp).sum().ln());
    let normalised = Array2::from_shape_fn((8, 5), |at| (scores[at] - lse[at.0]) as f32);
    let labels = [0_i64, 1, 2, 3, 4, 0, 1, 2];
    under_every_strategy(Kind::SoftmaxCe, &[8, 5], |gpu| {
        for z in [1e-4, 1.0, 1e5, 1e6, 1e10, 1e20] {
            let batch = Batch::new(normalised.view(), &labels).with_losses();
            kept(gpu, &SoftmaxCe::default().z_loss(z), &batch);
        }
    });
}

/// A denominator or a weight near f32's ends beside a certain prediction: what f32 flushes to 0 is felt.
///
/// Seen to fail: a loss at 85,000 % of the promise, which no f32 can keep; the program says so in a note.
#[test]
fn factors_near_the_ends_of_f32_beside_a_certain_prediction() {
    let scores = array![[100.0_f32, 0.0, -3.0], [0.0, 95.0, 1.0]];
    let labels = [0_i64, 1];
    let hot = array![[1_u8, 0, 0], [0, 1, 0]];
    let huge = array![[1e38_f32, 1e38, 1e38], [1e38, 1e38, 1e38]];
    under_every_strategy(Kind::SoftmaxCe, &[2, 3], |gpu| {
        let batch = || Batch::new(scores.view(), &labels).with_losses();
        for denominator in [1.2e-38_f32, 3e-39, 1e-35] {
            kept(gpu, &SoftmaxCe::default().denominator(denominator), &batch());
        }
        for reduction in [Reduction::Sum, Reduction::None, Reduction::Mean] {
            kept(gpu, &SoftmaxCe::default().class_weights([1e38; 3]).reduction(reduction), &batch());
        }
        let up = array![1e38_f32, -1e38];
        kept(gpu, &SoftmaxCe::default().reduction(Reduction::None), &batch().upstream(up.view()));
    });
    under_every_strategy(Kind::SigmoidCe, &[2, 3], |gpu| {
        let batch = || Batch::new(scores.view(), hot.view());
        kept(gpu, &SigmoidCe::default().denominator(1.2e-38), &batch());
        kept(gpu, &SigmoidCe::default().reduction(Reduction::None), &batch().element_weights(huge.view()));
    });
}
