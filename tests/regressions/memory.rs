//! What lies where on the device: strides, gradients in place, statistics kept for later.

use gpu_loss::Dtype;
use gpu_loss::loss::Kind;
use ndarray::{ArrayD, IxDyn};

use crate::common::device::{Variation, Way, difference};
use crate::common::each::under_every_strategy;
use crate::common::random::Random;
use crate::common::{Case, OwnedTargets, plain};

fn case(dims: &[usize], scores: impl FnMut() -> f32) -> Case {
    let labels = ArrayD::from_shape_simple_fn(IxDyn(&dims[..1]), || 1_i64);
    let scores = ArrayD::from_shape_simple_fn(IxDyn(dims), scores);
    let name = format!("{dims:?}");
    Case::new(name, plain(Kind::SoftmaxCe), scores, Dtype::F32, OwnedTargets::Classes(labels))
}

fn check(case: &Case, v: Variation) {
    let want = case.reference().expect("legal");
    under_every_strategy(Kind::SoftmaxCe, case.scores.shape(), |gpu| {
        let output = case.run_on_device(gpu, &v).expect("legal");
        let difference = difference(&output, case.dtype, &want);
        assert!(difference.kept(), "{v:?}: {difference:?}");
    });
}

/// TransformerEngine#2734: a row stride other than C was taken for C, without a word.
///
/// Seen to fail: with `scores_stride: dense_step` in `row_chunk` of `src/schedule/rows.rs`.
#[test]
fn rows_that_do_not_touch() {
    let mut r = Random(2734);
    let case = case(&[9, 6], || r.normal());
    for (scores_gap, grad_gap) in [(2, 0), (0, 2), (3, 5)] {
        check(&case, Variation { scores_gap, grad_gap, ..Variation::PLAIN });
    }
}

/// Liger-Kernel#272: the gradient was written over scores that a later pass still needed. Here a forward plan whose
/// gradient will replace the scores must leave them to the backward plan.
///
/// Seen to fail: with `row_chunk` of `src/schedule/rows.rs` writing the gradient wherever it is in place.
#[test]
fn scores_are_there_until_the_backward_pass() {
    let mut r = Random(272);
    let case = case(&[9, 7], || r.normal());
    check(&case, Variation { way: Way::Halves, in_place: true, ..Variation::PLAIN });
}

/// Liger-Kernel PR#1329, on the way back: a gradient made from saved results, p_y − 1 of a confident row, had lost its
/// digits.
///
/// Seen to fail: with `row/gradient.wgsl` taking a saved `top + log1p(rest)` as the top and a rest of 0.
#[test]
fn saved_statistics_keep_the_digits_of_confident_rows() {
    let mut turn = 0_u32;
    // Class 1 of three leads by 15, around scores of 1,000: 1 − p_y is about 6e-7.
    let case = case(&[6, 3], || {
        turn += 1;
        1000.0 + if turn % 3 == 2 { 15.0 } else { 0.0 }
    });
    check(&case, Variation { way: Way::Halves, ..Variation::PLAIN });
}
