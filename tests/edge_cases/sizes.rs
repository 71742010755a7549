//! No rows, no classes, one class, and targets without weight.

use crate::common::each::{on_every_adapter, under_every_strategy};
use crate::common::values::grad_of;
use crate::common::{of_labels, plain};
use crate::{REDUCTIONS, all_near, all_zero, near, row, rows};
use gpu_loss::loss::{EmptyMean, Kind, Loss};
use gpu_loss::{Batch, Ce, Error, Reduction, SoftmaxCe, Targets};
use ndarray::{Array2, ArrayD, Axis, IxDyn, array};

#[test]
fn no_rows() {
    on_every_adapter(|gpu| {
        for (kind, dims) in of_labels().flat_map(|kind| [vec![0, 3], vec![0, 3, 2], vec![2, 3, 0]].map(|d| (kind, d))) {
            let scores = ArrayD::<f32>::zeros(IxDyn(&dims));
            let row_dims: Vec<usize> = [&dims[..1], &dims[2..]].concat();
            let labels = ArrayD::<i64>::zeros(IxDyn(&row_dims));
            for (reduction, empty_mean) in
                REDUCTIONS.into_iter().flat_map(|r| [EmptyMean::Nan, EmptyMean::Zero].map(|e| (r, e)))
            {
                let mut spec = plain(kind);
                (spec.reduction, spec.empty_mean) = (reduction, empty_mean);
                let out = gpu.run(&spec, &Batch::new(scores.view(), &labels)).expect("legal");
                // BatchMean divides by N, which is 2 in [2, 3, 0].
                let empty = reduction == Reduction::Mean || (reduction == Reduction::BatchMean && dims[0] == 0);
                let nan = empty && empty_mean == EmptyMean::Nan;
                assert!(if nan { out.loss.is_nan() } else { out.loss == 0.0 }, "{spec:?} {dims:?}: {}", out.loss);
                assert_eq!(grad_of(&out).shape(), dims);
                let losses = out.losses.map(|l| l.shape().to_vec());
                let expected = if kind.per_row() { row_dims.clone() } else { dims.clone() };
                assert_eq!(losses, (reduction == Reduction::None).then_some(expected));
            }
        }
        // Not even without rows is a bad option passed over.
        let scores = Array2::<f32>::zeros((0, 3));
        let batch = Batch::new(scores.view(), &[] as &[i64; 0]);
        let error = gpu.run(&SoftmaxCe::default().label_smoothing(2.0), &batch).expect_err("ε = 2");
        assert!(matches!(error, Error::Option { option: "label_smoothing", .. }), "{error}");
    });
}

#[test]
fn no_classes() {
    on_every_adapter(|gpu| {
        for (kind, dims) in of_labels().flat_map(|kind| [vec![3, 0], vec![0, 0], vec![3, 0, 2]].map(|d| (kind, d))) {
            let scores = ArrayD::<f32>::zeros(IxDyn(&dims));
            let labels = ArrayD::<i64>::zeros(IxDyn(&[&dims[..1], &dims[2..]].concat()));
            let batch = Batch::new(scores.view(), &labels);
            let error = gpu.run(&plain(kind), &batch).expect_err("no classes");
            assert!(matches!(&error, Error::NoClasses { got } if *got == dims), "{error}");
        }
    });
}

/// The only class is certain, whatever its score.
#[test]
fn one_class() {
    let scores = array![[0.0_f32], [1e4], [-1e4], [1e8], [-3.7]];
    let ones = Array2::<u8>::ones((5, 1));
    under_every_strategy(Kind::SoftmaxCe, &[5, 1], |gpu| {
        for (kind, gamma) in [
            (Kind::SoftmaxCe, 0.0),
            (Kind::SoftmaxFocal, 0.0),
            (Kind::SoftmaxFocal, 0.5),
            (Kind::SoftmaxFocal, 2.0),
            (Kind::Poly1, 0.0),
        ] {
            for smoothing in [0.0, 0.1] {
                let mut spec = plain(kind);
                (spec.gamma, spec.reduction) = (gamma, Reduction::Sum);
                if kind == Kind::SoftmaxCe {
                    (spec.label_smoothing, spec.class_weights) = (smoothing, Some(vec![2.0]));
                }
                let out = rows(gpu, &spec, scores.view().into_dyn(), Targets::from(&[0_i64; 5]));
                assert_eq!(out.loss, 0.0);
                all_zero(grad_of(&out));
                assert_eq!(
                    out.lse.clone().expect("wanted").iter().copied().collect::<Vec<_>>(),
                    [0.0, 1e4, -1e4, 1e8, -3.7]
                );
                assert_eq!(out.correct, Some(5));
            }
        }
        let out = rows(gpu, &plain(Kind::SoftmaxCe), scores.view().into_dyn(), Targets::from(ones.view()));
        assert_eq!(out.loss, 0.0);
        all_zero(grad_of(&out));
    });
}

