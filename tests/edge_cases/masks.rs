//! Masks, NaN and infinities.

use crate::common::each::{on_every_adapter, under_every_strategy};
use crate::common::plain;
use crate::common::values::grad_of;
use crate::{INFINITY, MASK, SOFTMAX, all_nan, all_near, all_zero, both_ways, near, row, rows, shaped};
use gpu_loss::batch::{Element, bf16, f16};
use gpu_loss::loss::{Kind, Loss, Spec};
use gpu_loss::{Batch, GpuLoss, Reduction, SoftmaxCe, Targets};
use ndarray::{Array2, array};

/// Masks at a row's head, body and tail: three equal scores are left, p = 1/3. The softcap's T'(0) is the scale.
#[test]
fn masked_classes_have_no_part() {
    let row0 = [MASK, 0.0, MASK, MASK, 0.0, 0.0, MASK];
    let row1 = [0.0, MASK, 0.0, 0.0, MASK, MASK, MASK];
    let row2 = [MASK, MASK, MASK, MASK, MASK, MASK, 5.0];
    let scores = Array2::from_shape_vec((3, 7), [row0, row1, row2].concat()).expect("3 rows");
    let third = 1.0 / 3.0;
    under_every_strategy(Kind::SoftmaxCe, &[3, 7], |gpu| {
        for (kind, cap, scale) in SOFTMAX.into_iter().flat_map(|k| [(k, None, 1.0), (k, Some(30.0), 2.0)]) {
            let mut spec = Spec::plain(kind);
            (spec.softcap, spec.logit_scale, spec.reduction) = (cap, scale as f32, Reduction::None);
            let out = rows(gpu, &spec, scores.view().into_dyn(), Targets::from(&[4_i64, 0, 6]));
            let losses = out.losses.clone().expect("wanted");
            near(losses[[0]], 3.0_f64.ln());
            near(losses[[1]], 3.0_f64.ln());
            assert_eq!(losses[[2]], 0.0);
            all_near(&row(grad_of(&out), 0), &[0.0, third, 0.0, 0.0, -2.0 * third, third, 0.0].map(|g| g * scale));
            all_near(&row(grad_of(&out), 1), &[-2.0 * third, 0.0, third, third, 0.0, 0.0, 0.0].map(|g| g * scale));
            all_zero(&row(grad_of(&out), 2));
            for (g, x) in grad_of(&out).iter().zip(&scores) {
                assert!(*x != MASK || *g == 0.0, "{g} at a mask");
            }
            assert_eq!(out.argmax.clone().expect("wanted").iter().copied().collect::<Vec<_>>(), [1, 0, 6]);
            near(out.lse.clone().expect("wanted")[[0]], 3.0_f64.ln());
        }
    });
}

/// Where B_j = 0 a mask contributes 0, through every form of target; where smoothing gives it weight the loss is +∞.
#[test]
fn a_mask_counts_where_its_weight_does() {
    let scores = array![[0.0_f32, MASK, 0.0, MASK, 0.0]];
    let soft = array![[0.5_f32, 0.0, 0.25, 0.0, 0.25]];
    let hot = array![[1_u8, 0, 0, 0, 1]];
    under_every_strategy(Kind::SoftmaxCe, &[1, 5], |gpu| {
        let lists = Targets::lists(&[0_i64, 2], &[0_i64, 4]);
        for targets in [Targets::from(soft.view()), Targets::from(hot.view()), lists] {
            let out = rows(gpu, &plain(Kind::SoftmaxCe), scores.view().into_dyn(), targets);
            near(out.loss, 3.0_f64.ln());
            assert_eq!((grad_of(&out)[[0, 1]], grad_of(&out)[[0, 3]]), (0.0, 0.0));
            near(grad_of(&out)[[0, 0]], 1.0 / 3.0 - 0.5);
        }
        let smooth = SoftmaxCe::default().label_smoothing(0.5);
        let out = rows(gpu, &smooth.spec(), scores.view().into_dyn(), Targets::from(&[0_i64]));
        assert_eq!(out.loss, INFINITY);
        // A·p_j − B_j, B = 1/2 + 1/10 at the true class and 1/10 elsewhere, masks too.
        all_near(grad_of(&out), &[1.0 / 3.0 - 0.6, -0.1, 1.0 / 3.0 - 0.1, -0.1, 1.0 / 3.0 - 0.1]);
        let weightless = smooth.class_weights([1.0, 0.0, 1.0, 0.0, 1.0]);
        let out = rows(gpu, &weightless.spec(), scores.view().into_dyn(), Targets::from(&[0_i64]));
        // A = 1/2 + 3/10, all of it at equal scores.
        near(out.loss, 0.8 * 3.0_f64.ln());
        assert_eq!((grad_of(&out)[[0, 1]], grad_of(&out)[[0, 3]]), (0.0, 0.0));
    });
}

/// The true class cannot be: loss +∞, and a gradient that pushes as hard as it can.
#[test]
fn the_true_class_at_minus_infinity() {
    let scores = array![[0.0_f32, 0.0, MASK, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0, 1.0]];
    under_every_strategy(Kind::SoftmaxCe, &[2, 5], |gpu| {
        for (kind, gamma) in [
            (Kind::SoftmaxCe, 0.0),
            (Kind::SoftmaxFocal, 0.0),
            (Kind::SoftmaxFocal, 0.5),
            (Kind::SoftmaxFocal, 2.0),
            (Kind::Poly1, 0.0),
        ] {
            for softcap in [None, Some(30.0)] {
                both_ways(&scores, |scores, row_dims| {
                    // Down the classes another strategy serves.
                    let gpu = &if scores.ndim() == 3 { gpu.with_strategy(None) } else { gpu.clone() };
                    let mut spec = plain(kind);
                    (spec.gamma, spec.softcap, spec.reduction) = (gamma, softcap, Reduction::Sum);
                    let out = rows(gpu, &spec, scores.view(), Targets::from(&shaped(&row_dims, &[2_i64, 2])));
                    assert_eq!(out.loss, INFINITY);
                    assert_eq!(out.losses.clone().expect("wanted").iter().next(), Some(&INFINITY));
                    // A softcap's slope at −∞ is 0.
                    let pull = if softcap.is_some() { 0.0 } else { -1.0 };
                    all_near(&row(grad_of(&out), 0), &[0.25, 0.25, pull, 0.25, 0.25]);
                    assert!(row(grad_of(&out), 1).iter().all(|g| g.is_finite()));
                });
            }
        }
    });
}

