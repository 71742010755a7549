//! Dense predictions, `[N, C, H, W]`: every position is a row.

use crate::common::each::on_every_adapter;
use crate::common::values::grad_of;
use crate::common::{of_labels, plain};
use crate::{all_near, near, shaped};
use gpu_loss::loss::Loss;
use gpu_loss::{Batch, Reduction, SoftmaxCe};
use ndarray::{Array4, ArrayD, Axis, IxDyn, array};

/// Two positions: scores (0, 0) with class 1, (0, 2) with class 1.
#[test]
fn an_image_by_hand() {
    let scores = array![[[[0.0_f32, 0.0]], [[0.0, 2.0]]]];
    let labels = array![[[1_i64, 1]]];
    let q = (-2.0_f64).exp() / (1.0 + (-2.0_f64).exp());
    on_every_adapter(|gpu| {
        let batch = Batch::new(scores.view(), &labels).with_losses().with_lse().with_argmax();
        let out = gpu.softmax_ce(&batch).expect("legal");
        let losses = out.losses.clone().expect("wanted");
        assert_eq!(losses.shape(), [1, 1, 2]);
        near(losses[[0, 0, 0]], 2.0_f64.ln());
        near(losses[[0, 0, 1]], (-2.0_f64).exp().ln_1p());
        near(out.loss, (2.0_f64.ln() + (-2.0_f64).exp().ln_1p()) / 2.0);
        near(out.lse.clone().expect("wanted")[[0, 0, 1]], 2.0 + (-2.0_f64).exp().ln_1p());
        assert_eq!(out.argmax.clone().expect("wanted").iter().copied().collect::<Vec<_>>(), [0, 1]);
        all_near(grad_of(&out), &[0.25, q / 2.0, -0.25, -q / 2.0]);
        // BatchMean divides by N = 1, not by the positions.
        let out = gpu.run(&SoftmaxCe::default().reduction(Reduction::BatchMean), &batch).expect("legal");
        near(out.loss, 2.0_f64.ln() + (-2.0_f64).exp().ln_1p());
    });
}

/// Positions of 20 (whole vectors), 49 (odd, as of a 7 × 7 map) and 3 (less than a vector): the same rows as `[N·H·W, C]`
/// give the same losses and gradients, for every loss.
#[test]
fn positions_are_rows() {
    on_every_adapter(|gpu| {
        for (n, c, h, w) in [(2, 3, 4, 5), (2, 5, 7, 7), (3, 2, 1, 3)] {
            let image = Array4::from_shape_fn((n, c, h, w), |(n, c, h, w)| {
                ((n * 31 + c * 17 + h * 7 + w * 3) % 19) as f32 / 19.0
            });
            let flat = image.view().permuted_axes([0, 2, 3, 1]);
            let flat = ArrayD::from_shape_vec(IxDyn(&[n * h * w, c]), flat.iter().copied().collect()).expect("rows");
            let labels: Vec<i64> = (0..n * h * w).map(|r| if r % 5 == 0 { -1 } else { (r % c) as i64 }).collect();
            for kind in of_labels() {
                let mut spec = plain(kind);
                (spec.ignore_index, spec.reduction) = (Some(-1), Reduction::Sum);
                let of = |scores: &ArrayD<f32>, dims: &[usize]| {
                    let labels = shaped(dims, &labels);
                    gpu.run(&spec, &Batch::new(scores.view(), &labels)).expect("legal")
                };
                let there = of(&image.clone().into_dyn(), &[n, h, w]);
                let here = of(&flat, &[n * h * w]);
                near(there.loss, f64::from(here.loss));
                assert!(here.loss > 0.0);
                let rows = grad_of(&there).view().permuted_axes(IxDyn(&[0, 2, 3, 1]));
                let expected: Vec<f64> = grad_of(&here).iter().map(|g| f64::from(*g)).collect();
                all_near(rows.iter(), &expected);
            }
        }
    });
}

/// A batch of one position is `[N, C]` with another name.
#[test]
fn one_position() {
    let scores = ArrayD::<f32>::from_shape_fn(IxDyn(&[5, 3, 1, 1]), |at| (at[0] * at[1]) as f32 * 0.5);
    let flat = scores.clone().into_shape_with_order(IxDyn(&[5, 3])).expect("as many");
    let labels = [0_i64, 1, 2, 0, 1];
    on_every_adapter(|gpu| {
        let batch = Batch::new(flat.view(), &labels);
        let here = gpu.run(&SoftmaxCe::default(), &batch).expect("legal");
        let labels = shaped(&[5, 1, 1], &labels);
        let spec = SoftmaxCe::default().spec();
        let there = gpu.run(&spec, &Batch::new(scores.view(), &labels)).expect("legal");
        assert_eq!(
            (here.loss, grad_of(&here).iter().copied().collect::<Vec<f32>>()),
            (there.loss, grad_of(&there).iter().copied().collect())
        );
        // Row 0 is three equal scores: (1/3 − 1)/5, 1/15, 1/15.
        let first: Vec<f32> = grad_of(&there).index_axis(Axis(0), 0).iter().copied().collect();
        all_near(&first, &[-2.0 / 15.0, 1.0 / 15.0, 1.0 / 15.0]);
    });
}
