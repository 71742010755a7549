//! Scores far out, and rows that are all but certain.

use crate::common::each::under_every_strategy;
use crate::common::plain;
use crate::common::values::grad_of;
use crate::{all_near, all_zero, near, row, rows};
use gpu_loss::loss::{Kind, Loss};
use gpu_loss::{Batch, Poly1, Reduction, SigmoidCe, SigmoidFocal, SoftmaxCe, SoftmaxFocal, Targets};
use ndarray::{Array2, array};

/// p_y → 1: a loss near 1e-6 to its own digits, not to those of 1. The true class in every place of a row.
#[test]
fn confident_rows() {
    under_every_strategy(Kind::SoftmaxCe, &[7, 7], |gpu| {
        for gap in [10.0_f32, 14.0, 17.0] {
            // Six others, e^−gap each: loss = ln(1 + 6·e^−gap).
            let scores = Array2::from_shape_fn((7, 7), |(r, c)| if r == c { gap } else { 0.0 });
            let small = 6.0 * f64::from(-gap).exp();
            let labels: Vec<i64> = (0..7).collect();
            for (spec, loss) in [
                (SoftmaxCe::default().spec(), small.ln_1p()),
                (SoftmaxFocal::default().gamma(2.0).spec(), (small / (1.0 + small)).powi(2) * small.ln_1p()),
                (Poly1::default().epsilon(3.0).spec(), small.ln_1p() + 3.0 * small / (1.0 + small)),
            ] {
                let out = rows(gpu, &spec, scores.view().into_dyn(), Targets::from(&labels));
                for got in out.losses.clone().expect("wanted") {
                    assert!((f64::from(got) / loss - 1.0).abs() < 3e-5, "{got}, expected {loss}");
                }
                assert_eq!(out.correct, Some(7));
            }
            let out = rows(gpu, &plain(Kind::SoftmaxCe), scores.view().into_dyn(), Targets::from(&labels));
            for ((at, g), _) in grad_of(&out).indexed_iter().zip(&scores) {
                let p = f64::from(-gap).exp() / (1.0 + small);
                let want = if at[0] == at[1] { -6.0 * p } else { p } / 7.0;
                assert!((f64::from(*g) / want - 1.0).abs() < 2e-5, "{g}, expected {want}");
            }
        }
    });
}

/// The same on a sigmoid: softplus(−14) = 8.3e-7.
#[test]
fn confident_elements() {
    let scores = array![[14.0_f32, -14.0, 10.0, -17.0, 14.0]];
    let hot = array![[1_u8, 0, 1, 0, 1]];
    under_every_strategy(Kind::SigmoidCe, &[1, 5], |gpu| {
        let loss = SigmoidCe::default().reduction(Reduction::None);
        let out = gpu.run(&loss, &Batch::new(scores.view(), hot.view())).expect("legal");
        let losses = out.losses.clone().expect("unreduced");
        for ((x, got), g) in scores.iter().zip(&losses).zip(grad_of(&out)) {
            let e = f64::from(-x.abs()).exp();
            assert!((f64::from(*got) / e.ln_1p() - 1.0).abs() < 1e-5, "{got} at {x}");
            assert!((f64::from(g.abs()) / (e / (1.0 + e)) - 1.0).abs() < 2e-5, "{g} at {x}");
        }
    });
}

/// 1e4 is a multiple of f32's step there, so that the differences are exact: (0, 1, −1) all three times.
#[test]
fn scores_near_ten_thousand() {
    let scores = array![[0.0_f32, 1.0, -1.0], [10_000.0, 10_001.0, 9_999.0], [-10_000.0, -9_999.0, -10_001.0]];
    let sum = 1.0 + 1.0_f64.exp() + (-1.0_f64).exp();
    let p = [1.0 / sum, 1.0_f64.exp() / sum, (-1.0_f64).exp() / sum];
    under_every_strategy(Kind::SoftmaxCe, &[3, 3], |gpu| {
        for label in 0..3 {
            let spec = SoftmaxCe::default().reduction(Reduction::None).spec();
            let out = rows(gpu, &spec, scores.view().into_dyn(), Targets::from(&[label as i64; 3]));
            for (r, loss) in out.losses.clone().expect("unreduced").iter().enumerate() {
                near(*loss, -p[label].ln());
                let mut want = p;
                want[label] -= 1.0;
                all_near(&row(grad_of(&out), r), &want);
            }
        }
    });
}

/// f32's step at 1e8 is 8. Row 1's true class lies 1e8 below.
#[test]
fn scores_near_a_hundred_million() {
    let scores = array![[1e8_f32, 1e8 - 8.0, 1e8 + 8.0], [1e8, 0.0, -1e8], [-1e8, -1e8, -1e8]];
    let others = (-8.0_f64).exp() + (-16.0_f64).exp();
    under_every_strategy(Kind::SoftmaxCe, &[3, 3], |gpu| {
        let spec = SoftmaxCe::default().reduction(Reduction::None).spec();
        let out = rows(gpu, &spec, scores.view().into_dyn(), Targets::from(&[0_i64, 1, 2]));
        let losses = out.losses.clone().expect("unreduced");
        near(losses[[0]], 8.0 + others.ln_1p());
        assert_eq!(losses[[1]], 1e8);
        near(losses[[2]], 3.0_f64.ln());
        let p = [(-8.0_f64).exp(), (-16.0_f64).exp(), 1.0].map(|e| e / (1.0 + others));
        all_near(&row(grad_of(&out), 0), &[p[0] - 1.0, p[1], p[2]]);
        assert_eq!(row(grad_of(&out), 1), [1.0, -1.0, 0.0]);
        all_near(&row(grad_of(&out), 2), &[1.0 / 3.0, 1.0 / 3.0, -2.0 / 3.0]);
        // A softcap takes them to ±30, where its slope is 0.
        let capped = SoftmaxCe::default().softcap(30.0).reduction(Reduction::None).spec();
        let out = rows(gpu, &capped, scores.view().into_dyn(), Targets::from(&[0_i64, 1, 2]));
        let losses = out.losses.clone().expect("unreduced");
        near(losses[[1]], 30.0);
        near(losses[[2]], 3.0_f64.ln());
        assert_eq!(row(grad_of(&out), 1), [0.0, -1.0, 0.0]);
        all_zero(&row(grad_of(&out), 2));
    });
}

#[test]
fn huge_scores_of_sigmoid_losses() {
    let scores = array![[1e4_f32, -1e4, 1e8, -1e8, 1e4, -1e4, 1e8, -1e8]];
    let hot = array![[1_u8, 1, 1, 1, 0, 0, 0, 0]];
    let losses_due = [0.0, 1e4, 0.0, 1e8, 1e4, 0.0, 1e8, 0.0];
    let slopes_due = [0.0, -1.0, 0.0, -1.0, 1.0, 0.0, 1.0, 0.0];
    under_every_strategy(Kind::SigmoidCe, &[1, 8], |gpu| {
        for spec in [SigmoidCe::default().spec(), SigmoidFocal::default().gamma(0.5).spec()] {
            let mut spec = spec;
            spec.reduction = Reduction::None;
            let out = gpu.run(&spec, &Batch::new(scores.view(), hot.view())).expect("legal");
            assert_eq!(
                out.losses.clone().expect("unreduced").iter().copied().collect::<Vec<_>>(),
                losses_due,
                "{spec:?}"
            );
            grad_of(&out)
                .iter()
                .zip(slopes_due)
                .for_each(|(g, due)| assert!((g - due).abs() < 1e-30, "{g}, not {due}"));
        }
    });
}
