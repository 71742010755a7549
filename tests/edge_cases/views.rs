//! Arrays that do not lie tight, and the two kinds of call.

use crate::common::each::{on_every_adapter, under_every_strategy};
use crate::common::values::grad_of;
use crate::{all_near, near};
use gpu_loss::loss::Kind;
use gpu_loss::{Batch, Error, GpuLoss, Reduction, SigmoidCe, SoftmaxCe, Targets};
use ndarray::{Array2, ArrayView2, array, s};

/// Bitwise as from tight copies.
fn as_from_tight_copies(gpu: &GpuLoss, scores: &ArrayView2<'_, f32>) {
    let (n, c) = scores.dim();
    let tight = scores.as_standard_layout().into_owned();
    let labels: ndarray::Array1<i64> = (0..2 * n as i64).map(|r| r % c as i64).collect();
    let spaced = labels.slice(s![..;-2]);
    let loss = SoftmaxCe::default();
    let got = gpu.run(&loss, &Batch::new(scores.view(), &spaced)).expect("legal");
    let want = gpu.run(&loss, &Batch::new(tight.view(), &spaced.to_vec())).expect("legal");
    assert_eq!((got.loss, got.grad), (want.loss, want.grad));

    let weights = Array2::from_shape_fn((c, n), |(c, r)| (c * 3 + r) as f32 * 0.25);
    let (v, up) = (weights.t(), weights.slice(s![..;-1, ..]).reversed_axes());
    let (tight_v, tight_up) = (v.as_standard_layout(), up.as_standard_layout());
    let hot = Array2::from_shape_fn((c, 2 * n), |(c, r)| u8::from((c + r) % 3 == 0));
    let hot = hot.slice(s![..;-1, ..;2]).reversed_axes();
    let soft = Array2::from_shape_fn((c, n), |(c, r)| ((c + r) % 5) as f32 * 0.25);
    let soft = soft.t();
    let (tight_hot, tight_soft) = (hot.as_standard_layout(), soft.as_standard_layout());
    let unreduced = SigmoidCe::default().reduction(Reduction::None);
    for (given, copied) in [
        (Targets::multi_hot(hot), Targets::from(tight_hot.view())),
        (Targets::probabilities(soft), Targets::from(tight_soft.view())),
    ] {
        let batch = Batch::new(scores.view(), given).element_weights(v).upstream(up);
        let got = gpu.run(&unreduced, &batch).expect("legal");
        let batch = Batch::new(tight.view(), copied).element_weights(tight_v.view()).upstream(tight_up.view());
        let want = gpu.run(&unreduced, &batch).expect("legal");
        assert_eq!((got.loss, got.losses, got.grad), (want.loss, want.losses, want.grad));
    }
}

#[test]
fn views_of_any_strides() {
    let all = Array2::from_shape_fn((12, 10), |(r, c)| ((r * 7 + c * 3) % 11) as f32 - 5.0);
    on_every_adapter(|gpu| {
        as_from_tight_copies(gpu, &all.t());
        as_from_tight_copies(gpu, &all.slice(s![..;-1, ..]));
        as_from_tight_copies(gpu, &all.slice(s![.., ..;-1]));
        as_from_tight_copies(gpu, &all.slice(s![..;2, 1..;3]));
        as_from_tight_copies(gpu, &all.slice(s![3..8, 2..9]));
        as_from_tight_copies(gpu, &all.row(4).broadcast((6, 10)).expect("rows alike"));
    });
}

/// By hand: the transposed view's rows are columns, reversed labels belong to reversed rows.
#[test]
fn a_transposed_view_by_hand() {
    let columns = array![[0.0_f32, 2.0], [0.0, 0.0]];
    let labels = array![1_i64, 0];
    let upstream = array![1.0_f32, 3.0];
    on_every_adapter(|gpu| {
        let loss = SoftmaxCe::default().reduction(Reduction::None);
        let batch = Batch::new(columns.t(), &labels).upstream(upstream.slice(s![..;-1]));
        let out = gpu.run(&loss, &batch).expect("legal");
        // Rows (0, 0) with class 1 and (2, 0) with class 0, upstream 3 and 1: ln 2, ln(1 + e⁻²).
        let losses = out.losses.clone().expect("unreduced");
        near(losses[[0]], 2.0_f64.ln());
        near(losses[[1]], (-2.0_f64).exp().ln_1p());
        let q = (-2.0_f64).exp() / (1.0 + (-2.0_f64).exp());
        all_near(grad_of(&out), &[1.5, -1.5, -q, q]);
    });
}

/// The two kinds of call give bitwise the same.
#[test]
fn blocking_and_async_calls_agree() {
    let scores = Array2::from_shape_fn((9, 33), |(r, c)| ((r * 31 + c * 17) % 23) as f32 * 0.37 - 4.0);
    let labels: Vec<i64> = (0..9).map(|r| r * 3).collect();
    under_every_strategy(Kind::SoftmaxCe, &[9, 33], |gpu| {
        let batch = Batch::new(scores.view(), &labels).with_losses().with_lse().with_argmax();
        for loss in [SoftmaxCe::default(), SoftmaxCe::default().label_smoothing(0.1).reduction(Reduction::None)] {
            let here = gpu.run(&loss, &batch).expect("legal");
            let there = pollster::block_on(gpu.run_async(&loss, &batch)).expect("legal");
            assert!(here.loss > 0.0);
            assert_eq!((here.loss, here.losses, here.lse), (there.loss, there.losses, there.lse));
            assert_eq!((here.grad, here.argmax), (there.grad, there.argmax));
        }
        let bad = Batch::new(scores.view(), &[33_i64; 9]);
        let error = pollster::block_on(gpu.run_async(&SoftmaxCe::default(), &bad)).expect_err("bad labels");
        assert!(matches!(error, Error::ClassOutOfRange { row: 0, class: 33, classes: 33, count: 9 }), "{error}");
    });
}