/// A row of zero probabilities weighs nothing: A = B_j = 0. Smoothing gives it ε/C each.
#[test]
fn all_zero_target_rows() {
    let scores = array![[7.0_f32, -3.0, 100.0, 0.0], [1.0, 1.0, 1.0, 1.0]];
    let targets = Array2::<f32>::zeros((2, 4));
    under_every_strategy(Kind::SoftmaxCe, &[2, 4], |gpu| {
        let soft = || Targets::from(targets.view());
        let out = rows(gpu, &plain(Kind::SoftmaxCe), scores.view().into_dyn(), soft());
        assert_eq!((out.loss, out.correct), (0.0, Some(0)));
        all_zero(grad_of(&out));
        let smooth = SoftmaxCe::default().label_smoothing(0.25).reduction(Reduction::None).spec();
        let out = rows(gpu, &smooth, scores.view().into_dyn(), soft());
        near(out.losses.clone().expect("wanted")[[1]], 0.25 * 4.0_f64.ln());
        grad_of(&out).index_axis(Axis(0), 1).iter().for_each(|g| assert!(g.abs() < 1e-8, "{g}"));
        let out = gpu.ce(&Batch::new(targets.view(), soft())).expect("legal");
        assert_eq!(out.loss, 0.0);
        all_zero(grad_of(&out));
    });
}

/// M = 0: loss and gradient 0, z-loss and smoothing included, and the row counts in the mean.
#[test]
fn rows_without_a_true_class() {
    let scores = array![[5.0_f32, 1.0, -2.0, 0.0], [1.0, 1.0, 1.0, 1.0], [0.0, 9.0, 0.0, 0.0]];
    let hot = array![[0_u8, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]];
    let given = hot.mapv(f32::from);
    let ln4 = 4.0_f64.ln();
    let lse = 1.0 + ln4;
    let spec = SoftmaxCe::default().z_loss(0.5).label_smoothing(0.25).spec();
    under_every_strategy(Kind::SoftmaxCe, &[3, 4], |gpu| {
        let lists = Targets::lists(&[0_i64, 0, 1, 1], &[1_i64]);
        for targets in [lists, Targets::from(hot.view())] {
            let out = rows(gpu, &spec, scores.view().into_dyn(), targets.clone());
            near(out.loss, (ln4 + 0.5 * lse * lse) / 3.0);
            let losses = out.losses.clone().expect("wanted");
            assert_eq!((losses[[0]], losses[[2]]), (0.0, 0.0));
            all_zero(&row(grad_of(&out), 0));
            all_zero(&row(grad_of(&out), 2));
            let other = ((1.0 + lse) / 4.0 - 0.0625) / 3.0;
            all_near(&row(grad_of(&out), 1), &[other, other - 0.25, other, other]);
            let out = rows(gpu, &Ce::default().spec(), given.view().into_dyn(), targets);
            assert_eq!(out.loss, 0.0);
            all_near(grad_of(&out), &[0.0, 0.0, 0.0, 0.0, 0.0, -1.0 / 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        }
    });
}

/// Lists and bytes that are all empty.
#[test]
fn no_true_class_anywhere() {
    let scores = Array2::<f32>::from_elem((3, 5), 2.0);
    let hot = Array2::<u8>::zeros((3, 5));
    under_every_strategy(Kind::SoftmaxCe, &[3, 5], |gpu| {
        let lists = Targets::lists(&[0_i64; 4], &[] as &[i64; 0]);
        for targets in [lists, Targets::from(hot.view())] {
            let out = rows(gpu, &plain(Kind::SoftmaxCe), scores.view().into_dyn(), targets);
            assert_eq!((out.loss, out.correct), (0.0, Some(0)));
            all_zero(grad_of(&out));
        }
    });
}