/// Rows 1 to 4 hold a NaN, one with its sign set, a +∞, or nothing but masks; rows 0 and 5 are seven equal scores.
fn poisoned(at: usize) -> Array2<f32> {
    let mut scores = Array2::zeros((6, 7));
    scores[[1, at]] = f32::NAN;
    scores[[2, at]] = f32::from_bits(0xffc0_0000);
    scores[[3, at]] = INFINITY;
    scores.row_mut(4).fill(MASK);
    scores
}

fn poison_stays_in_its_row<T: Element>(gpu: &GpuLoss, spec: &Spec, at: usize, from: fn(f32) -> T) {
    let seventh = 1.0 / 7.0;
    both_ways(&poisoned(at), |scores, row_dims| {
        let strategies = gpu.strategies(spec.kind, gpu_loss::Shape::of(scores.shape()).expect("rows"));
        for strategy in strategies {
            let gpu = &gpu.with_strategy(strategy);
            let labels = shaped(&row_dims, &[0_i64, 1, 2, 3, 4, 6]);
            let out = rows(gpu, spec, scores.mapv(from).view(), Targets::from(&labels));
            let losses: Vec<f32> = out.losses.clone().expect("wanted").iter().copied().collect();
            let lse: Vec<f32> = out.lse.clone().expect("wanted").iter().copied().collect();
            let grad = grad_of(&out).mapv(|g| g.to_f64() as f32);
            for bad in 1..5 {
                all_nan(&[losses[bad], lse[bad]]);
                all_nan(&row(&grad, bad));
            }
            near(losses[0], 7.0_f64.ln());
            near(losses[5], 7.0_f64.ln());
            let argmax: Vec<u32> = out.argmax.clone().expect("wanted").iter().copied().collect();
            assert_eq!(argmax, [0, u32::MAX, u32::MAX, u32::MAX, u32::MAX, 0]);
            assert_eq!(out.correct, Some(1));
            for (place, g) in row(&grad, 5).iter().enumerate() {
                let want = if place == 6 { seventh - 1.0 } else { seventh };
                assert!((f64::from(*g) - want).abs() <= 4e-3 * want.abs(), "{strategy:?}: {g}, expected {want}");
            }
        }
    });
}

#[test]
fn nan_and_infinity_poison_their_row_alone() {
    on_every_adapter(|gpu| {
        for (kind, at) in SOFTMAX.into_iter().flat_map(|kind| [0, 3, 6].map(|at| (kind, at))) {
            let mut spec = Spec::plain(kind);
            spec.reduction = Reduction::None;
            poison_stays_in_its_row(gpu, &spec, at, |v| v);
        }
    });
}

#[test]
fn nan_and_infinity_poison_16_bit_rows() {
    on_every_adapter(|gpu| {
        let mut spec = plain(Kind::SoftmaxCe);
        spec.reduction = Reduction::None;
        poison_stays_in_its_row(gpu, &spec, 3, f16::from_f32);
        poison_stays_in_its_row(gpu, &spec, 3, bf16::from_f32);
    });
}

#[test]
fn nan_poisons_under_transform_and_smoothing() {
    on_every_adapter(|gpu| {
        let mut spec = plain(Kind::SoftmaxCe);
        spec.reduction = Reduction::None;
        (spec.softcap, spec.logit_scale, spec.label_smoothing) = (Some(30.0), 1.0, 0.0);
        poison_stays_in_its_row(gpu, &spec, 2, |v| v);
    });
}

/// A poisoned row makes the mean NaN, and leaves the other rows' gradients alone.
#[test]
fn poison_reaches_the_mean_but_no_other_gradient() {
    let scores = array![[f32::NAN, 0.0], [0.0, 0.0]];
    under_every_strategy(Kind::SoftmaxCe, &[2, 2], |gpu| {
        let out = gpu.softmax_ce(&Batch::new(scores.view(), &[0_i64, 1])).expect("legal");
        assert!(out.loss.is_nan());
        all_near(grad_of(&out).row(1), &[0.25, -0.25]);
    });
}

/// A sigmoid's NaN poisons its element alone.
#[test]
fn nan_poisons_its_element_of_sigmoid_losses() {
    let mut scores = Array2::<f32>::zeros((2, 5));
    scores[[0, 3]] = f32::NAN;
    for kind in [Kind::SigmoidCe, Kind::SigmoidFocal] {
        under_every_strategy(kind, &[2, 5], |gpu| {
            let mut spec = Spec::plain(kind);
            spec.reduction = Reduction::None;
            let out = gpu.run(&spec, &Batch::new(scores.view(), &[1_i64, 2])).expect("legal");
            for ((at, loss), g) in out.losses.clone().expect("unreduced").indexed_iter().zip(grad_of(&out)) {
                if (at[0], at[1]) == (0, 3) {
                    all_nan(&[*loss, *g]);
                } else {
                    near(*loss, 2.0_f64.ln());
                    near(g.abs(), 0.5);
                }
            }
        });
    }
}
