//! Labels that are not known, 255 among multi-hot bytes: no loss, no gradient, not counted.

use crate::common::each::on_every_adapter;
use crate::common::plain;
use crate::common::values::grad_of;
use crate::{all_near, all_zero, near};
use gpu_loss::batch::MISSING_LABEL;
use gpu_loss::loss::{EmptyMean, Kind};
use gpu_loss::{Batch, Dtype, Error, Layout, Reduction, Shape, batch::TargetForm};
use ndarray::{Array2, array};

const ELEMENTS: [Kind; 4] = [Kind::SigmoidCe, Kind::SigmoidFocal, Kind::Asymmetric, Kind::Bce];

/// Of four labels two are known: (ln 2 + ln 2)/2. A NaN whose label nobody knows hides.
#[test]
fn unknown_labels_count_for_nothing() {
    let scores = array![[0.0_f32, 5.0], [f32::NAN, 0.0]];
    let labels = array![[1_u8, MISSING_LABEL], [MISSING_LABEL, 0]];
    let batch = Batch::new(&scores, &labels).with_losses();
    on_every_adapter(|gpu| {
        let mut spec = plain(Kind::SigmoidCe);
        let out = gpu.run(&spec, &batch).expect("computed");
        near(out.loss, 2.0_f64.ln());
        all_near(grad_of(&out), &[-0.25, 0.0, 0.0, 0.25]);
        let losses = out.losses.expect("asked for");
        assert_eq!((losses[[0, 1]], losses[[1, 0]]), (0.0, 0.0));
        for reduction in [Reduction::Sum, Reduction::BatchMean] {
            spec.reduction = reduction;
            let share = if reduction == Reduction::Sum { 1.0 } else { 0.5 };
            near(gpu.run(&spec, &batch).expect("computed").loss, share * 2.0 * 2.0_f64.ln());
        }
    });
}

#[test]
fn nothing_known_is_an_empty_mean() {
    let scores = Array2::from_elem((70, 33), 0.5_f32);
    let labels = Array2::from_elem((70, 33), MISSING_LABEL);
    on_every_adapter(|gpu| {
        for kind in ELEMENTS {
            let mut spec = plain(kind);
            let out = gpu.run(&spec, &Batch::new(&scores, &labels)).expect("computed");
            assert!(out.loss.is_nan(), "{kind:?}: {}", out.loss);
            all_zero(grad_of(&out));
            spec.empty_mean = EmptyMean::Zero;
            assert_eq!(gpu.run(&spec, &Batch::new(&scores, &labels)).expect("computed").loss, 0.0);
        }
    });
}

#[test]
fn unknown_labels_of_rows_are_refused() {
    on_every_adapter(|gpu| {
        let layout = Layout::forward_backward(Shape::new(4, 8), Dtype::F32).missing_labels();
        for layout in [layout, layout.targets(TargetForm::MultiHot)] {
            let error = gpu.plan(&plain(Kind::SoftmaxCe), &layout).expect_err("a loss of rows");
            assert!(matches!(error, Error::Layout { .. }), "{error}");
        }
    });
}
